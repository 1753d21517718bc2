using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

// The same source for every width, so that a value has the same bits whatever vector it lies in; a test holds the three files together.
public static partial class VectorMath
{
    /// <summary>e^x; within 1 ulp, denormal results included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        // Below, where the result is 0, nothing may underflow on the way: masks are full of −∞, and processors take a hundred times as long for a denormal number.
        var zero = Vector512.LessThan(x, Vector512.Create(-104f));
        // The second operand survives if it is NaN.
        x = Vector512.MinNative(Vector512.Create(89f), Vector512.AndNot(x, zero));
        var t = Vector512.MultiplyAddEstimate(x, Vector512.Create(Log2E), Vector512.Create(Magic));
        var n = t - Vector512.Create(Magic);
        var r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-Ln2High), x);
        r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-Ln2Low), r);
        var p = Vector512.MultiplyAddEstimate(Vector512.Create(0.00138210284f), r, Vector512.Create(0.00836867373f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(0.0416682623f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(0.166665211f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(0.49999994f));
        p = Vector512.MultiplyAddEstimate(p, r * r, r) + Vector512<float>.One;
        // 2^n in two factors, because 2^128 and 2^-150 are no floats.
        var whole = t.AsInt32() - Vector512.Create(MagicBits);
        var half = whole >> 1;
        var first = (half + Vector512.Create(127)) << 23;
        var second = (whole - half + Vector512.Create(127)) << 23;
        return Vector512.AndNot(p * first.AsSingle() * second.AsSingle(), zero);
    }

    /// <summary>Natural logarithm; within 1 ulp. −∞ at 0, NaN below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Log(Vector512<float> x)
    {
        var denormal = Vector512.LessThan(x, Vector512.Create(SmallestNormal));
        var bits = Vector512.ConditionalSelect(denormal, x * Vector512.Create(8388608f), x).AsInt32() - Vector512.Create(SqrtHalfBits);
        var e = Vector512.ConvertToSingle(bits >> 23) - (denormal & Vector512.Create(23f));
        var f = ((bits & Vector512.Create(0x7FFFFF)) + Vector512.Create(SqrtHalfBits)).AsSingle() - Vector512<float>.One;
        var z = f * f;
        var p = Vector512.MultiplyAddEstimate(Vector512.Create(-0.0763642788f), f, Vector512.Create(0.127622128f));
        p = Vector512.MultiplyAddEstimate(p, f, Vector512.Create(-0.131596103f));
        p = Vector512.MultiplyAddEstimate(p, f, Vector512.Create(0.1420158f));
        p = Vector512.MultiplyAddEstimate(p, f, Vector512.Create(-0.166234091f));
        p = Vector512.MultiplyAddEstimate(p, f, Vector512.Create(0.200012416f));
        p = Vector512.MultiplyAddEstimate(p, f, Vector512.Create(-0.250008196f));
        p = Vector512.MultiplyAddEstimate(p, f, Vector512.Create(0.333333313f));
        p = Vector512.MultiplyAddEstimate(e, Vector512.Create(Ln2Low), p * (f * z));
        p = Vector512.MultiplyAddEstimate(Vector512.Create(-0.5f), z, p) + f;
        p = Vector512.MultiplyAddEstimate(e, Vector512.Create(Ln2High), p);
        var positive = Vector512.GreaterThan(x, Vector512<float>.Zero);
        var edge = Vector512.ConditionalSelect(positive, x, Vector512.Create(float.NaN));
        edge = Vector512.ConditionalSelect(Vector512.Equals(x, Vector512<float>.Zero), Vector512.Create(float.NegativeInfinity), edge);
        return Vector512.ConditionalSelect(positive & Vector512.LessThan(x, Vector512.Create(float.PositiveInfinity)), p, edge);
    }

    /// <summary>Hyperbolic tangent; within 2.5 ulp. From expm1(2|x|), so small arguments keep their digits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x)
    {
        var y = Vector512.Abs(x);
        y = Vector512.MinNative(Vector512.Create(20f), y + y);
        var t = Vector512.MultiplyAddEstimate(y, Vector512.Create(Log2E), Vector512.Create(Magic));
        var n = t - Vector512.Create(Magic);
        var r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-Ln2High), y);
        r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-Ln2Low), r);
        var p = Vector512.MultiplyAddEstimate(Vector512.Create(0.00138210284f), r, Vector512.Create(0.00836867373f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(0.0416682623f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(0.166665211f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(0.49999994f));
        p = Vector512.MultiplyAddEstimate(p, r * r, r);
        var s = ((t.AsInt32() - Vector512.Create(MagicBits - 127)) << 23).AsSingle();
        p = Vector512.MultiplyAddEstimate(s, p, s - Vector512<float>.One);
        return p / (p + Vector512.Create(2f)) | x & Vector512.Create(-0f);
    }

    /// <summary>Logistic function 1 / (1 + e^−x); within 2.5 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x)
    {
        var e = Exp(x | Vector512.Create(-0f));
        return Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), e, Vector512<float>.One) / (e + Vector512<float>.One);
    }

    /// <summary>Error function; within 2 ulp. A polynomial of x² below 0.93, 1 − exp(polynomial) above.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Erf(Vector512<float> x)
    {
        var a = Vector512.Abs(x);
        var t = a * a;
        var p = Vector512.MultiplyAddEstimate(Vector512.Create(8.00277485e-05f), t, Vector512.Create(-0.000805080403f));
        p = Vector512.MultiplyAddEstimate(p, t, Vector512.Create(0.00519246049f));
        p = Vector512.MultiplyAddEstimate(p, t, Vector512.Create(-0.0268557407f));
        p = Vector512.MultiplyAddEstimate(p, t, Vector512.Create(0.112836257f));
        p = Vector512.MultiplyAddEstimate(p, t, Vector512.Create(-0.376126289f));
        p = Vector512.MultiplyAddEstimate(p, t, Vector512.Create(0.128379166f));
        p = Vector512.MultiplyAddEstimate(p, x, x);
        var u = Vector512.MinNative(Vector512.Create(4f), a);
        var g = Vector512.MultiplyAddEstimate(Vector512.Create(-0.000194790235f), u, Vector512.Create(0.00303191133f));
        g = Vector512.MultiplyAddEstimate(g, u, Vector512.Create(-0.0221816432f));
        g = Vector512.MultiplyAddEstimate(g, u, Vector512.Create(0.103837259f));
        g = Vector512.MultiplyAddEstimate(g, u, Vector512.Create(0.63729018f));
        g = Vector512.MultiplyAddEstimate(g, u, Vector512.Create(1.12761128f));
        g = Vector512.MultiplyAddEstimate(g, u, Vector512.Create(0.000211308259f));
        g = Vector512<float>.One - Exp(-g) | x & Vector512.Create(-0f);
        return Vector512.ConditionalSelect(Vector512.LessThan(a, Vector512.Create(0.93f)), p, g);
    }

    /// <summary>Sine of x in radians; within 2.5 ulp up to |x| = 8192, beyond from the platform's library.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sin(Vector512<float> x)
    {
        var result = SinQuarter(x, Vector512<int>.Zero);
        var small = Vector512.LessThanOrEqual(Vector512.Abs(x), Vector512.Create(LargestReduced));
        return Vector512.EqualsAll(small.AsInt32(), Vector512<int>.AllBitsSet) ? result : PatchSin(x, result);
    }

    /// <summary>Cosine of x in radians; within 2.5 ulp up to |x| = 8192, beyond from the platform's library.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Cos(Vector512<float> x)
    {
        var result = SinQuarter(x, Vector512<int>.One);
        var small = Vector512.LessThanOrEqual(Vector512.Abs(x), Vector512.Create(LargestReduced));
        return Vector512.EqualsAll(small.AsInt32(), Vector512<int>.AllBitsSet) ? result : PatchCos(x, result);
    }

    // sin(x + quarter · π/2), with π/2 in four parts of which three have few bits (Cody and Waite).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> SinQuarter(Vector512<float> x, Vector512<int> quarter)
    {
        var t = Vector512.MultiplyAddEstimate(x, Vector512.Create(TwoOverPi), Vector512.Create(Magic));
        var n = t - Vector512.Create(Magic);
        quarter += t.AsInt32();
        var r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-HalfPi1), x);
        r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-HalfPi2), r);
        r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-HalfPi3), r);
        r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-HalfPi4), r);
        var z = r * r;
        var s = Vector512.MultiplyAddEstimate(Vector512.Create(2.83271902e-06f), z, Vector512.Create(-0.000198530717f));
        s = Vector512.MultiplyAddEstimate(s, z, Vector512.Create(0.0083333794f));
        s = Vector512.MultiplyAddEstimate(s, z, Vector512.Create(-0.166666672f));
        s = Vector512.MultiplyAddEstimate(s, z * r, r);
        var c = Vector512.MultiplyAddEstimate(Vector512.Create(2.44323273e-05f), z, Vector512.Create(-0.00138873095f));
        c = Vector512.MultiplyAddEstimate(c, z, Vector512.Create(0.0416666456f));
        c = Vector512.MultiplyAddEstimate(c, z * z, Vector512.MultiplyAddEstimate(Vector512.Create(-0.5f), z, Vector512<float>.One));
        var even = Vector512.Equals(quarter & Vector512<int>.One, Vector512<int>.Zero).AsSingle();
        return Vector512.ConditionalSelect(even, s, c) ^ ((quarter & Vector512.Create(2)) << 30).AsSingle();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static Vector512<float> PatchSin(Vector512<float> x, Vector512<float> result)
    {
        for (int i = 0; i < Vector512<float>.Count; i++)
        {
            if (!(Math.Abs(x[i]) <= LargestReduced)) result = result.WithElement(i, (float)Math.Sin(x[i]));
        }
        return result;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static Vector512<float> PatchCos(Vector512<float> x, Vector512<float> result)
    {
        for (int i = 0; i < Vector512<float>.Count; i++)
        {
            if (!(Math.Abs(x[i]) <= LargestReduced)) result = result.WithElement(i, (float)Math.Cos(x[i]));
        }
        return result;
    }

    /// <summary>1 / √x: both steps correctly rounded, within 1.5 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Rsqrt(Vector512<float> x) => Vector512<float>.One / Vector512.Sqrt(x);

    /// <summary>x to the power y; within 1 ulp, by way of float64. A call, not inlined.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector512<float> Pow(Vector512<float> x, Vector512<float> y)
    {
        var a = Vector512.Abs(x);
        var (a0, a1) = Vector512.Widen(a);
        var (y0, y1) = Vector512.Widen(y);
        var result = Vector512.Narrow(PowPositive(a0, y0), PowPositive(a1, y1));
        var negative = Vector512.LessThan(x, Vector512<float>.Zero);
        var halfY = y * Vector512.Create(0.5f);
        var odd = ~Vector512.Equals(Vector512.Floor(halfY), halfY);
        var whole = Vector512.Equals(Vector512.Floor(y), y);
        result ^= negative & odd & Vector512.Create(-0f);
        result = Vector512.ConditionalSelect(negative & ~whole, Vector512.Create(float.NaN), result);
        var infinity = Vector512.Create(float.PositiveInfinity);
        var plain = Vector512.GreaterThan(a, Vector512<float>.Zero) & Vector512.LessThan(a, infinity) & Vector512.LessThan(Vector512.Abs(y), infinity);
        if (Vector512.EqualsAll(plain.AsInt32(), Vector512<int>.AllBitsSet)) return result;
        for (int i = 0; i < Vector512<float>.Count; i++)
        {
            if (plain.AsInt32()[i] == 0) result = result.WithElement(i, MathF.Pow(x[i], y[i]));
        }
        return result;
    }

    // 2^(y·log2 x) of positive normal x: log2 from the series of the inverse hyperbolic tangent.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<double> PowPositive(Vector512<double> x, Vector512<double> y)
    {
        var bits = x.AsInt64() - Vector512.Create(SqrtHalfBits64);
        // A bias keeps the exponent positive: an arithmetic shift of 64 bits is slow before AVX-512.
        var biased = (bits + Vector512.Create(1100L << 52)).AsUInt64() >>> 52;
        var e = (biased | Vector512.Create(0x4330000000000000UL)).AsDouble() - Vector512.Create(4503599627370496.0 + 1100.0);
        var m = ((bits & Vector512.Create(0xFFFFFFFFFFFFFL)) + Vector512.Create(SqrtHalfBits64)).AsDouble();
        var s = (m - Vector512<double>.One) / (m + Vector512<double>.One);
        var z = s * s;
        var p = Vector512.MultiplyAddEstimate(Vector512.Create(1 / 13.0), z, Vector512.Create(1 / 11.0));
        p = Vector512.MultiplyAddEstimate(p, z, Vector512.Create(1 / 9.0));
        p = Vector512.MultiplyAddEstimate(p, z, Vector512.Create(1 / 7.0));
        p = Vector512.MultiplyAddEstimate(p, z, Vector512.Create(1 / 5.0));
        p = Vector512.MultiplyAddEstimate(p, z, Vector512.Create(1 / 3.0));
        p = Vector512.MultiplyAddEstimate(p, z, Vector512<double>.One);
        var log = Vector512.MultiplyAddEstimate(p * s, Vector512.Create(2 / 0.693147180559945309), e);
        var w = Vector512.MinNative(Vector512.Create(200.0), Vector512.MaxNative(Vector512.Create(-200.0), y * log));
        var t = w + Vector512.Create(6755399441055744.0);
        var r = (w - (t - Vector512.Create(6755399441055744.0))) * Vector512.Create(0.693147180559945309);
        p = Vector512.MultiplyAddEstimate(Vector512.Create(1 / 362880.0), r, Vector512.Create(1 / 40320.0));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1 / 5040.0));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1 / 720.0));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1 / 120.0));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1 / 24.0));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(1 / 6.0));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(0.5));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512<double>.One);
        p = Vector512.MultiplyAddEstimate(p, r, Vector512<double>.One);
        return p * ((t.AsInt64() << 52) + Vector512.Create(1023L << 52)).AsDouble();
    }
}
