using System;
using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>IEEE arithmetic in 64 bits; other modes than to the nearest go through exact integers.</summary>
static class Float64
{
    public static double Add(double a, double b, Rounding mode)
    {
        var nearest = a + b;
        if (mode == Rounding.Nearest || !double.IsFinite(a) || !double.IsFinite(b)) return nearest;
        if (nearest == 0) return mode == Rounding.Down && (double.IsNegative(a) || double.IsNegative(b)) ? -0.0 : nearest;
        return Direct(nearest, Exact.Of(a) + Exact.Of(b), mode);
    }

    public static double Mul(double a, double b, Rounding mode)
    {
        var nearest = a * b;
        return mode == Rounding.Nearest || !double.IsFinite(a) || !double.IsFinite(b) || a == 0 || b == 0 ? nearest : Direct(nearest, Exact.Of(a) * Exact.Of(b), mode);
    }

    public static double Fma(double a, double b, double c, Rounding mode)
    {
        var nearest = Math.FusedMultiplyAdd(a, b, c);
        if (mode == Rounding.Nearest || !double.IsFinite(a) || !double.IsFinite(b) || !double.IsFinite(c)) return nearest;
        var exact = Exact.Of(a) * Exact.Of(b) + Exact.Of(c);
        if (exact.Mantissa.IsZero) return mode == Rounding.Down && (double.IsNegative(a) != double.IsNegative(b) || double.IsNegative(c)) ? -0.0 : nearest;
        return Direct(nearest, exact, mode);
    }

    public static double Div(double a, double b, Rounding mode)
    {
        var nearest = a / b;
        if (mode == Rounding.Nearest || !double.IsFinite(a) || !double.IsFinite(b) || a == 0 || b == 0) return nearest;
        // Compares q with a / b by q · b with a, the sign of b taken out.
        return Step(nearest, q => (Exact.Of(q) * Exact.Of(Math.Abs(b))).CompareTo(Exact.Of(double.IsNegative(b) ? -a : a)), mode);
    }

    public static double Sqrt(double a, Rounding mode)
    {
        var nearest = Math.Sqrt(a);
        return mode == Rounding.Nearest || !(a > 0) || !double.IsFinite(a) ? nearest : Step(nearest, r => (Exact.Of(r) * Exact.Of(r)).CompareTo(Exact.Of(a)), mode);
    }

    public static double FromInteger(Int128 value, Rounding mode)
    {
        var nearest = (double)value;
        return mode == Rounding.Nearest ? nearest : Direct(nearest, new Exact((BigInteger)value, 0), mode);
    }

    static double Direct(double nearest, Exact exact, Rounding mode) => Step(nearest, x => Exact.Of(x).CompareTo(exact), mode);

    /// <summary>The neighbour of the nearest value on the mode's side, given how a value compares with the exact one.</summary>
    static double Step(double nearest, Func<double, int> compare, Rounding mode)
    {
        if (double.IsPositiveInfinity(nearest)) return mode == Rounding.Up ? nearest : double.MaxValue;
        if (double.IsNegativeInfinity(nearest)) return mode == Rounding.Down ? nearest : double.MinValue;
        var order = compare(nearest);
        if (order == 0) return nearest;
        var positive = nearest != 0 ? nearest > 0 : order < 0;
        var up = mode == Rounding.Up || mode == Rounding.Zero && !positive;
        if (up) return order < 0 ? Math.BitIncrement(nearest) : nearest;
        return order > 0 ? Math.BitDecrement(nearest) : nearest;
    }

    public static double Min(double a, double b) => double.IsNaN(a) ? b : double.IsNaN(b) ? a : Math.Min(a, b);
    public static double Max(double a, double b) => double.IsNaN(a) ? b : double.IsNaN(b) ? a : Math.Max(a, b);

    /// <summary>An integer times a power of two.</summary>
    readonly record struct Exact(BigInteger Mantissa, int Power)
    {
        public static Exact Of(double x)
        {
            var bits = BitConverter.DoubleToInt64Bits(x);
            var (exponent, fraction) = ((int)(bits >> 52) & 0x7FF, bits & 0xFFFFFFFFFFFFF);
            BigInteger mantissa = exponent == 0 ? fraction : fraction | 1L << 52;
            return new Exact(bits < 0 ? -mantissa : mantissa, Math.Max(exponent, 1) - 1075);
        }

        public static Exact operator *(Exact a, Exact b) => new(a.Mantissa * b.Mantissa, a.Power + b.Power);

        public static Exact operator +(Exact a, Exact b)
        {
            var power = Math.Min(a.Power, b.Power);
            return new Exact((a.Mantissa << (a.Power - power)) + (b.Mantissa << (b.Power - power)), power);
        }

        public int CompareTo(Exact other) => (this + new Exact(-other.Mantissa, other.Power)).Mantissa.Sign;
    }
}
