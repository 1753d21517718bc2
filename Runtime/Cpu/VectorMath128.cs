using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

// The source of every width: the build writes those of 256 and 512 bits from it, so a value has the same bits whatever vector it lies in.
public static partial class VectorMath
{
    /// <summary>e^x; within 1 ulp, denormal results included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Exp(Vector128<float> x)
    {
        // Below, where the result is 0, nothing may underflow on the way: masks are full of −∞, and processors take a hundred times as long for a denormal number.
        var zero = Vector128.LessThan(x, Vector128.Create(-104f));
        // The second operand survives if it is NaN.
        x = Vector128.MinNative(Vector128.Create(89f), Vector128.AndNot(x, zero));
        var t = Vector128.MultiplyAddEstimate(x, Vector128.Create(Log2E), Vector128.Create(Magic));
        var n = t - Vector128.Create(Magic);
        var r = Vector128.MultiplyAddEstimate(n, Vector128.Create(-Ln2High), x);
        r = Vector128.MultiplyAddEstimate(n, Vector128.Create(-Ln2Low), r);
        var p = Vector128.MultiplyAddEstimate(Vector128.Create(0.00138210284f), r, Vector128.Create(0.00836867373f));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(0.0416682623f));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(0.166665211f));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(0.49999994f));
        p = Vector128.MultiplyAddEstimate(p, r * r, r) + Vector128<float>.One;
        // 2^n in two factors, because 2^128 and 2^-150 are no floats.
        var whole = t.AsInt32() - Vector128.Create(MagicBits);
        var half = whole >> 1;
        var first = (half + Vector128.Create(127)) << 23;
        var second = (whole - half + Vector128.Create(127)) << 23;
        return Vector128.AndNot(p * first.AsSingle() * second.AsSingle(), zero);
    }

    /// <summary>Natural logarithm; within 1 ulp. −∞ at 0, NaN below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Log(Vector128<float> x)
    {
        var denormal = Vector128.LessThan(x, Vector128.Create(SmallestNormal));
        var bits = Vector128.ConditionalSelect(denormal, x * Vector128.Create(8388608f), x).AsInt32() - Vector128.Create(SqrtHalfBits);
        var e = Vector128.ConvertToSingle(bits >> 23) - (denormal & Vector128.Create(23f));
        var f = ((bits & Vector128.Create(0x7FFFFF)) + Vector128.Create(SqrtHalfBits)).AsSingle() - Vector128<float>.One;
        var z = f * f;
        var p = Vector128.MultiplyAddEstimate(Vector128.Create(-0.0763642788f), f, Vector128.Create(0.127622128f));
        p = Vector128.MultiplyAddEstimate(p, f, Vector128.Create(-0.131596103f));
        p = Vector128.MultiplyAddEstimate(p, f, Vector128.Create(0.1420158f));
        p = Vector128.MultiplyAddEstimate(p, f, Vector128.Create(-0.166234091f));
        p = Vector128.MultiplyAddEstimate(p, f, Vector128.Create(0.200012416f));
        p = Vector128.MultiplyAddEstimate(p, f, Vector128.Create(-0.250008196f));
        p = Vector128.MultiplyAddEstimate(p, f, Vector128.Create(0.333333313f));
        p = Vector128.MultiplyAddEstimate(e, Vector128.Create(Ln2Low), p * (f * z));
        p = Vector128.MultiplyAddEstimate(Vector128.Create(-0.5f), z, p) + f;
        p = Vector128.MultiplyAddEstimate(e, Vector128.Create(Ln2High), p);
        var positive = Vector128.GreaterThan(x, Vector128<float>.Zero);
        var edge = Vector128.ConditionalSelect(positive, x, Vector128.Create(float.NaN));
        edge = Vector128.ConditionalSelect(Vector128.Equals(x, Vector128<float>.Zero), Vector128.Create(float.NegativeInfinity), edge);
        return Vector128.ConditionalSelect(positive & Vector128.LessThan(x, Vector128.Create(float.PositiveInfinity)), p, edge);
    }

    /// <summary>Hyperbolic tangent; within 2.5 ulp. From expm1(2|x|), so small arguments keep their digits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Tanh(Vector128<float> x)
    {
        var y = Vector128.Abs(x);
        y = Vector128.MinNative(Vector128.Create(20f), y + y);
        var t = Vector128.MultiplyAddEstimate(y, Vector128.Create(Log2E), Vector128.Create(Magic));
        var n = t - Vector128.Create(Magic);
        var r = Vector128.MultiplyAddEstimate(n, Vector128.Create(-Ln2High), y);
        r = Vector128.MultiplyAddEstimate(n, Vector128.Create(-Ln2Low), r);
        var p = Vector128.MultiplyAddEstimate(Vector128.Create(0.00138210284f), r, Vector128.Create(0.00836867373f));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(0.0416682623f));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(0.166665211f));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(0.49999994f));
        p = Vector128.MultiplyAddEstimate(p, r * r, r);
        var s = ((t.AsInt32() - Vector128.Create(MagicBits - 127)) << 23).AsSingle();
        p = Vector128.MultiplyAddEstimate(s, p, s - Vector128<float>.One);
        return p / (p + Vector128.Create(2f)) | x & Vector128.Create(-0f);
    }

    /// <summary>Logistic function 1 / (1 + e^−x); within 2.5 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sigmoid(Vector128<float> x)
    {
        var e = Exp(x | Vector128.Create(-0f));
        return Vector128.ConditionalSelect(Vector128.LessThan(x, Vector128<float>.Zero), e, Vector128<float>.One) / (e + Vector128<float>.One);
    }

    /// <summary>Error function; within 2 ulp. A polynomial of x² below 0.93, 1 − exp(polynomial) above.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Erf(Vector128<float> x)
    {
        var a = Vector128.Abs(x);
        var t = a * a;
        var p = Vector128.MultiplyAddEstimate(Vector128.Create(8.00277485e-05f), t, Vector128.Create(-0.000805080403f));
        p = Vector128.MultiplyAddEstimate(p, t, Vector128.Create(0.00519246049f));
        p = Vector128.MultiplyAddEstimate(p, t, Vector128.Create(-0.0268557407f));
        p = Vector128.MultiplyAddEstimate(p, t, Vector128.Create(0.112836257f));
        p = Vector128.MultiplyAddEstimate(p, t, Vector128.Create(-0.376126289f));
        p = Vector128.MultiplyAddEstimate(p, t, Vector128.Create(0.128379166f));
        p = Vector128.MultiplyAddEstimate(p, x, x);
        var u = Vector128.MinNative(Vector128.Create(4f), a);
        var g = Vector128.MultiplyAddEstimate(Vector128.Create(-0.000194790235f), u, Vector128.Create(0.00303191133f));
        g = Vector128.MultiplyAddEstimate(g, u, Vector128.Create(-0.0221816432f));
        g = Vector128.MultiplyAddEstimate(g, u, Vector128.Create(0.103837259f));
        g = Vector128.MultiplyAddEstimate(g, u, Vector128.Create(0.63729018f));
        g = Vector128.MultiplyAddEstimate(g, u, Vector128.Create(1.12761128f));
        g = Vector128.MultiplyAddEstimate(g, u, Vector128.Create(0.000211308259f));
        g = Vector128<float>.One - Exp(-g) | x & Vector128.Create(-0f);
        return Vector128.ConditionalSelect(Vector128.LessThan(a, Vector128.Create(0.93f)), p, g);
    }

    /// <summary>Sine of x in radians; within 2.5 ulp up to |x| = 8192, beyond by way of float64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sin(Vector128<float> x)
    {
        var result = SinQuarter(x, Vector128<int>.Zero);
        var small = Vector128.LessThanOrEqual(Vector128.Abs(x), Vector128.Create(LargestReduced));
        return Vector128.EqualsAll(small.AsInt32(), Vector128<int>.AllBitsSet) ? result : PatchSin(x, result);
    }

    /// <summary>Cosine of x in radians; within 2.5 ulp up to |x| = 8192, beyond by way of float64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Cos(Vector128<float> x)
    {
        var result = SinQuarter(x, Vector128<int>.One);
        var small = Vector128.LessThanOrEqual(Vector128.Abs(x), Vector128.Create(LargestReduced));
        return Vector128.EqualsAll(small.AsInt32(), Vector128<int>.AllBitsSet) ? result : PatchCos(x, result);
    }

    // sin(x + quarter · π/2), with π/2 in four parts of which three have few bits (Cody and Waite).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> SinQuarter(Vector128<float> x, Vector128<int> quarter)
    {
        var t = Vector128.MultiplyAddEstimate(x, Vector128.Create(TwoOverPi), Vector128.Create(Magic));
        var n = t - Vector128.Create(Magic);
        quarter += t.AsInt32();
        var r = Vector128.MultiplyAddEstimate(n, Vector128.Create(-HalfPi1), x);
        r = Vector128.MultiplyAddEstimate(n, Vector128.Create(-HalfPi2), r);
        r = Vector128.MultiplyAddEstimate(n, Vector128.Create(-HalfPi3), r);
        r = Vector128.MultiplyAddEstimate(n, Vector128.Create(-HalfPi4), r);
        var z = r * r;
        var s = Vector128.MultiplyAddEstimate(Vector128.Create(2.83271902e-06f), z, Vector128.Create(-0.000198530717f));
        s = Vector128.MultiplyAddEstimate(s, z, Vector128.Create(0.0083333794f));
        s = Vector128.MultiplyAddEstimate(s, z, Vector128.Create(-0.166666672f));
        s = Vector128.MultiplyAddEstimate(s, z * r, r);
        var c = Vector128.MultiplyAddEstimate(Vector128.Create(2.44323273e-05f), z, Vector128.Create(-0.00138873095f));
        c = Vector128.MultiplyAddEstimate(c, z, Vector128.Create(0.0416666456f));
        c = Vector128.MultiplyAddEstimate(c, z * z, Vector128.MultiplyAddEstimate(Vector128.Create(-0.5f), z, Vector128<float>.One));
        var even = Vector128.Equals(quarter & Vector128<int>.One, Vector128<int>.Zero).AsSingle();
        return Vector128.ConditionalSelect(even, s, c) ^ ((quarter & Vector128.Create(2)) << 30).AsSingle();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static Vector128<float> PatchSin(Vector128<float> x, Vector128<float> result)
    {
        for (int i = 0; i < Vector128<float>.Count; i++)
        {
            if (!(Math.Abs(x[i]) <= LargestReduced)) result = result.WithElement(i, LargeAngles.Sin(x[i]));
        }
        return result;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static Vector128<float> PatchCos(Vector128<float> x, Vector128<float> result)
    {
        for (int i = 0; i < Vector128<float>.Count; i++)
        {
            if (!(Math.Abs(x[i]) <= LargestReduced)) result = result.WithElement(i, LargeAngles.Cos(x[i]));
        }
        return result;
    }

    /// <summary>Arc tangent in radians, from −π/2 to π/2; within 2.5 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Atan(Vector128<float> x)
    {
        // atan x = π/4 + atan((x − 1) / (x + 1)) = π/2 + atan(−1 / x): the one whose argument is at most tan(π/8).
        var a = Vector128.Abs(x);
        var middle = Vector128.GreaterThan(a, Vector128.Create(0.41421356f));
        var far = Vector128.GreaterThan(a, Vector128.Create(2.41421356f));
        var above = Vector128.ConditionalSelect(far, Vector128.Create(-1f), Vector128.ConditionalSelect(middle, a - Vector128<float>.One, a));
        var below = Vector128.ConditionalSelect(far, a, Vector128.ConditionalSelect(middle, a + Vector128<float>.One, Vector128<float>.One));
        var start = Vector128.ConditionalSelect(far, Vector128.Create(1.57079633f), Vector128.ConditionalSelect(middle, Vector128.Create(0.785398163f), Vector128<float>.Zero));
        // What π/4 and π/2 lack as floats.
        var rest = Vector128.ConditionalSelect(far, Vector128.Create(-4.371139e-08f), Vector128.ConditionalSelect(middle, Vector128.Create(-2.1855694e-08f), Vector128<float>.Zero));
        var t = above / below;
        var z = t * t;
        var p = Vector128.MultiplyAddEstimate(Vector128.Create(0.080537215f), z, Vector128.Create(-0.13877678f));
        p = Vector128.MultiplyAddEstimate(p, z, Vector128.Create(0.1997771f));
        p = Vector128.MultiplyAddEstimate(p, z, Vector128.Create(-0.3333295f));
        var result = start + (Vector128.MultiplyAddEstimate(p, z * t, rest) + t);
        return result | (x & Vector128.Create(-0f));
    }

    /// <summary>1 / √x: both steps correctly rounded, within 1.5 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Rsqrt(Vector128<float> x) => Vector128<float>.One / Vector128.Sqrt(x);

    /// <summary>x to the power y; within 1 ulp, by way of float64. A call, not inlined.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector128<float> Pow(Vector128<float> x, Vector128<float> y)
    {
        var a = Vector128.Abs(x);
        var (a0, a1) = Vector128.Widen(a);
        var (y0, y1) = Vector128.Widen(y);
        var result = Vector128.Narrow(PowPositive(a0, y0), PowPositive(a1, y1));
        var negative = Vector128.LessThan(x, Vector128<float>.Zero);
        var halfY = y * Vector128.Create(0.5f);
        var odd = ~Vector128.Equals(Vector128.Floor(halfY), halfY);
        var whole = Vector128.Equals(Vector128.Floor(y), y);
        result ^= negative & odd & Vector128.Create(-0f);
        result = Vector128.ConditionalSelect(negative & ~whole, Vector128.Create(float.NaN), result);
        var infinity = Vector128.Create(float.PositiveInfinity);
        var plain = Vector128.GreaterThan(a, Vector128<float>.Zero) & Vector128.LessThan(a, infinity) & Vector128.LessThan(Vector128.Abs(y), infinity);
        if (Vector128.EqualsAll(plain.AsInt32(), Vector128<int>.AllBitsSet)) return result;
        for (int i = 0; i < Vector128<float>.Count; i++)
        {
            if (plain.AsInt32()[i] == 0) result = result.WithElement(i, MathF.Pow(x[i], y[i]));
        }
        return result;
    }

    // 2^(y·log2 x) of positive normal x: log2 from the series of the inverse hyperbolic tangent.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<double> PowPositive(Vector128<double> x, Vector128<double> y)
    {
        var bits = x.AsInt64() - Vector128.Create(SqrtHalfBits64);
        // A bias keeps the exponent positive: an arithmetic shift of 64 bits is slow before AVX-512.
        var biased = (bits + Vector128.Create(1100L << 52)).AsUInt64() >>> 52;
        var e = (biased | Vector128.Create(0x4330000000000000UL)).AsDouble() - Vector128.Create(4503599627370496.0 + 1100.0);
        var m = ((bits & Vector128.Create(0xFFFFFFFFFFFFFL)) + Vector128.Create(SqrtHalfBits64)).AsDouble();
        var s = (m - Vector128<double>.One) / (m + Vector128<double>.One);
        var z = s * s;
        var p = Vector128.MultiplyAddEstimate(Vector128.Create(1 / 13.0), z, Vector128.Create(1 / 11.0));
        p = Vector128.MultiplyAddEstimate(p, z, Vector128.Create(1 / 9.0));
        p = Vector128.MultiplyAddEstimate(p, z, Vector128.Create(1 / 7.0));
        p = Vector128.MultiplyAddEstimate(p, z, Vector128.Create(1 / 5.0));
        p = Vector128.MultiplyAddEstimate(p, z, Vector128.Create(1 / 3.0));
        p = Vector128.MultiplyAddEstimate(p, z, Vector128<double>.One);
        var log = Vector128.MultiplyAddEstimate(p * s, Vector128.Create(2 / 0.693147180559945309), e);
        var w = Vector128.MinNative(Vector128.Create(200.0), Vector128.MaxNative(Vector128.Create(-200.0), y * log));
        var t = w + Vector128.Create(6755399441055744.0);
        var r = (w - (t - Vector128.Create(6755399441055744.0))) * Vector128.Create(0.693147180559945309);
        p = Vector128.MultiplyAddEstimate(Vector128.Create(1 / 362880.0), r, Vector128.Create(1 / 40320.0));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(1 / 5040.0));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(1 / 720.0));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(1 / 120.0));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(1 / 24.0));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(1 / 6.0));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(0.5));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128<double>.One);
        p = Vector128.MultiplyAddEstimate(p, r, Vector128<double>.One);
        return p * ((t.AsInt64() << 52) + Vector128.Create(1023L << 52)).AsDouble();
    }
}
