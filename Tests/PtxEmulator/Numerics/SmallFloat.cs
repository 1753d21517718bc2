using System;

namespace Graph.PtxEmulator;

/// <summary>The 16-bit formats: what differs between them.</summary>
interface ISmallFormat
{
    /// <summary>Bits of the fraction, without the leading one.</summary>
    static abstract int Fraction { get; }
    static abstract int Exponent { get; }
    static abstract ushort NaN { get; }
}

struct HalfFormat : ISmallFormat { public static int Fraction => 10; public static int Exponent => 5; public static ushort NaN => 0x7FFF; }
struct BrainFormat : ISmallFormat { public static int Fraction => 7; public static int Exponent => 8; public static ushort NaN => 0x7FFF; }

/// <summary>Arithmetic in a 16-bit format: exact or rounded to odd in double, then rounded once.</summary>
static class SmallFloat<F> where F : struct, ISmallFormat
{
    static int Bias => (1 << (F.Exponent - 1)) - 1;
    static ushort Infinity => (ushort)(((1 << F.Exponent) - 1) << F.Fraction);

    public static double ToDouble(ushort bits)
    {
        var sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
        var exponent = bits >> F.Fraction & ((1 << F.Exponent) - 1);
        var fraction = bits & ((1 << F.Fraction) - 1);
        if (exponent == (1 << F.Exponent) - 1) return fraction == 0 ? sign * double.PositiveInfinity : double.NaN;
        return sign * (exponent == 0 ? Math.ScaleB(fraction, 1 - Bias - F.Fraction) : Math.ScaleB(fraction + (1 << F.Fraction), exponent - Bias - F.Fraction));
    }

    public static float ToSingle(ushort bits) => Float32.Canonical((float)ToDouble(bits));

    /// <summary>Rounds a value that is exact or rounded to odd.</summary>
    public static ushort Round(double x, Rounding mode)
    {
        if (double.IsNaN(x)) return F.NaN;
        var sign = (ushort)(double.IsNegative(x) ? 0x8000 : 0);
        var magnitude = Math.Abs(x);
        if (double.IsInfinity(magnitude)) return (ushort)(sign | Infinity);
        if (magnitude == 0) return sign;
        // In units of the last place: an integer part and what is left of it.
        var exponent = Math.Max(Math.ILogB(magnitude), 1 - Bias);
        var scaled = Math.ScaleB(magnitude, F.Fraction - exponent);
        var whole = Math.Floor(scaled);
        var rest = scaled - whole;
        var up = mode switch
        {
            Rounding.Nearest => rest > 0.5 || rest == 0.5 && ((long)whole & 1) != 0,
            Rounding.Zero => false,
            Rounding.Up => rest > 0 && sign == 0,
            _ => rest > 0 && sign != 0,
        };
        // The biased exponent and the fraction are one number, and a carry out of the fraction is the next exponent.
        var bits = (long)whole + (up ? 1 : 0) + ((long)(exponent + Bias - 1) << F.Fraction);
        if (bits >= Infinity)
        {
            var away = mode == Rounding.Nearest || (sign == 0 ? mode == Rounding.Up : mode == Rounding.Down);
            bits = away ? Infinity : Infinity - 1;
        }
        return (ushort)(sign | (ushort)bits);
    }

    public static ushort Add(ushort a, ushort b) => Round(RoundToOdd.Add(ToDouble(a), ToDouble(b)), Rounding.Nearest);
    public static ushort Sub(ushort a, ushort b) => Round(RoundToOdd.Add(ToDouble(a), -ToDouble(b)), Rounding.Nearest);
    public static ushort Mul(ushort a, ushort b) => Round(ToDouble(a) * ToDouble(b), Rounding.Nearest);
    public static ushort Fma(ushort a, ushort b, ushort c) => Round(RoundToOdd.Add(ToDouble(a) * ToDouble(b), ToDouble(c)), Rounding.Nearest);

    public static bool IsNaN(ushort a) => (a & 0x7FFF) > Infinity;
    public static ushort Min(ushort a, ushort b) => IsNaN(a) ? IsNaN(b) ? F.NaN : b : IsNaN(b) ? a : Less(b, a) ? b : a;
    public static ushort Max(ushort a, ushort b) => IsNaN(a) ? IsNaN(b) ? F.NaN : b : IsNaN(b) ? a : Less(a, b) ? b : a;
    static bool Less(ushort a, ushort b) => Order(a) < Order(b);
    static int Order(ushort a) => (a & 0x8000) != 0 ? -1 - (a & 0x7FFF) : a;

    public static ushort Flush(ushort a) => (a & Infinity) == 0 ? (ushort)(a & 0x8000) : a;
    public static ushort Saturate(ushort a) => IsNaN(a) || (a & 0x8000) != 0 ? (ushort)0 : Math.Min(a, (ushort)(Bias << F.Fraction));
}
