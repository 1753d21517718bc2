using System;
using System.Numerics;
using Graph.PtxEmulator;

namespace Graph.Tests.Ptx;

/// <summary>A fraction of unbounded integers, and whether a float is that fraction rounded; independent of how the emulator rounds.</summary>
readonly record struct ExactFloat(BigInteger Numerator, BigInteger Denominator)
{
    public static ExactFloat Of(double x)
    {
        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = Math.Max((int)(bits >> 52 & 0x7FF), 1) - 1075;
        BigInteger mantissa = (bits & 0xFFFFFFFFFFFFF) | ((bits >> 52 & 0x7FF) == 0 ? 0 : 1L << 52);
        if (bits < 0) mantissa = -mantissa;
        return exponent < 0 ? new ExactFloat(mantissa, BigInteger.One << -exponent) : new ExactFloat(mantissa << exponent, 1);
    }

    public static ExactFloat operator +(ExactFloat a, ExactFloat b) => new(a.Numerator * b.Denominator + b.Numerator * a.Denominator, a.Denominator * b.Denominator);
    public static ExactFloat operator -(ExactFloat a, ExactFloat b) => new(a.Numerator * b.Denominator - b.Numerator * a.Denominator, a.Denominator * b.Denominator);
    public static ExactFloat operator *(ExactFloat a, ExactFloat b) => new(a.Numerator * b.Numerator, a.Denominator * b.Denominator);
    public static ExactFloat operator /(ExactFloat a, ExactFloat b) => b.Numerator.Sign < 0 ? new(-a.Numerator * b.Denominator, a.Denominator * -b.Numerator) : new(a.Numerator * b.Denominator, a.Denominator * b.Numerator);

    public int CompareTo(ExactFloat other) => (this - other).Numerator.Sign;
    public bool IsZero => Numerator.IsZero;

    /// <summary>Whether a result is this value rounded; neighbours of the result are given as functions of it, infinity standing for what comes after the greatest.</summary>
    public bool RoundsTo(double result, Rounding mode, Func<double, double> below, Func<double, double> above, double greatest)
    {
        var beyond = Of(greatest) + Of(greatest) - Of(below(greatest)); // what the next value would be, were there one
        ExactFloat At(double x) => double.IsPositiveInfinity(x) ? beyond : double.IsNegativeInfinity(x) ? new ExactFloat(-beyond.Numerator, beyond.Denominator) : Of(x);
        if (double.IsNaN(result)) return false;
        // Above the greatest everything that is not nearer to it is infinite.
        var past = double.IsInfinity(result) && (result > 0 ? CompareTo(beyond) >= 0 : CompareTo(At(double.NegativeInfinity)) <= 0);
        var order = past ? 0 : CompareTo(At(result)); // sign of exact - result
        if (past) return mode == Rounding.Nearest || (result > 0 ? mode == Rounding.Up : mode == Rounding.Down);
        if (order == 0) return !double.IsInfinity(result);
        if (double.IsInfinity(result))
            return mode == Rounding.Nearest ? (Abs() - Of(greatest)).CompareTo((beyond - Of(greatest)) * new ExactFloat(1, 2)) >= 0 && Numerator.Sign == Math.Sign(result)
                : result > 0 ? mode == Rounding.Up && CompareTo(Of(greatest)) > 0 : mode == Rounding.Down && CompareTo(Of(-greatest)) < 0;
        var neighbour = order > 0 ? above(result) : below(result);
        if (order > 0 ? CompareTo(At(neighbour)) >= 0 && !double.IsInfinity(neighbour) : CompareTo(At(neighbour)) <= 0 && !double.IsInfinity(neighbour)) return false; // not even next to it
        switch (mode)
        {
            case Rounding.Down: return order > 0;
            case Rounding.Up: return order < 0;
            case Rounding.Zero: return Numerator.Sign > 0 ? order > 0 : order < 0;
        }
        var here = (this - At(result)).Abs();
        var there = (this - At(neighbour)).Abs();
        return here.CompareTo(there) < 0 || here.CompareTo(there) == 0 && IsEven(result, above);
    }

    ExactFloat Abs() => new(BigInteger.Abs(Numerator), Denominator);

    /// <summary>Of a float and its neighbour exactly one has an even last digit: it is divisible by twice their distance.</summary>
    static bool IsEven(double x, Func<double, double> above)
    {
        if (x == 0) return true;
        var magnitude = Math.Abs(x);
        var next = above(magnitude);
        var step = double.IsInfinity(next) ? Of(magnitude) - Of(-above(-magnitude)) : Of(next) - Of(magnitude);
        var ratio = Of(magnitude) / step;
        return BigInteger.Remainder(ratio.Numerator / ratio.Denominator, 2).IsZero;
    }
}
