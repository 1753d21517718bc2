using System;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

/// <summary>
/// The inverse of the normal distribution, with additions, multiplications, divisions and square roots alone: IEEE rounds those the same everywhere, which a library's logarithm does not promise.
/// </summary>
/// <remarks>Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37 (1988), routine PPND16: about 1e-16 relative.</remarks>
static partial class NormalQuantile
{
    /// <summary>How far from ½ the middle of the distribution reaches.</summary>
    public const double Middle = 0.425;

    /// <summary>The number that a standard normal variable stays below with probability <paramref name="p"/>, in (0, 1).</summary>
    public static double Of(double p)
    {
        var q = p - 0.5;
        if (Math.Abs(q) <= Middle) return Inner(Vector128.CreateScalar(q)).ToScalar();
        var r = Math.Sqrt(-Log(q < 0 ? p : 1 - p));
        if (r <= 5) return Outer(Vector128.CreateScalar(p)).ToScalar();
        r -= 5;
        var x = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r + 0.026532189526576123093) * r + 0.29656057182850489123) * r
                + 1.7848265399172913358) * r + 5.4637849111641143699) * r + 6.6579046435011037772)
            / (((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r + 7.868691311456132591e-4) * r + 0.0148753612908506148525) * r
                + 0.13692988092273580531) * r + 0.59983220655588793769) * r + 1);
        return q < 0 ? -x : x;
    }

    /// <inheritdoc cref="Log(Vector128{double})"/>
    internal static double Log(double value) => Log(Vector128.CreateScalar(value)).ToScalar();
}
