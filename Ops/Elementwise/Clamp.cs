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
    protected override UnaryDomain Domain => UnaryDomain.Any;

    static (double Min, double Max) Limits(AttributeMap a) => (a.Real("min", double.NegativeInfinity), a.Real("max", double.PositiveInfinity));

    protected override Scalar Value(Scalar x) => x;

    protected override Scalar Value(Scalar x, AttributeMap attributes)
    {
        var (min, max) = Limits(attributes);
        // Integers stay integers only between integers, as in PyTorch.
        if (!x.Type.IsFloat() && !(IsWhole(min) && IsWhole(max))) x = Scalar.Cast(x, DType.F32);
        else if (x.Type == DType.Bool || (x.Type != DType.I64 && !(Holds(x.Type, min) && Holds(x.Type, max)))) x = Scalar.Cast(x, DType.I64);
        if (!double.IsNegativeInfinity(min)) x = Scalar.Max(x, min);
        return double.IsPositiveInfinity(max) ? x : Scalar.Min(x, max);
    }

    static bool IsWhole(double limit) => double.IsInfinity(limit) || (limit == System.Math.Floor(limit) && System.Math.Abs(limit) < 1L << 53);

    static bool Holds(DType type, double limit) =>
        type.IsFloat() || double.IsInfinity(limit) || (type.Range() is var (least, greatest) && limit >= least && limit <= greatest);

    protected override Expr Gradient(GradContext g, Expr gradient)
    {
        var (min, max) = Limits(g.Attributes);
        var result = gradient;
        if (!double.IsNegativeInfinity(min)) result = g.Where(g.X < min, g.Number(0), result);
        if (!double.IsPositiveInfinity(max)) result = g.Where(g.X > max, g.Number(0), result);
        return result;
    }
}
