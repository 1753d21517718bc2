using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>Replaces calls by the callee's nodes, its named dimensions by the operands' sizes.</summary>
public static class Inliner
{
    /// <summary>The function without calls.</summary>
    public static Function Run(Function function, Program program)
    {
        if (!Calls(function)) return function;
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
        {
            if (IsCall(node))
            {
                var results = Expand(node, rewriter.New(node.Inputs), rewriter.Builder, program);
                for (var i = 0; i < results.Length; i++) rewriter.Map[node.Outputs[i]] = results[i];
            }
            else rewriter.Emit(node, node.Attributes, [.. node.Regions.Select(r => Run(r, program))]);
        }
        return rewriter.Finish(function);
    }

    static bool Calls(Function function) => function.Nodes.Any(n => IsCall(n) || n.Regions.Any(Calls));

    static bool IsCall(Node node) => node.Operation == StructureOperations.Call;

    /// <summary>Emits the callee's nodes on the operands and gives the values of its results. The callee has no calls of its own: functions are inlined callee first.</summary>
    public static ImmutableArray<Value> Expand(Node call, ImmutableArray<Value> operands, Builder builder, Program program)
    {
        var callee = CallOperation.Callee(program, call.Attributes);
        var sizes = StructureOperations.Unify(callee, [.. operands.Select(o => o.Type)]);
        var inner = new Rewriter(builder);
        for (var i = 0; i < operands.Length; i++) inner.Map[callee.Parameters[i]] = operands[i];
        foreach (var node in callee.Nodes) Substitution.Copy(node, inner, program, sizes);
        return inner.New(callee.Results);
    }
}
