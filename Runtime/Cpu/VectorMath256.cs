using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

// The same source for every width, so that a value has the same bits whatever vector it lies in; a test holds the three files together.
public static partial class VectorMath
{
    /// <summary>e^x; within 1 ulp, denormal results included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        // Below, where the result is 0, nothing may underflow on the way: masks are full of −∞, and processors take a hundred times as long for a denormal number.
        var zero = Vector256.LessThan(x, Vector256.Create(-104f));
        // The second operand survives if it is NaN.
        x = Vector256.MinNative(Vector256.Create(89f), Vector256.AndNot(x, zero));
        var t = Vector256.MultiplyAddEstimate(x, Vector256.Create(Log2E), Vector256.Create(Magic));
        var n = t - Vector256.Create(Magic);
        var r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-Ln2High), x);
        r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-Ln2Low), r);
        var p = Vector256.MultiplyAddEstimate(Vector256.Create(0.00138210284f), r, Vector256.Create(0.00836867373f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(0.0416682623f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(0.166665211f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(0.49999994f));
        p = Vector256.MultiplyAddEstimate(p, r * r, r) + Vector256<float>.One;
        // 2^n in two factors, because 2^128 and 2^-150 are no floats.
        var whole = t.AsInt32() - Vector256.Create(MagicBits);
        var half = whole >> 1;
        var first = (half + Vector256.Create(127)) << 23;
        var second = (whole - half + Vector256.Create(127)) << 23;
        return Vector256.AndNot(p * first.AsSingle() * second.AsSingle(), zero);
    }

    /// <summary>Natural logarithm; within 1 ulp. −∞ at 0, NaN below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Log(Vector256<float> x)
    {
        var denormal = Vector256.LessThan(x, Vector256.Create(SmallestNormal));
        var bits = Vector256.ConditionalSelect(denormal, x * Vector256.Create(8388608f), x).AsInt32() - Vector256.Create(SqrtHalfBits);
        var e = Vector256.ConvertToSingle(bits >> 23) - (denormal & Vector256.Create(23f));
        var f = ((bits & Vector256.Create(0x7FFFFF)) + Vector256.Create(SqrtHalfBits)).AsSingle() - Vector256<float>.One;
        var z = f * f;
        var p = Vector256.MultiplyAddEstimate(Vector256.Create(-0.0763642788f), f, Vector256.Create(0.127622128f));
        p = Vector256.MultiplyAddEstimate(p, f, Vector256.Create(-0.131596103f));
        p = Vector256.MultiplyAddEstimate(p, f, Vector256.Create(0.1420158f));
        p = Vector256.MultiplyAddEstimate(p, f, Vector256.Create(-0.166234091f));
        p = Vector256.MultiplyAddEstimate(p, f, Vector256.Create(0.200012416f));
        p = Vector256.MultiplyAddEstimate(p, f, Vector256.Create(-0.250008196f));
        p = Vector256.MultiplyAddEstimate(p, f, Vector256.Create(0.333333313f));
        p = Vector256.MultiplyAddEstimate(e, Vector256.Create(Ln2Low), p * (f * z));
        p = Vector256.MultiplyAddEstimate(Vector256.Create(-0.5f), z, p) + f;
        p = Vector256.MultiplyAddEstimate(e, Vector256.Create(Ln2High), p);
        var positive = Vector256.GreaterThan(x, Vector256<float>.Zero);
        var edge = Vector256.ConditionalSelect(positive, x, Vector256.Create(float.NaN));
        edge = Vector256.ConditionalSelect(Vector256.Equals(x, Vector256<float>.Zero), Vector256.Create(float.NegativeInfinity), edge);
        return Vector256.ConditionalSelect(positive & Vector256.LessThan(x, Vector256.Create(float.PositiveInfinity)), p, edge);
    }

    /// <summary>Hyperbolic tangent; within 2.5 ulp. From expm1(2|x|), so small arguments keep their digits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Tanh(Vector256<float> x)
    {
        var y = Vector256.Abs(x);
        y = Vector256.MinNative(Vector256.Create(20f), y + y);
        var t = Vector256.MultiplyAddEstimate(y, Vector256.Create(Log2E), Vector256.Create(Magic));
        var n = t - Vector256.Create(Magic);
        var r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-Ln2High), y);
        r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-Ln2Low), r);
        var p = Vector256.MultiplyAddEstimate(Vector256.Create(0.00138210284f), r, Vector256.Create(0.00836867373f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(0.0416682623f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(0.166665211f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(0.49999994f));
        p = Vector256.MultiplyAddEstimate(p, r * r, r);
        var s = ((t.AsInt32() - Vector256.Create(MagicBits - 127)) << 23).AsSingle();
        p = Vector256.MultiplyAddEstimate(s, p, s - Vector256<float>.One);
        return p / (p + Vector256.Create(2f)) | x & Vector256.Create(-0f);
    }

    /// <summary>Logistic function 1 / (1 + e^−x); within 2.5 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Sigmoid(Vector256<float> x)
    {
        var e = Exp(x | Vector256.Create(-0f));
        return Vector256.ConditionalSelect(Vector256.LessThan(x, Vector256<float>.Zero), e, Vector256<float>.One) / (e + Vector256<float>.One);
    }

    /// <summary>Error function; within 2 ulp. A polynomial of x² below 0.93, 1 − exp(polynomial) above.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Erf(Vector256<float> x)
    {
        var a = Vector256.Abs(x);
        var t = a * a;
        var p = Vector256.MultiplyAddEstimate(Vector256.Create(8.00277485e-05f), t, Vector256.Create(-0.000805080403f));
        p = Vector256.MultiplyAddEstimate(p, t, Vector256.Create(0.00519246049f));
        p = Vector256.MultiplyAddEstimate(p, t, Vector256.Create(-0.0268557407f));
        p = Vector256.MultiplyAddEstimate(p, t, Vector256.Create(0.112836257f));
        p = Vector256.MultiplyAddEstimate(p, t, Vector256.Create(-0.376126289f));
        p = Vector256.MultiplyAddEstimate(p, t, Vector256.Create(0.128379166f));
        p = Vector256.MultiplyAddEstimate(p, x, x);
        var u = Vector256.MinNative(Vector256.Create(4f), a);
        var g = Vector256.MultiplyAddEstimate(Vector256.Create(-0.000194790235f), u, Vector256.Create(0.00303191133f));
        g = Vector256.MultiplyAddEstimate(g, u, Vector256.Create(-0.0221816432f));
        g = Vector256.MultiplyAddEstimate(g, u, Vector256.Create(0.103837259f));
        g = Vector256.MultiplyAddEstimate(g, u, Vector256.Create(0.63729018f));
        g = Vector256.MultiplyAddEstimate(g, u, Vector256.Create(1.12761128f));
        g = Vector256.MultiplyAddEstimate(g, u, Vector256.Create(0.000211308259f));
        g = Vector256<float>.One - Exp(-g) | x & Vector256.Create(-0f);
        return Vector256.ConditionalSelect(Vector256.LessThan(a, Vector256.Create(0.93f)), p, g);
    }

    /// <summary>Sine of x in radians; within 2.5 ulp up to |x| = 8192, beyond from the platform's library.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Sin(Vector256<float> x)
    {
        var result = SinQuarter(x, Vector256<int>.Zero);
        var small = Vector256.LessThanOrEqual(Vector256.Abs(x), Vector256.Create(LargestReduced));
        return Vector256.EqualsAll(small.AsInt32(), Vector256<int>.AllBitsSet) ? result : PatchSin(x, result);
    }

    /// <summary>Cosine of x in radians; within 2.5 ulp up to |x| = 8192, beyond from the platform's library.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Cos(Vector256<float> x)
    {
        var result = SinQuarter(x, Vector256<int>.One);
        var small = Vector256.LessThanOrEqual(Vector256.Abs(x), Vector256.Create(LargestReduced));
        return Vector256.EqualsAll(small.AsInt32(), Vector256<int>.AllBitsSet) ? result : PatchCos(x, result);
    }

    // sin(x + quarter · π/2), with π/2 in four parts of which three have few bits (Cody and Waite).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> SinQuarter(Vector256<float> x, Vector256<int> quarter)
    {
        var t = Vector256.MultiplyAddEstimate(x, Vector256.Create(TwoOverPi), Vector256.Create(Magic));
        var n = t - Vector256.Create(Magic);
        quarter += t.AsInt32();
        var r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-HalfPi1), x);
        r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-HalfPi2), r);
        r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-HalfPi3), r);
        r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-HalfPi4), r);
        var z = r * r;
        var s = Vector256.MultiplyAddEstimate(Vector256.Create(2.83271902e-06f), z, Vector256.Create(-0.000198530717f));
        s = Vector256.MultiplyAddEstimate(s, z, Vector256.Create(0.0083333794f));
        s = Vector256.MultiplyAddEstimate(s, z, Vector256.Create(-0.166666672f));
        s = Vector256.MultiplyAddEstimate(s, z * r, r);
        var c = Vector256.MultiplyAddEstimate(Vector256.Create(2.44323273e-05f), z, Vector256.Create(-0.00138873095f));
        c = Vector256.MultiplyAddEstimate(c, z, Vector256.Create(0.0416666456f));
        c = Vector256.MultiplyAddEstimate(c, z * z, Vector256.MultiplyAddEstimate(Vector256.Create(-0.5f), z, Vector256<float>.One));
        var even = Vector256.Equals(quarter & Vector256<int>.One, Vector256<int>.Zero).AsSingle();
        return Vector256.ConditionalSelect(even, s, c) ^ ((quarter & Vector256.Create(2)) << 30).AsSingle();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static Vector256<float> PatchSin(Vector256<float> x, Vector256<float> result)
    {
        for (int i = 0; i < Vector256<float>.Count; i++)
        {
            if (!(Math.Abs(x[i]) <= LargestReduced)) result = result.WithElement(i, (float)Math.Sin(x[i]));
        }
        return result;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static Vector256<float> PatchCos(Vector256<float> x, Vector256<float> result)
    {
        for (int i = 0; i < Vector256<float>.Count; i++)
        {
            if (!(Math.Abs(x[i]) <= LargestReduced)) result = result.WithElement(i, (float)Math.Cos(x[i]));
        }
        return result;
    }

    /// <summary>1 / √x: both steps correctly rounded, within 1.5 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Rsqrt(Vector256<float> x) => Vector256<float>.One / Vector256.Sqrt(x);

    /// <summary>x to the power y; within 1 ulp, by way of float64. A call, not inlined.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector256<float> Pow(Vector256<float> x, Vector256<float> y)
    {
        var a = Vector256.Abs(x);
        var (a0, a1) = Vector256.Widen(a);
        var (y0, y1) = Vector256.Widen(y);
        var result = Vector256.Narrow(PowPositive(a0, y0), PowPositive(a1, y1));
        var negative = Vector256.LessThan(x, Vector256<float>.Zero);
        var halfY = y * Vector256.Create(0.5f);
        var odd = ~Vector256.Equals(Vector256.Floor(halfY), halfY);
        var whole = Vector256.Equals(Vector256.Floor(y), y);
        result ^= negative & odd & Vector256.Create(-0f);
        result = Vector256.ConditionalSelect(negative & ~whole, Vector256.Create(float.NaN), result);
        var infinity = Vector256.Create(float.PositiveInfinity);
        var plain = Vector256.GreaterThan(a, Vector256<float>.Zero) & Vector256.LessThan(a, infinity) & Vector256.LessThan(Vector256.Abs(y), infinity);
        if (Vector256.EqualsAll(plain.AsInt32(), Vector256<int>.AllBitsSet)) return result;
        for (int i = 0; i < Vector256<float>.Count; i++)
        {
            if (plain.AsInt32()[i] == 0) result = result.WithElement(i, MathF.Pow(x[i], y[i]));
        }
        return result;
    }

    // 2^(y·log2 x) of positive normal x: log2 from the series of the inverse hyperbolic tangent.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<double> PowPositive(Vector256<double> x, Vector256<double> y)
    {
        var bits = x.AsInt64() - Vector256.Create(SqrtHalfBits64);
        // A bias keeps the exponent positive: an arithmetic shift of 64 bits is slow before AVX-512.
        var biased = (bits + Vector256.Create(1100L << 52)).AsUInt64() >>> 52;
        var e = (biased | Vector256.Create(0x4330000000000000UL)).AsDouble() - Vector256.Create(4503599627370496.0 + 1100.0);
        var m = ((bits & Vector256.Create(0xFFFFFFFFFFFFFL)) + Vector256.Create(SqrtHalfBits64)).AsDouble();
        var s = (m - Vector256<double>.One) / (m + Vector256<double>.One);
        var z = s * s;
        var p = Vector256.MultiplyAddEstimate(Vector256.Create(1 / 13.0), z, Vector256.Create(1 / 11.0));
        p = Vector256.MultiplyAddEstimate(p, z, Vector256.Create(1 / 9.0));
        p = Vector256.MultiplyAddEstimate(p, z, Vector256.Create(1 / 7.0));
        p = Vector256.MultiplyAddEstimate(p, z, Vector256.Create(1 / 5.0));
        p = Vector256.MultiplyAddEstimate(p, z, Vector256.Create(1 / 3.0));
        p = Vector256.MultiplyAddEstimate(p, z, Vector256<double>.One);
        var log = Vector256.MultiplyAddEstimate(p * s, Vector256.Create(2 / 0.693147180559945309), e);
        var w = Vector256.MinNative(Vector256.Create(200.0), Vector256.MaxNative(Vector256.Create(-200.0), y * log));
        var t = w + Vector256.Create(6755399441055744.0);
        var r = (w - (t - Vector256.Create(6755399441055744.0))) * Vector256.Create(0.693147180559945309);
        p = Vector256.MultiplyAddEstimate(Vector256.Create(1 / 362880.0), r, Vector256.Create(1 / 40320.0));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(1 / 5040.0));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(1 / 720.0));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(1 / 120.0));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(1 / 24.0));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(1 / 6.0));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(0.5));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256<double>.One);
        p = Vector256.MultiplyAddEstimate(p, r, Vector256<double>.One);
        return p * ((t.AsInt64() << 52) + Vector256.Create(1023L << 52)).AsDouble();
    }
}
