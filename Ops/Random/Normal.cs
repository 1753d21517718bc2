using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Random numbers of a normal distribution: <c>Tensor.Normal(x.Shape)</c>.</summary>
    /// <param name="shape">The dimensions, outermost first; named ones too.</param>
    /// <param name="mean">The mean.</param>
    /// <param name="deviation">The standard deviation, at least 0. For one that the model computes: <c>mean + deviation * Tensor.Normal(mean.Shape)</c>.</param>
    /// <remarks>Each number is a function of the call's seed (a training step has one, and each call of an entry), of this draw's place in the model, of the iteration around it and of the element's index.</remarks>
    [Operation("normal")]
    public static Tensor Normal(int[] shape, double mean = 0, double deviation = 1) => Eager.Run("normal", [], ("shape", shape), ("mean", mean), ("deviation", deviation));
}

/// <summary><c>mean + deviation · random_normal</c></summary>
sealed class NormalOperation : LanguageOperation
{
    public override string Name => "normal";
    public override Drawing Draws => Drawing.Always;

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        double mean = attributes.Real("mean"), deviation = attributes.Real("deviation", 1);
        if (!(deviation >= 0)) throw new ShapeException($"Normal needs a deviation of at least 0, but got {new Attr.Real(deviation)}", Diagnostics.Number);
        var drawn = b.Draw("random_normal", x, new(attributes.Dims("shape")));
        if (deviation != 1) drawn = b.Mul(drawn, b.ConstantLike(deviation, drawn));
        return mean == 0 ? drawn : b.Add(drawn, b.ConstantLike(mean, drawn));
    }
}
