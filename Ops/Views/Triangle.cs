using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The lower triangles of matrices [..., rows, columns], zeros elsewhere; <paramref name="diagonal"/> 1 includes one more diagonal, −1 one less.</summary>
    [Operation("tril")]
    public Tensor Tril(int diagonal = 0) => Eager.Run("tril", [this], ("diagonal", diagonal));

    /// <summary>The upper triangles of matrices [..., rows, columns], zeros elsewhere; <paramref name="diagonal"/> 1 includes one diagonal less, −1 one more.</summary>
    [Operation("triu")]
    public Tensor Triu(int diagonal = 0) => Eager.Run("triu", [this], ("diagonal", diagonal));
}

/// <summary><c>where</c> of a mask by indices: <c>tril</c> and <c>triu</c>.</summary>
sealed class TriangleOperation(string name, bool isLower) : LanguageOperation
{
    public override string Name => name;

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var shape = x[0].Shape;
        Rules.Rank(isLower ? "Tril" : "Triu", "x", shape, 2, int.MaxValue, "x of shape [..., rows, columns]");
        var (rows, columns) = (b.Iota(Shape.Of(shape[shape.Rank - 2], 1), 0), b.Iota(Shape.Of(1, shape[shape.Rank - 1]), 1));
        rows = b.Add(rows, b.Constant(attributes.Int("diagonal"), DType.I64));
        return b.Where(isLower ? b.LessEqual(columns, rows) : b.LessEqual(rows, columns), x[0], b.ConstantLike(0, x[0]));
    }
}
