using Graph.Compiler.Ir;
using static Graph.Compiler.Targets.FunctionGraphs;

namespace Graph.Compiler.Targets;

/// <summary>x to the power y in float32, by way of float64, as the CPU's library computes it.</summary>
static class PowerGraph
{
    // The least float32 that is more than √½.
    const int SqrtHalfBits = 0x3F3504F4;
    const float SmallestNormal = 1.17549435e-38f;

    public static Scalar Pow(Scalar x, Scalar y)
    {
        var a = Scalar.Abs(x);
        var (zero, one, infinity) = (Number(0), Number(1), Number(float.PositiveInfinity));
        var half = y * Number(0.5f);
        var (isNegative, isOdd, isWhole) = (Scalar.Less(Bits(x), Whole(0)), Scalar.Not(Scalar.Equal(Scalar.Floor(half), half)), Scalar.Equal(Scalar.Floor(y), y));
        var sign = Scalar.And(isNegative, Scalar.And(isOdd, isWhole));

        var positive = Scalar.Cast(Positive(a, Scalar.Cast(y, DType.F64)), DType.F32);
        var plain = Scalar.Select(Scalar.And(isNegative, Scalar.Not(isWhole)), Number(float.NaN), positive);
        // Of 0, of infinities and to their power: what is more than 1 grows, everything else falls.
        var grows = Scalar.Equal(Scalar.Less(zero, y), Scalar.Less(one, a));
        var edge = Scalar.Select(Scalar.Equal(a, one), one, Scalar.Select(grows, infinity, zero));
        var isPlain = Scalar.And(Scalar.And(Scalar.Less(zero, a), Scalar.Less(a, infinity)), Scalar.Less(Scalar.Abs(y), infinity));
        var result = Scalar.Select(isPlain, plain, edge);
        result = Real(Scalar.BitXor(Bits(result), Scalar.Select(sign, Whole(int.MinValue), Whole(0))));
        var isNumber = Scalar.And(Scalar.Equal(x, x), Scalar.Equal(y, y));
        return Scalar.Select(Scalar.Or(Scalar.Equal(y, zero), Scalar.Equal(x, one)), one, Scalar.Select(isNumber, result, Number(float.NaN)));
    }

    // 2^(y·log2 x): log2 from the series of the inverse hyperbolic tangent.
    static Scalar Positive(Scalar x, Scalar y)
    {
        var denormal = Scalar.Less(x, Number(SmallestNormal));
        var bits = Bits(Scalar.Select(denormal, x * Number(8388608f), x)) - Whole(SqrtHalfBits);
        var e = Scalar.Cast(Scalar.ShiftRight(bits, 23) - Scalar.Select(denormal, Whole(23), Whole(0)), DType.F64);
        var m = Scalar.Cast(Real(Scalar.BitAnd(bits, Whole(0x7FFFFF)) + Whole(SqrtHalfBits)), DType.F64);
        var s = (m - Double(1)) / (m + Double(1));
        var log = Fma(PolynomialOfDouble(s * s, 1 / 13.0, 1 / 11.0, 1 / 9.0, 1 / 7.0, 1 / 5.0, 1 / 3.0, 1) * s, Double(2 / 0.693147180559945309), e);
        var product = y * log;
        // Beyond, a float32 is 0 or infinite.
        product = Scalar.Select(Scalar.Less(product, Double(-200)), Double(-200), product);
        var w = Scalar.Select(Scalar.Less(Double(200), product), Double(200), product);
        var n = Scalar.Round(w);
        var r = (w - n) * Double(0.693147180559945309);
        var p = PolynomialOfDouble(r, 1 / 362880.0, 1 / 40320.0, 1 / 5040.0, 1 / 720.0, 1 / 120.0, 1 / 24.0, 1 / 6.0, 0.5, 1, 1);
        // 2^n in two factors, which are float32.
        var whole = Scalar.Cast(n, DType.I32);
        var first = Scalar.ShiftRight(whole, 1);
        return p * (Power(first) * Power(whole - first));
    }

    static Scalar Power(Scalar n) => Scalar.Cast(Real(Scalar.ShiftLeft(n + Whole(127), 23)), DType.F64);
}
