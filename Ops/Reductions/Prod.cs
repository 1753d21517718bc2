using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The product of all elements: a scalar. That of integers and bools is an i64, which wraps around, as in PyTorch; that of no elements is 1.</summary>
    [Operation("prod")]
    public Tensor Prod() => Eager.Run("prod", [this]);

    /// <summary>The product along an axis, which goes or, with <paramref name="keep"/>, stays with size 1.</summary>
    /// <remarks>The gradient of an element is the product of the others, zeros or not.</remarks>
    [Operation("prod")]
    public Tensor Prod(int axis, bool keep = false) => Eager.Run("prod", [this], ("axis", axis), ("keep", keep));

    /// <summary>The product along several axes.</summary>
    [Operation("prod")]
    public Tensor Prod(int[] axes, bool keep = false) => Eager.Run("prod", [this], ("axes", axes), ("keep", keep));
}

sealed class ProdOperation : ReduceOperation
{
    public override string Name => "prod";

    protected override DType ResultType(DType type) => type.IsFloat() ? type : DType.I64;

    public override Accumulation Reduce(Node node) => Accumulation.Of((a, b) => a * b, 1, node.Inputs[0].DType, node.Output.DType.Accumulator(), node.Output.DType);

    // Of each element, the product of the others. Where the element is not 0 that is the product divided by it; where it is 0, the product of what is not, times the other zeros: 1 if there is none, and
    // if there is one, that zero, whose own derivative counts.
    public override ImmutableArray<Value?> Gradient(GradContext g) =>
    [
        g.For(0, () =>
        {
            var (b, axes, kept) = (g.Builder, g.Attributes.Axes(g.X.Shape), Reduced.Kept(g.X.Shape, g.Attributes));
            var isZero = g.Of(b.Equal(g.X, b.ConstantLike(0, g.X)));
            var safe = g.Where(isZero, g.Of(b.ConstantLike(1, g.X)), g.X);
            var zeros = isZero.Cast(g.X.Value.DType).Sum(axes, keep: true);
            var rest = g.Of(safe).Apply(Name, ("axes", axes), ("keep", true));
            var other = g.Where(isZero, g.X, 0).Sum(axes, keep: true) - g.X;
            var atZero = rest * g.Where(zeros < 1.5, g.Of(b.ConstantLike(1, other)), g.Where(zeros < 2.5, other, 0));
            return g.OutputGradient.Reshape(kept) * g.Where(isZero, atZero, g.Output.Reshape(kept) / safe);
        }),
    ];
}
