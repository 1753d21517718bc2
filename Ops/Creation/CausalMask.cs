using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Bools [rows, columns] that are true where the column is not after the row: what a position of a sequence may look at.</summary>
    [Operation("causal_mask")]
    public static Tensor CausalMask(int rows, int columns) => Eager.Run("causal_mask", [], ("rows", rows), ("columns", columns));
}

/// <summary><c>column ≤ row</c></summary>
sealed class CausalMaskOperation : LanguageOperation
{
    public override string Name => "causal_mask";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes) => Mask(b, attributes.Dim("rows"), attributes.Dim("columns"));

    public static Value Mask(Builder b, Dim rows, Dim columns) =>
        b.LessEqual(b.Iota(Shape.Of(1, columns), 1, DType.I32), b.Iota(Shape.Of(rows, 1), 0, DType.I32));
}
