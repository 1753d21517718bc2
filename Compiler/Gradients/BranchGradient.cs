using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Gradients;

/// <summary>
/// The gradient of a branch is a branch on the same condition: each side computes its forward values again, as far as its gradient reads them, so that neither keeps anything for the case that it is taken.
/// </summary>
static class BranchGradient
{
    /// <summary>Emits it; gives the gradient of each operand, null where none is wanted.</summary>
    /// <param name="b">Where it goes.</param>
    /// <param name="branch">The branch.</param>
    /// <param name="inputs">Its operands there.</param>
    /// <param name="given">The gradients of its results; null for none.</param>
    /// <param name="needed">Which operands a gradient is wanted for.</param>
    public static ImmutableArray<Value?> Emit(Builder b, Node branch, ImmutableArray<Value> inputs, ImmutableArray<Value?> given, ImmutableArray<bool> needed)
    {
        var wanted = Enumerable.Range(1, inputs.Length - 1).Where(i => needed[i] && inputs[i].DType.IsFloat()).ToArray();
        var results = Enumerable.Range(0, given.Length).Where(i => given[i] is not null).ToArray();
        if (wanted.Length == 0) return [.. inputs.Select(_ => (Value?)null)];
        ImmutableArray<Function> regions = [.. branch.Regions.Select(region =>
        {
            var body = Inliner.Run(region, b.Program);
            var rewriter = Rewriter.Over(b.Program, body);
            // A branch that is a gradient itself has such arguments already.
            var order = Enumerable.Range(1, int.MaxValue).First(n => !body.Parameters.Any(p => p.Name!.StartsWith(Prefix(n), StringComparison.Ordinal)));
            var seeds = results.Select(i => rewriter.Builder.Argument(body.Results[i].Type, Prefix(order) + i)).ToArray();
            var sources = wanted.Select(i => body.Parameters[i - 1]).ToArray();
            var mode = new ReverseMode(rewriter, body.Nodes);
            mode.Forward(sources, results.Select(i => body.Results[i]));
            var gradients = mode.Backward(results.Select((i, k) => (body.Results[i], seeds[k])));
            return rewriter.Builder.Build([.. sources.Select(s => gradients.TryGetValue(s, out var g) ? g : rewriter.Builder.Zeros(s.Type))]).Pruned();
        })];
        var node = b.Node(branch.Operation, [.. inputs, .. results.Select(i => given[i]!)], AttributeMap.Empty, regions);
        var found = new Value?[inputs.Length];
        for (var i = 0; i < wanted.Length; i++) found[wanted[i]] = node.Outputs[i];
        return [.. found];
    }

    // Arguments of the n-th derivative: dresult0, d2result0, …
    static string Prefix(int order) => order == 1 ? "dresult" : FormattableString.Invariant($"d{order}result");
}
