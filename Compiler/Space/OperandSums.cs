using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Space;

/// <summary>
/// Sums of what a product multiplies, along the axis that the product sums over: with dW = dyᵀ·x that of dy over its rows is the gradient of the bias. A product that packs dy anyway adds it up on the way.
/// </summary>
public static class OperandSums
{
    /// <summary>Which operand of a product a reduction adds up; null when it is neither, or over other axes, or no plain sum in the type of the product's.</summary>
    /// <param name="product">A product of matrices.</param>
    /// <param name="sum">A reduction.</param>
    /// <param name="nodes">Both, and the nodes that make what they read.</param>
    public static int? Of(Node product, Node sum, IReadOnlyCollection<Node> nodes)
    {
        if (product.Operation.Kind != OpKind.Contract || !IsSum(sum, product.Output.DType.Accumulator())) return null;
        var views = new List<Node>();
        var summed = Base(sum.Inputs[0]);
        for (var operand = 0; operand < 2; operand++)
        {
            views.Clear();
            var value = product.Inputs[operand];
            var rank = value.Shape.Rank;
            if (Base(value) != summed || value.Shape.Take(rank - 2).Any(d => !d.Is(1))) continue;
            Base(sum.Inputs[0]);
            if (AxisMap.TryCreate(views.Append(sum)) is not { } map) continue;
            var (kept, over) = operand == 0 ? (map[value, rank - 2], map[value, rank - 1]) : (map[value, rank - 1], map[value, rank - 2]);
            // In the order of the sum's own operand, for that is the order of its additions.
            var reduced = new HashSet<Atom>(map.Reduced(sum));
            if (map.Atoms(sum.Inputs[0]).Where(reduced.Contains).SequenceEqual(over) && map.Atoms(sum.Output).SequenceEqual(kept)) return operand;
        }
        return null;

        Value Base(Value value)
        {
            for (; value.Producer is { Operation.Kind: OpKind.View } view && nodes.Contains(view); value = view.Inputs[0]) views.Add(view);
            return value;
        }
    }

    /// <summary>Whether a node adds up its operand and nothing else, in this type.</summary>
    internal static bool IsSum(Node node, DType accumulator) =>
        accumulator.IsFloat() && node.Operation.Reduce(node) is { Operation: ScalarOp.Add } a && a.Neutral[0].Type == accumulator && IsInput(a.Element[0]) && IsInput(a.Result);

    static bool IsInput(Scalar s) => s.Op == ScalarOp.Cast ? IsInput(s.Arguments[0]) : s is { Op: ScalarOp.Input, Index: 0 };
}
