using System;

namespace Graph.Runtime.Cpu;

/// <summary>Sine and cosine of float32 numbers that are too large for a reduction in float32, of infinities and of what is no number: step by step what targets compute (<c>AngleGraphs</c>).</summary>
static class LargeAngles
{
    // 2/π in pieces of 29 bits: a float32 times a piece is a float64.
    static ReadOnlySpan<long> Pieces => [341782637, 423170132, 352195499, 488592205, 461485765, 90590992, 478285810, 291744734];

    /// <summary>sin x, correctly rounded but for one in some 2^15 numbers.</summary>
    public static float Sin(float x) => Of(x, 0);

    /// <summary>cos x, as <see cref="Sin"/>.</summary>
    public static float Cos(float x) => Of(x, 1);

    // x · 2/π but for multiples of 4, a sum of exact products whose rounding is carried along (Payne and Hanek).
    static float Of(double x, int quarter)
    {
        double high = 0, low = 0, scale = 1;
        foreach (var piece in Pieces)
        {
            scale /= 1 << 29;
            var product = x * (piece * scale);
            var part = Math.FusedMultiplyAdd(-4, Math.Round(product * 0.25), product);
            var sum = high + part;
            var taken = sum - high;
            low += high - (sum - taken) + (part - taken);
            high = sum;
        }
        var n = Math.Round(high);
        var r = (high - n + low) * 1.5707963267948966;
        var turns = (int)n + quarter;
        var z = r * r;
        var value = (turns & 1) == 0 ? Math.FusedMultiplyAdd(Polynomial(z, Sines), z * r, r) : Math.FusedMultiplyAdd(Polynomial(z, Cosines), z, 1);
        return (float)((turns & 2) == 0 ? value : -value);
    }

    static ReadOnlySpan<double> Sines => [1 / 6227020800.0, -1 / 39916800.0, 1 / 362880.0, -1 / 5040.0, 1 / 120.0, -1 / 6.0];

    static ReadOnlySpan<double> Cosines => [-1 / 87178291200.0, 1 / 479001600.0, -1 / 3628800.0, 1 / 40320.0, -1 / 720.0, 1 / 24.0, -0.5];

    static double Polynomial(double x, ReadOnlySpan<double> coefficients)
    {
        var p = coefficients[0];
        for (var i = 1; i < coefficients.Length; i++) p = Math.FusedMultiplyAdd(p, x, coefficients[i]);
        return p;
    }
}
