using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Normalizes the last axis to mean 0 and variance 1, then scales and shifts. Shape of x.</summary>
    /// <param name="weight">[width]</param>
    /// <param name="bias">[width]</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <remarks>Ba, Kiros and Hinton, "Layer normalization", 2016.</remarks>
    [Operation("layer_norm")]
    public Tensor LayerNorm(Tensor? weight = null, Tensor? bias = null, double epsilon = 1e-5) =>
        Eager.Run("layer_norm", weight is null ? [this] : bias is null ? [this, weight] : [this, weight, bias], ("epsilon", epsilon));
}

/// <summary>Operands: x, optionally a weight, optionally a bias.</summary>
sealed class LayerNormOperation : CompositeOperation
{
    public override string Name => "layer_norm";
    public override TypePolicy Policy(Node node) => TypePolicy.Inside;

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, AttributeMap.Of(("epsilon", attributes.Real("epsilon", 1e-5))));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1, 3);
        var shape = context.Shape(0);
        Rules.Rank("LayerNorm", "x", shape, 1, int.MaxValue, "x of shape [..., width]");
        Rules.Real("LayerNorm", "x", context[0].DType);
        for (var i = 1; i < context.Inputs.Length; i++)
        {
            var name = i == 1 ? "a weight" : "a bias";
            Rules.Vector("LayerNorm", name, context.Shape(i), shape[shape.Rank - 1], $"one number for each element of the last axis of {shape}");
            Rules.SameReal("LayerNorm", "x", context[0].DType, name, context[i].DType);
        }
        return [context[0]];
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var y = Normalizing.Row(b, x[0], attributes.Real("epsilon", 1e-5)).Normalized;
        if (x.Length > 1) y *= b.Of(x[1]);
        if (x.Length > 2) y += b.Of(x[2]);
        return [y];
    }

    // Mean and deviation are computed again, by the same nodes: where both passes are one program they are one, else a row is cheap to read twice.
    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var (normalized, scale) = Normalizing.Row(g.Builder, g.X, g.Attributes.Real("epsilon", 1e-5));
        var axis = g.X.Shape.Rank - 1;
        var gradients = ImmutableArray.Create(g.For(0, () =>
        {
            var d = g.Node.Inputs.Length > 1 ? g.OutputGradient * g.Input(1) : g.OutputGradient;
            var width = g.Of(g.Builder.Size(g.X.Shape[axis], d.Value.DType));
            return scale * (d - d.Sum(axis, keep: true) / width - normalized * ((d * normalized).Sum(axis, keep: true) / width));
        }));
        if (g.Node.Inputs.Length > 1) gradients = gradients.Add(g.For(1, () => g.OutputGradient * normalized));
        return g.Node.Inputs.Length > 2 ? gradients.Add(g.For(2, () => g.OutputGradient)) : gradients;
    }
}
