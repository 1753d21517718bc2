using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Normalizes each channel (axis 1) by given means and variances, then scales and shifts: what happens after training. Shape of x.</summary>
    /// <param name="weight">[channels]</param>
    /// <param name="bias">[channels]</param>
    /// <param name="mean">[channels]</param>
    /// <param name="variance">[channels]</param>
    /// <param name="epsilon">Added to the variance.</param>
    [Operation("batch_norm_inference")]
    public Tensor BatchNormInference(Tensor weight, Tensor bias, Tensor mean, Tensor variance, double epsilon = 1e-5) =>
        Eager.Run("batch_norm_inference", [this, weight, bias, mean, variance], ("epsilon", epsilon));
}

/// <summary>Operands: x, weight, bias, mean, variance.</summary>
sealed class BatchNormInferenceOperation : CompositeOperation
{
    public override string Name => "batch_norm_inference";
    public override TypePolicy Policy(Node node) => TypePolicy.Inside;

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, AttributeMap.Of(("epsilon", attributes.Real("epsilon", 1e-5))));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 5);
        return [Normalizing.Check(context, "BatchNorm", ["a weight", "a bias", "a mean", "a variance"])];
    }

    // One multiplication and one addition an element: what depends on the channel alone is computed once a channel.
    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var scale = (b.Of(x[4]) + attributes.Real("epsilon", 1e-5)).Rsqrt() * b.Of(x[1]);
        var centered = b.Of(x[0]) - Normalizing.Channels(b, x[3], x[0].Shape);
        return [centered * Normalizing.Channels(b, scale, x[0].Shape) + Normalizing.Channels(b, x[2], x[0].Shape)];
    }
}
