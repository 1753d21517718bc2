using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Random numbers, each as likely as the other, from <paramref name="low"/> up to but without <paramref name="high"/>, which only rounding may give.</summary>
    /// <param name="shape">The dimensions, outermost first; named ones too.</param>
    /// <param name="low">The least.</param>
    /// <param name="high">The bound above, at least <paramref name="low"/>.</param>
    /// <inheritdoc cref="Normal" path="/remarks"/>
    [Operation("uniform")]
    public static Tensor Uniform(int[] shape, double low = 0, double high = 1) => Eager.Run("uniform", [], ("shape", shape), ("low", low), ("high", high));
}

/// <summary><c>low + (high − low) · random_uniform</c></summary>
sealed class UniformOperation : LanguageOperation
{
    public override string Name => "uniform";
    public override Drawing Draws => Drawing.Always;

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        double low = attributes.Real("low"), high = attributes.Real("high", 1);
        if (!(low <= high)) throw new ShapeException($"Uniform needs a bound below that is not above the one above, but got {new Attr.Real(low)} and {new Attr.Real(high)}", Diagnostics.Number);
        var drawn = b.Draw("random_uniform", x, new(attributes.Dims("shape")));
        if (high - low != 1) drawn = b.Mul(drawn, b.ConstantLike(high - low, drawn));
        return low == 0 ? drawn : b.Add(drawn, b.ConstantLike(low, drawn));
    }
}
