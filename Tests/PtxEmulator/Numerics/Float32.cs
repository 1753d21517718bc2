using System;
using System.Runtime.CompilerServices;

namespace Graph.PtxEmulator;

/// <summary>IEEE arithmetic in 32 bits in every rounding mode; every NaN that comes out is 0x7FFFFFFF, as on the device.</summary>
static class Float32
{
    public static readonly float NaN = BitConverter.UInt32BitsToSingle(0x7FFFFFFF);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Canonical(float x) => !float.IsNaN(x) ? x : BitConverter.UInt32BitsToSingle(0x7FFFFFFF);

    public static float Flush(float x) => float.IsSubnormal(x) ? MathF.CopySign(0, x) : x;
    public static float Saturate(float x) => x > 0 ? Math.Min(x, 1f) : 0f;

    /// <summary>Rounds a value that is exact or rounded to odd.</summary>
    public static float Round(double x, Rounding mode)
    {
        var nearest = (float)x;
        if (mode == Rounding.Nearest || nearest == x || double.IsNaN(x)) return Canonical(nearest);
        var up = mode == Rounding.Up || mode == Rounding.Zero && x < 0;
        return up ? nearest < x ? MathF.BitIncrement(nearest) : nearest : nearest > x ? MathF.BitDecrement(nearest) : nearest;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Add(float a, float b, Rounding mode) => mode == Rounding.Nearest ? Canonical(a + b) : Sum(a, b, mode);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Mul(float a, float b, Rounding mode) => mode == Rounding.Nearest ? Canonical(a * b) : Round((double)a * b, mode);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fma(float a, float b, float c, Rounding mode) => mode == Rounding.Nearest ? Canonical(MathF.FusedMultiplyAdd(a, b, c)) : Sum((double)a * b, c, mode);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Div(float a, float b, Rounding mode) => mode == Rounding.Nearest ? Canonical(a / b) : Round(RoundToOdd.Divide(a, b), mode);

    public static float Sqrt(float a, Rounding mode) => mode == Rounding.Nearest ? Canonical(MathF.Sqrt(a)) : Round(RoundToOdd.Sqrt(a), mode);

    /// <summary>An exact sum of 0 is -0 only when rounding down (or of two -0).</summary>
    static float Sum(double a, double b, Rounding mode)
    {
        var sum = RoundToOdd.Add(a, b);
        if (sum == 0 && mode == Rounding.Down && (double.IsNegative(a) || double.IsNegative(b))) return -0f;
        return Round(sum, mode);
    }

    /// <summary>The other operand if one is a NaN; -0 is less than +0.</summary>
    public static float Min(float a, float b) => float.IsNaN(a) ? Canonical(b) : float.IsNaN(b) ? a : MathF.Min(a, b);
    public static float Max(float a, float b) => float.IsNaN(a) ? Canonical(b) : float.IsNaN(b) ? a : MathF.Max(a, b);
    public static float MinNaN(float a, float b) => float.IsNaN(a) || float.IsNaN(b) ? NaN : MathF.Min(a, b);
    public static float MaxNaN(float a, float b) => float.IsNaN(a) || float.IsNaN(b) ? NaN : MathF.Max(a, b);
}
