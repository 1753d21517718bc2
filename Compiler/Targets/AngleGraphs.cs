using System.Linq;
using Graph.Compiler.Ir;
using static Graph.Compiler.Targets.FunctionGraphs;

namespace Graph.Compiler.Targets;

/// <summary>Sine and cosine of a float32 in radians, as the CPU's library computes them: up to ±8192 in float32, beyond in float64.</summary>
static class AngleGraphs
{
    const float TwoOverPi = 0.636619772f, Magic = 12582912f, LargestReduced = 8192f;

    // π/2 in pieces of 8, 11, 11 and 24 bits.
    const float HalfPi1 = 1.5703125f, HalfPi2 = 0.0004837512969970703f, HalfPi3 = 7.549533620476723e-08f, HalfPi4 = 2.56334407e-12f;

    // 2/π in pieces of 29 bits: a float32 times a piece is a float64.
    static readonly long[] Pieces = [341782637, 423170132, 352195499, 488592205, 461485765, 90590992, 478285810, 291744734];

    public static Scalar Sin(Scalar x) => Of(x, 0);

    public static Scalar Cos(Scalar x) => Of(x, 1);

    // sin(x + quarter · π/2).
    static Scalar Of(Scalar x, int quarter) => Scalar.Select(Scalar.LessEqual(Scalar.Abs(x), Number(LargestReduced)), Near(x, quarter), Scalar.Cast(Far(Scalar.Cast(x, DType.F64), quarter), DType.F32));

    // With π/2 in four parts of which three have few bits (Cody and Waite).
    static Scalar Near(Scalar x, int quarter)
    {
        var t = Fma(x, Number(TwoOverPi), Number(Magic));
        var n = t - Number(Magic);
        var turns = Bits(t) + Whole(quarter);
        var r = Fma(n, Number(-HalfPi1), x);
        r = Fma(n, Number(-HalfPi2), r);
        r = Fma(n, Number(-HalfPi3), r);
        r = Fma(n, Number(-HalfPi4), r);
        var z = r * r;
        var s = Fma(Polynomial(z, 2.83271902e-06f, -0.000198530717f, 0.0083333794f, -0.166666672f), z * r, r);
        var c = Fma(Polynomial(z, 2.44323273e-05f, -0.00138873095f, 0.0416666456f), z * z, Fma(Number(-0.5f), z, Number(1)));
        return Real(Scalar.BitXor(Bits(Scalar.Select(IsEven(turns), s, c)), Scalar.ShiftLeft(Scalar.BitAnd(turns, Whole(2)), 30)));
    }

    // x · 2/π but for multiples of 4, a sum of exact products whose rounding is carried along (Payne and Hanek).
    static Scalar Far(Scalar x, int quarter)
    {
        Scalar high = Double(0), low = Double(0);
        var scale = 1.0;
        foreach (var piece in Pieces)
        {
            scale /= 1 << 29;
            var product = x * Double(piece * scale);
            var part = Fma(Double(-4), Scalar.Round(product * Double(0.25)), product);
            var sum = high + part;
            var taken = sum - high;
            low += high - (sum - taken) + (part - taken);
            high = sum;
        }
        var n = Scalar.Round(high);
        var r = (high - n + low) * Double(1.5707963267948966);
        var turns = Scalar.Cast(n, DType.I32) + Whole(quarter);
        var z = r * r;
        var s = Fma(PolynomialOfDouble(z, 1 / 6227020800.0, -1 / 39916800.0, 1 / 362880.0, -1 / 5040.0, 1 / 120.0, -1 / 6.0), z * r, r);
        var c = Fma(PolynomialOfDouble(z, -1 / 87178291200.0, 1 / 479001600.0, -1 / 3628800.0, 1 / 40320.0, -1 / 720.0, 1 / 24.0, -0.5), z, Double(1));
        var value = Scalar.Select(IsEven(turns), s, c);
        return Scalar.Select(Scalar.Equal(Scalar.BitAnd(turns, Whole(2)), Whole(0)), value, -value);
    }

    static Scalar IsEven(Scalar turns) => Scalar.Equal(Scalar.BitAnd(turns, Whole(1)), Whole(0));
}
