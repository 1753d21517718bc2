using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>x limited to [<paramref name="min"/>, <paramref name="max"/>], elementwise.</summary>
    /// <remarks>The gradient passes where x lies within the limits or on them, as in PyTorch.</remarks>
    [Operation("clamp")]
    public Tensor Clamp(double min = double.NegativeInfinity, double max = double.PositiveInfinity) => Eager.Run("clamp", [this], ("min", min), ("max", max));
}

sealed class ClampOperation : UnaryOperation
{
    public override string Name => "clamp";
    protected override bool IsReal => false;

    static (double Min, double Max) Limits(AttributeMap a) => (a.Real("min", double.NegativeInfinity), a.Real("max", double.PositiveInfinity));

    protected override Scalar Value(Scalar x) => x;

    protected override Scalar Value(Scalar x, AttributeMap attributes)
    {
        var (min, max) = Limits(attributes);
        if (!double.IsNegativeInfinity(min)) x = Scalar.Max(x, min);
        return double.IsPositiveInfinity(max) ? x : Scalar.Min(x, max);
    }

    protected override Expr Gradient(GradContext g, Expr gradient)
    {
        var (min, max) = Limits(g.Attributes);
        var result = gradient;
        if (!double.IsNegativeInfinity(min)) result = g.Where(g.X < min, g.Number(0), result);
        if (!double.IsPositiveInfinity(max)) result = g.Where(g.X > max, g.Number(0), result);
        return result;
    }
}
