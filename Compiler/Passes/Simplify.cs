using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Rules;

namespace Graph.Compiler.Passes;

/// <summary>
/// Folds constants, applies identities that are exact in floating point (but for the sign of a zero) and composes views, in one sweep:
/// a rule sees operands that are simplified already, and what it makes is simplified in turn. What is left without a reader is for <see cref="DeadCode"/>.
/// </summary>
public sealed record Simplify() : FunctionPass("Simplify")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => Run(function, program);

    static Function Run(Function function, Program program)
    {
        var rewriter = Rewriter.Over(program, function);
        var simplifier = new Simplifier(rewriter.Builder);
        foreach (var node in function.Nodes)
        {
            using var _ = rewriter.Builder.At(node.Origins);
            var inputs = rewriter.New(node.Inputs);
            if (node.Outputs.Length == 1 && node.Regions.IsEmpty)
            {
                rewriter.Map[node.Output] = simplifier.Make(node.Operation, inputs, node.Attributes);
                continue;
            }
            var copy = rewriter.Builder.Node(node.Operation, inputs, node.Attributes, [.. node.Regions.Select(r => Run(r, program))]);
            for (var i = 0; i < copy.Outputs.Length; i++) rewriter.Map[node.Outputs[i]] = copy.Outputs[i];
        }
        return rewriter.Finish(function);
    }
}
