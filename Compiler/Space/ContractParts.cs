using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Space;

/// <summary>
/// The nodes of a fused contraction by what they are for. A node that several parts need is in each of them, and each makes its value for itself.
/// </summary>
/// <param name="PrologueA">What makes the left operand; empty when it comes from memory.</param>
/// <param name="PrologueB">What makes the right operand; empty when it comes from memory.</param>
/// <param name="Epilogue">What is done with the product.</param>
/// <param name="Sums">Reductions beside the product (<see cref="OperandSums"/>).</param>
/// <param name="ResultSums">Reductions of what the product, or its epilogue, makes (<see cref="Space.ResultSums"/>).</param>
/// <param name="Views">Through which operands that come from memory are seen.</param>
public sealed record ContractParts(ImmutableArray<Node> PrologueA, ImmutableArray<Node> PrologueB, ImmutableArray<Node> Epilogue, ImmutableArray<Node> Sums, ImmutableArray<Node> ResultSums, ImmutableArray<Node> Views)
{
    /// <summary>Takes nodes apart.</summary>
    /// <param name="contract">The contraction or convolution.</param>
    /// <param name="nodes">It and the nodes around it, in order.</param>
    /// <param name="outputs">What the nodes are there for.</param>
    public static ContractParts Of(Node contract, IReadOnlyList<Node> nodes, IEnumerable<Value> outputs)
    {
        ImmutableArray<Node> reductions = [.. nodes.Where(n => n.Operation.Kind == OpKind.Reduce)];
        ImmutableArray<Node> ofResult = [.. reductions.Where(n => Space.ResultSums.Reads(contract, n, nodes))];
        ImmutableArray<Node> sums = [.. reductions.Except(ofResult)];
        var (a, b) = (Before(contract, nodes, [contract.Inputs[0]]), Before(contract, nodes, [contract.Inputs[1]]));
        ImmutableArray<Node> views = [.. new[] { a, b }.Where(AreViews).SelectMany(n => n).Distinct()];
        return new(AreViews(a) ? [] : a, AreViews(b) ? [] : b, Before(contract, nodes, outputs.Where(o => !reductions.Any(s => s.Outputs.Contains(o))).Concat(ofResult.SelectMany(s => s.Inputs))), sums, ofResult, views);
    }

    static bool AreViews(ImmutableArray<Node> nodes) => nodes.All(n => n.Operation.Kind == OpKind.View);

    // The nodes that some values are made by, the contraction and what is behind it left out.
    static ImmutableArray<Node> Before(Node contract, IReadOnlyList<Node> nodes, IEnumerable<Value> values)
    {
        var needed = new HashSet<Value>(values);
        var result = ImmutableArray.CreateBuilder<Node>();
        for (var i = nodes.Count - 1; i >= 0; i--)
        {
            if (nodes[i] == contract || !nodes[i].Outputs.Any(needed.Contains)) continue;
            needed.UnionWith(nodes[i].Inputs);
            result.Add(nodes[i]);
        }
        result.Reverse();
        return result.ToImmutable();
    }
}
