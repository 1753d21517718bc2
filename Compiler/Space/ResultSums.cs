using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Space;

/// <summary>
/// The sum along its rows of what a product gives, or of what scalar arithmetic makes of that: the scores <c>Σₙ (a·w)[m,n]·b[m,n]</c> of a bilinear form, the squared length of a projected row. A product that adds up what
/// it has just made writes one number a row, where the elements would be written and read again.
/// </summary>
public static class ResultSums
{
    /// <summary>Whether a reduction reads what a product gives.</summary>
    /// <param name="product">The product.</param>
    /// <param name="sum">A reduction.</param>
    /// <param name="nodes">Both, and the nodes between them.</param>
    public static bool Reads(Node product, Node sum, IReadOnlyCollection<Node> nodes)
    {
        var behind = new HashSet<Value>(product.Outputs);
        foreach (var node in nodes)
            if (node != product && node.Inputs.Any(behind.Contains)) behind.UnionWith(node.Outputs);
        return sum.Inputs.Any(behind.Contains);
    }

    /// <summary>Whether it is the plain sum, in the type of the product's sums, of the rows of one matrix.</summary>
    /// <param name="product">The product.</param>
    /// <param name="sum">A reduction that <see cref="Reads"/> it.</param>
    /// <param name="between">What makes the sum's operand of the product's result.</param>
    public static bool IsOfRows(Node product, Node sum, IEnumerable<Node> between)
    {
        var c = product.Output;
        if (product.Operation.Kind != OpKind.Contract || c.DType != c.DType.Accumulator() || sum.Inputs[0].DType != c.DType || !OperandSums.IsSum(sum, c.DType)) return false;
        var rank = c.Shape.Rank;
        if (c.Shape.Take(rank - 2).Any(d => !d.Is(1)) || AxisMap.TryCreate(between.Append(sum)) is not { } map) return false;
        var (rows, columns) = (map[c, rank - 2], map[c, rank - 1]);
        var reduced = new HashSet<Atom>(map.Reduced(sum));
        return reduced.SetEquals(columns) && map.Atoms(sum.Inputs[0]).SequenceEqual(rows.Concat(columns)) && map.Atoms(sum.Output).SequenceEqual(rows);
    }
}
