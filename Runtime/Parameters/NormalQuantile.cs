using System;

namespace Graph.Runtime.Parameters;

/// <summary>
/// The inverse of the normal distribution, with additions, multiplications, divisions and square roots alone: IEEE rounds those the same everywhere, which a library's logarithm does not promise.
/// </summary>
/// <remarks>Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37 (1988), routine PPND16: about 1e-16 relative.</remarks>
static class NormalQuantile
{
    /// <summary>The number that a standard normal variable stays below with probability <paramref name="p"/>, in (0, 1).</summary>
    public static double Of(double p)
    {
        var q = p - 0.5;
        if (Math.Abs(q) <= 0.425)
        {
            var s = 0.180625 - q * q;
            return q
                * (((((((2509.0809287301226727 * s + 33430.575583588128105) * s + 67265.770927008700853) * s + 45921.953931549871457) * s + 13731.693765509461125) * s
                    + 1971.5909503065514427) * s + 133.14166789178437745) * s + 3.387132872796366608)
                / (((((((5226.495278852854561 * s + 28729.085735721942674) * s + 39307.89580009271061) * s + 21213.794301586595867) * s + 5394.1960214247511077) * s
                    + 687.1870074920579083) * s + 42.313330701600911252) * s + 1);
        }
        var r = Math.Sqrt(-Log(q < 0 ? p : 1 - p));
        double x;
        if (r <= 5)
        {
            r -= 1.6;
            x = (((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r + 1.27045825245236838258) * r + 3.64784832476320460504) * r
                    + 5.7694972214606914055) * r + 4.6303378461565452959) * r + 1.42343711074968357734)
                / (((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r + 0.14810397642748007459) * r + 0.68976733498510000455) * r
                    + 1.6763848301838038494) * r + 2.05319162663775882187) * r + 1);
        }
        else
        {
            r -= 5;
            x = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r + 0.026532189526576123093) * r + 0.29656057182850489123) * r
                    + 1.7848265399172913358) * r + 5.4637849111641143699) * r + 6.6579046435011037772)
                / (((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r + 7.868691311456132591e-4) * r + 0.0148753612908506148525) * r
                    + 0.13692988092273580531) * r + 0.59983220655588793769) * r + 1);
        }
        return q < 0 ? -x : x;
    }

    /// <summary>The natural logarithm: exponent · ln 2 plus 2·artanh((m−1)/(m+1)) of a mantissa in [√½, √2) by its series.</summary>
    internal static double Log(double value)
    {
        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)(bits >> 52) - 1022;
        var mantissa = BitConverter.Int64BitsToDouble((bits & 0xFFFFFFFFFFFFF) | (1022L << 52)); // in [½, 1)
        if (mantissa < 0.70710678118654752440)
        {
            mantissa *= 2;
            exponent--;
        }
        var z = (mantissa - 1) / (mantissa + 1);
        var square = z * z;
        double sum = 0;
        for (var k = 21; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
        return exponent * 0.69314718055994530942 + 2 * z * sum;
    }
}
