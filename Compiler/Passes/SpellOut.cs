using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Passes;

/// <summary>Replaces the operations that a target has no kernel for by those that define them, and these in turn, until it has all that is left or nothing defines it (which <see cref="TargetModel.Lacks"/> says).</summary>
/// <param name="Target">What is compiled for.</param>
public sealed record SpellOut(TargetModel Target) : Pass("SpellOut")
{
    public override Program Run(Program program, CancellationToken cancel = default)
    {
        var called = Callees.Of(program);
        var result = program with { Functions = [] };
        foreach (var function in program.Functions)
        {
            var spelled = function;
            while (HasLacking(spelled))
            {
                cancel.ThrowIfCancellationRequested();
                spelled = new Decompose().Run(Rewritten(spelled, result), result, cancel);
                if (!called.Contains(function.Name)) spelled = WithoutChecks(spelled, result);
            }
            result = result with { Functions = result.Functions.Add(spelled) };
        }
        return result;
    }

    bool HasLacking(Function function) => function.Nodes.Any(n => Target.SpellsOut(n) || n.Regions.Any(HasLacking));

    Function Rewritten(Function function, Program program)
    {
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
        {
            if (!Target.SpellsOut(node))
            {
                rewriter.Emit(node, node.Attributes, [.. node.Regions.Select(r => Rewritten(r, program))]);
                continue;
            }
            using var _ = rewriter.Builder.At(node.Origins);
            var placed = new Node(node.Operation, rewriter.New(node.Inputs), node.Attributes, node.Regions, [.. node.Outputs.Select(o => o.Type)], node.Origins);
            var results = node.Operation.Define(rewriter.Builder, placed);
            for (var i = 0; i < results.Length; i++) rewriter.Map[node.Outputs[i]] = results[i];
        }
        return rewriter.Finish(function);
    }

    // A definition looks at numbers as the kernel did; those of the caller are looked at before a call.
    static Function WithoutChecks(Function function, Program program)
    {
        static bool IsChecked(Node node) => node.Operation.IsCheck && Arguments.Are(node.Inputs[0]);
        if (!function.Nodes.Any(IsChecked)) return function;
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
            if (IsChecked(node)) rewriter.Map[node.Output] = rewriter[node.Inputs[0]];
            else rewriter.Copy(node);
        return rewriter.Finish(function);
    }
}
