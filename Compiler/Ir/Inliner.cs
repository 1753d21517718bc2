using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>Replaces calls by the callee's nodes, its named dimensions by the operands' sizes.</summary>
public static class Inliner
{
    /// <summary>The function without calls, its regions too.</summary>
    /// <param name="function">The function.</param>
    /// <param name="program">Where calls are resolved.</param>
    /// <param name="stays">Tells calls of the function itself that stay; none when null.</param>
    public static Function Run(Function function, Program program, Func<Node, bool>? stays = null)
    {
        if (!Calls(function, stays)) return function;
        var rewriter = Rewriter.Over(program, function);
        Emit(function.Nodes, rewriter, program, ImmutableDictionary<string, Dim>.Empty, stays);
        return rewriter.Finish(function);
    }

    static bool Calls(Function function, Func<Node, bool>? stays) => function.Nodes.Any(n => (IsCall(n) && stays?.Invoke(n) != true) || n.Regions.Any(r => Calls(r, null)));

    static bool IsCall(Node node) => node.Operation == StructureOperations.Call;

    static void Emit(ImmutableArray<Node> nodes, Rewriter into, Program program, IReadOnlyDictionary<string, Dim> sizes, Func<Node, bool>? stays)
    {
        foreach (var node in nodes)
        {
            if (IsCall(node) && stays?.Invoke(node) != true) Expand(node, into, program);
            else into.Emit(node, Substitution.Apply(node.Attributes, sizes), [.. node.Regions.Select(r => Substitution.Apply(Run(r, program), program, sizes))]);
        }
    }

    static void Expand(Node call, Rewriter into, Program program)
    {
        var callee = CallOperation.Callee(program, call.Attributes);
        var operands = into.New(call.Inputs);
        var sizes = StructureOperations.Unify(callee, [.. operands.Select(o => o.Type)]);
        var inner = new Rewriter(into.Builder);
        for (var i = 0; i < operands.Length; i++) inner.Map[callee.Parameters[i]] = operands[i];
        using var _ = into.Builder.Under(call.Origins.IsEmpty ? "" : call.Origins[0].Path);
        Emit(callee.Nodes, inner, program, sizes, null);
        for (var i = 0; i < call.Outputs.Length; i++) into.Map[call.Outputs[i]] = inner[callee.Results[i]];
    }
}
