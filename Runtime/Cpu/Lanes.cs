using System.ComponentModel;
using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

/// <summary>
/// What generated kernels need beside the vector types' own operations: horizontal reductions of 16 logical lanes in one fixed order for every vector width,
/// strided loads and stores, masks in bytes.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe partial class Lanes
{
    /// <summary>A 64-bit index as a 32-bit one; what does not fit saturates, so that it equals no index of a tensor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Narrow(long value) => (int)Math.Clamp(value, int.MinValue, int.MaxValue);

    /// <summary>The sum of 16 lanes: halves are added until one is left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> x) => Sum(x.GetLower() + x.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256<float> a, Vector256<float> b) => Sum(a + b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) => Sum((a + c) + (b + d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static float Sum(Vector256<float> x) => Sum(x.GetLower() + x.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static float Sum(Vector128<float> x)
    {
        x += Vector128.Shuffle(x, Vector128.Create(2, 3, 0, 1));
        return x.ToScalar() + x.GetElement(1);
    }

    /// <summary>The larger element of each lane; NaN wins, as in PyTorch.</summary>
    /// <remarks>The hardware's maximum gives its second operand when either is NaN, so a NaN in <paramref name="a"/> stays and one in <paramref name="b"/> is put in; half the cost of the vector type's own.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Larger(Vector512<float> a, Vector512<float> b) => Vector512.ConditionalSelect(Vector512.Equals(b, b), Vector512.MaxNative(b, a), b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Larger(Vector256<float> a, Vector256<float> b) => Vector256.ConditionalSelect(Vector256.Equals(b, b), Vector256.MaxNative(b, a), b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Larger(Vector128<float> a, Vector128<float> b) => Vector128.ConditionalSelect(Vector128.Equals(b, b), Vector128.MaxNative(b, a), b);

    /// <summary>The larger number; NaN wins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Larger(float a, float b) => b > a || float.IsNaN(b) ? b : a;

    /// <summary>The smaller element of each lane; NaN wins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Smaller(Vector512<float> a, Vector512<float> b) => Vector512.ConditionalSelect(Vector512.Equals(b, b), Vector512.MinNative(b, a), b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Smaller(Vector256<float> a, Vector256<float> b) => Vector256.ConditionalSelect(Vector256.Equals(b, b), Vector256.MinNative(b, a), b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Smaller(Vector128<float> a, Vector128<float> b) => Vector128.ConditionalSelect(Vector128.Equals(b, b), Vector128.MinNative(b, a), b);

    /// <summary>The smaller number; NaN wins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Smaller(float a, float b) => b < a || float.IsNaN(b) ? b : a;

    /// <summary>The largest of 16 lanes; NaN wins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector512<float> x) => Max(x.GetLower(), x.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector256<float> a, Vector256<float> b)
    {
        var x = Larger(a, b);
        return Max(Larger(x.GetLower(), x.GetUpper()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) => Max(Larger(Larger(a, c), Larger(b, d)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static float Max(Vector128<float> x)
    {
        x = Larger(x, Vector128.Shuffle(x, Vector128.Create(2, 3, 0, 1)));
        return Larger(x, Vector128.Shuffle(x, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    /// <summary>The smallest of 16 lanes; NaN wins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Min(Vector512<float> x) => -Max(-x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Min(Vector256<float> a, Vector256<float> b) => -Max(-a, -b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Min(Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) => -Max(-a, -b, -c, -d);

    /// <summary>Lanes that lie <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Gather512(float* p, long stride) => Vector512.Create(Gather256(p, stride), Gather256(p + 8 * stride, stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Gather256(float* p, long stride) => Vector256.Create(Gather128(p, stride), Gather128(p + 4 * stride, stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Gather128(float* p, long stride) => Vector128.Create(p[0], p[stride], p[2 * stride], p[3 * stride]);

    /// <inheritdoc cref="Gather512(float*, long)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Gather512(double* p, long stride) => Vector512.Create(Gather256(p, stride), Gather256(p + 4 * stride, stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Gather256(double* p, long stride) => Vector256.Create(p[0], p[stride], p[2 * stride], p[3 * stride]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Gather128(double* p, long stride) => Vector128.Create(p[0], p[stride]);

    /// <inheritdoc cref="Scatter(Vector512{float}, float*, long)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter(Vector512<double> x, double* p, long stride)
    {
        Scatter(x.GetLower(), p, stride);
        Scatter(x.GetUpper(), p + 4 * stride, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter(Vector256<double> x, double* p, long stride)
    {
        Scatter(x.GetLower(), p, stride);
        Scatter(x.GetUpper(), p + 2 * stride, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter(Vector128<double> x, double* p, long stride)
    {
        p[0] = x.ToScalar();
        p[stride] = x.GetElement(1);
    }

    /// <summary>Stores lanes <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter(Vector512<float> x, float* p, long stride)
    {
        Scatter(x.GetLower(), p, stride);
        Scatter(x.GetUpper(), p + 8 * stride, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter(Vector256<float> x, float* p, long stride)
    {
        Scatter(x.GetLower(), p, stride);
        Scatter(x.GetUpper(), p + 4 * stride, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter(Vector128<float> x, float* p, long stride)
    {
        p[0] = x.ToScalar();
        p[stride] = x.GetElement(1);
        p[2 * stride] = x.GetElement(2);
        p[3 * stride] = x.GetElement(3);
    }

    /// <summary>Bytes that are 0 or not as a mask of all bits or none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Mask512(byte* p)
    {
        var (low, high) = Vector128.Widen(Vector128.Load(p));
        var words = Vector256.Create(low, high);
        var (lower, upper) = Vector256.Widen(words);
        return ~Vector512.Equals(Vector512.Create(lower, upper).AsInt32(), Vector512<int>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Mask256(byte* p)
    {
        var words = Vector128.WidenLower(Vector64.Load(p).ToVector128());
        var (lower, upper) = Vector128.Widen(words);
        return ~Vector256.Equals(Vector256.Create(lower, upper).AsInt32(), Vector256<int>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Mask128(byte* p) =>
        ~Vector128.Equals(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalar(Unsafe.ReadUnaligned<uint>(p)).AsByte())).AsInt32(), Vector128<int>.Zero);

    /// <summary>A mask as bytes 0 and 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreMask(Vector512<int> mask, byte* p)
    {
        StoreMask(mask.GetLower(), p);
        StoreMask(mask.GetUpper(), p + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreMask(Vector256<int> mask, byte* p)
    {
        var words = Vector128.Narrow(mask.GetLower(), mask.GetUpper());
        var bytes = Vector128.Narrow(words, words) & Vector128<sbyte>.One;
        Unsafe.WriteUnaligned(p, bytes.AsInt64().ToScalar());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreMask(Vector128<int> mask, byte* p)
    {
        var words = Vector128.Narrow(mask, mask);
        var bytes = Vector128.Narrow(words, words) & Vector128<sbyte>.One;
        Unsafe.WriteUnaligned(p, bytes.AsInt32().ToScalar());
    }
}
