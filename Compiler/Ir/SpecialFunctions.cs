using System;

namespace Graph.Compiler.Ir;

/// <summary>Functions that netstandard2.0 lacks, to full double precision.</summary>
public static class SpecialFunctions
{
    /// <summary>The logistic function, without overflow.</summary>
    public static double Sigmoid(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));

    /// <summary>1 / √x.</summary>
    public static double Rsqrt(double x) => 1 / Math.Sqrt(x);

    /// <summary>The error function, by its Maclaurin series below 3 and the continued fraction of erfc above (Abramowitz and Stegun 7.1.6, 7.1.14).</summary>
    public static double Erf(double x)
    {
        if (double.IsNaN(x)) return x;
        var z = Math.Abs(x);
        if (z > 6.5) return Math.Sign(x);
        if (z < 3)
        {
            // erf z = 2/√π e^(-z²) Σ 2ⁿ z^(2n+1) / (1·3·…·(2n+1)): all terms positive, so nothing cancels.
            double term = z, sum = z;
            for (var n = 1; n < 200 && term > sum * 1e-17; n++)
            {
                term *= 2 * z * z / (2 * n + 1);
                sum += term;
            }
            return Math.Sign(x) * 2 / Math.Sqrt(Math.PI) * Math.Exp(-z * z) * sum;
        }
        var fraction = 0.0;
        for (var n = 60; n >= 1; n--) fraction = n / 2.0 / (z + fraction);
        return Math.Sign(x) * (1 - Math.Exp(-z * z) / Math.Sqrt(Math.PI) / (z + fraction));
    }
}
