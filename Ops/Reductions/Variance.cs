using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The variance along an axis: the mean squared distance from the mean, or with <paramref name="unbiased"/> the sum of squares over n − 1.</summary>
    [Operation("variance")]
    public Tensor Variance(int axis, bool keep = false, bool unbiased = false) => Eager.Run("variance", [this], ("axis", axis), ("keep", keep), ("unbiased", unbiased));

    /// <summary>The variance along several axes.</summary>
    [Operation("variance")]
    public Tensor Variance(int[] axes, bool keep = false, bool unbiased = false) => Eager.Run("variance", [this], ("axes", axes), ("keep", keep), ("unbiased", unbiased));
}

sealed class VarianceOperation : CompositeOperation
{
    public override string Name => "variance";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, Reduced.Canonical(operands[0].Shape, attributes));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        Rules.Real("Variance", "x", context[0].DType);
        return [context[0].With(Reduced.Result(context.Shape(0), context.Attributes))];
    }

    // Two passes: the mean first, so that nothing cancels. What the mean is off by, Σ(x − mean) / n, is taken back from the sum of squares: Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983.
    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var axes = attributes.Axes(x[0].Shape);
        var centered = b.Of(b.Sub(x[0], MeanOperation.Of(b, x[0], axes, keep: true)));
        var count = Reduced.Count(x[0].Shape, attributes);
        var (squares, rest) = ((centered * centered).Sum(axes, attributes.Bool("keep")), centered.Sum(axes, attributes.Bool("keep")));
        return [(squares - rest * rest / b.Of(b.Size(count, x[0].DType))) / b.Of(b.Size(attributes.Bool("unbiased") ? count - 1 : count, x[0].DType))];
    }

    // 2 (x − mean) / n: what the correction adds is 0 but for rounding.
    public override ImmutableArray<Value?> Gradient(GradContext g) =>
    [
        g.For(0, () =>
        {
            var (b, count) = (g.Builder, Reduced.Count(g.X.Shape, g.Attributes));
            var centered = g.X - g.Of(MeanOperation.Of(b, g.X, g.Attributes.Axes(g.X.Shape), keep: true));
            return centered * (g.OutputGradient.Reshape(Reduced.Kept(g.X.Shape, g.Attributes)) * 2 / g.Of(b.Size(g.Attributes.Bool("unbiased") ? count - 1 : count, g.X.Value.DType)));
        }),
    ];
}
