using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The standard deviation along an axis: the root of the variance, by default the biased one.</summary>
    /// <remarks>The gradient of a deviation of 0 is 0, as in PyTorch.</remarks>
    [Operation("std")]
    public Tensor Std(int axis, bool keep = false, bool unbiased = false) => Eager.Run("std", [this], ("axis", axis), ("keep", keep), ("unbiased", unbiased));
}

/// <summary>The root of <c>variance</c>.</summary>
sealed class StdOperation : CompositeOperation
{
    public override string Name => "std";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, Reduced.Canonical(operands[0].Shape, attributes));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        Rules.Real("Std", "x", context[0].DType);
        return [context[0].With(Reduced.Result(context.Shape(0), context.Attributes))];
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes) => [b.Sqrt(b.Node("variance", x, attributes).Output)];

    // (x − mean) / (n · deviation), and at 0, where there is no derivative, the subgradient 0.
    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var (b, kept) = (g.Builder, Reduced.Kept(g.X.Shape, g.Attributes));
        return
        [
            g.For(0, () =>
            {
                var centered = g.X - g.Of(MeanOperation.Of(b, g.X, g.Attributes.Axes(g.X.Shape), keep: true));
                var count = Reduced.Count(g.X.Shape, g.Attributes);
                var deviation = g.Output.Reshape(kept);
                var divisor = deviation * g.Of(b.Size(g.Attributes.Bool("unbiased") ? count - 1 : count, g.X.Value.DType));
                return centered * Reduced.WhereNotZero(g, deviation, g.OutputGradient.Reshape(kept) / divisor);
            }),
        ];
    }
}
