using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Normalizes each channel (axis 1) by the mean and variance of the batch, then scales and shifts: what happens while training.</summary>
    /// <param name="weight">[channels]</param>
    /// <param name="bias">[channels]</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <returns>The result, in the shape of x; the mean and the biased variance of each channel, [channels].</returns>
    /// <remarks>Ioffe and Szegedy, "Batch normalization", 2015.</remarks>
    [Operation("batch_norm")]
    public (Tensor Result, Tensor Mean, Tensor Variance) BatchNorm(Tensor weight, Tensor bias, double epsilon = 1e-5)
    {
        var results = Eager.RunAll("batch_norm", [this, weight, bias], ("epsilon", epsilon));
        return (results[0], results[1], results[2]);
    }
}

/// <summary>Results: y, mean, biased variance. Operands: x, weight, bias.</summary>
sealed class BatchNormOperation : CompositeOperation
{
    public override string Name => "batch_norm";
    public override TypePolicy Policy(Node node) => TypePolicy.Inside;

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, AttributeMap.Of(("epsilon", attributes.Real("epsilon", 1e-5))));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 3);
        var type = Normalizing.Check(context, "BatchNorm", ["a weight", "a bias"]);
        var vector = type.With(Shape.Of(type.Shape[1]));
        return [type, vector, vector];
    }

    public override IEnumerable<SizeRule> SizeRules(Node node) =>
        [.. base.SizeRules(node), new(Count(node.Inputs[0].Shape), 2, $"BatchNorm trains on more than one value a channel, which {node.Inputs[0].Shape} is not", Diagnostics.Bounds)];

    static Dim Count(Shape shape) => Normalizing.NotChannels(shape).Aggregate(Dim.One, (count, axis) => count * shape[axis]);

    static Expr Count(Builder b, Value x) => b.Of(b.Size(Count(x.Shape), x.DType));

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var axes = Normalizing.NotChannels(x[0].Shape);
        var mean = b.Of(MeanOperation.Of(b, x[0], axes, keep: false));
        var centered = b.Of(x[0]) - Normalizing.Channels(b, mean, x[0].Shape);
        var variance = (centered * centered).Sum(axes, keep: false) / Count(b, x[0]);
        var scale = (variance + attributes.Real("epsilon", 1e-5)).Rsqrt();
        var y = centered * Normalizing.Channels(b, scale * b.Of(x[1]), x[0].Shape) + Normalizing.Channels(b, x[2], x[0].Shape);
        return [y, mean, variance];
    }

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var b = g.Builder;
        var shape = g.X.Shape;
        var axes = Normalizing.NotChannels(shape);
        var (mean, variance, dy) = (g.Result(1), g.Result(2), g.OutputGradient);
        var scale = (variance + g.Attributes.Real("epsilon", 1e-5)).Rsqrt();
        var centered = g.X - Normalizing.Channels(b, mean, shape);
        // Two sums over the batch are all that the three gradients need.
        var sum = dy.Sum(axes, keep: false);
        var dot = (dy * centered).Sum(axes, keep: false) * scale;
        return
        [
            g.For(0, () =>
            {
                var count = Count(b, g.X);
                var factor = g.Input(1) * scale;
                var d = Normalizing.Channels(b, factor, shape) * dy - Normalizing.Channels(b, factor * sum / count, shape) - centered * Normalizing.Channels(b, factor * scale * dot / count, shape);
                if (g.HasGradient(1)) d += Normalizing.Channels(b, g.Gradient(1) / count, shape);
                return g.HasGradient(2) ? d + centered * Normalizing.Channels(b, g.Gradient(2) * 2 / count, shape) : d;
            }),
            g.For(1, () => dot),
            g.For(2, () => sum),
        ];
    }
}
