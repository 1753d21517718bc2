using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Windows of float32 side by side in a row of a map, eight at once: two groups of four, which may overlap, so that any row of four windows or more is covered without a rest. What lies in an
/// overlap is computed twice, to the same bits.
/// </summary>
static unsafe class WindowRows
{
    /// <summary>Windows of a group.</summary>
    public const long Group = 4;

    /// <summary>Columns of the map whose windows have all of their columns in the image and are taken in groups; none when there is no way.</summary>
    public static (long From, long To) Inside(PoolingCall* c)
    {
        // A pair of columns is read at once where the stride is 2.
        if (!Sse.IsSupported && !AdvSimd.Arm64.IsSupported || c->StrideWidth > 2 || c->KernelWidth < c->StrideWidth || c->Width + c->PaddingLeft < c->KernelWidth) return (0, 0);
        long from = (c->PaddingLeft + c->StrideWidth - 1) / c->StrideWidth, to = Math.Min(c->MapWidth, (c->Width + c->PaddingLeft - c->KernelWidth) / c->StrideWidth + 1);
        return to - from >= Group ? (from, to) : (0, 0);
    }

    /// <summary>Four floats at each of two places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(float* p, float* q) => Vector256.Create(Vector128.Load(p), Vector128.Load(q));

    /// <inheritdoc cref="Load(float*, float*)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load(int* p, int* q) => Vector256.Create(Vector128.Load(p), Vector128.Load(q));

    /// <summary>Four floats to each of two places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> x, float* p, float* q)
    {
        x.GetLower().Store(p);
        x.GetUpper().Store(q);
    }

    /// <summary>Of the halves each, every second number of x and then of y, from the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Even(Vector256<float> x, Vector256<float> y) =>
        Avx.IsSupported ? Avx.Shuffle(x, y, 0x88) : Vector256.Create(Even(x.GetLower(), y.GetLower()), Even(x.GetUpper(), y.GetUpper()));

    /// <summary>Of the halves each, every second number of x and then of y, from the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Odd(Vector256<float> x, Vector256<float> y) =>
        Avx.IsSupported ? Avx.Shuffle(x, y, 0xDD) : Vector256.Create(Odd(x.GetLower(), y.GetLower()), Odd(x.GetUpper(), y.GetUpper()));

    /// <summary>Of the halves each, the numbers of x and y by turns: the first two of each, then the last two.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> First, Vector256<float> Last) Interleave(Vector256<float> x, Vector256<float> y)
    {
        if (Avx.IsSupported) return (Avx.UnpackLow(x, y), Avx.UnpackHigh(x, y));
        var (a, b) = Interleave(x.GetLower(), y.GetLower());
        var (c, d) = Interleave(x.GetUpper(), y.GetUpper());
        return (Vector256.Create(a, c), Vector256.Create(b, d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> Even(Vector128<float> x, Vector128<float> y) => Sse.IsSupported ? Sse.Shuffle(x, y, 0x88) : AdvSimd.Arm64.UnzipEven(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> Odd(Vector128<float> x, Vector128<float> y) => Sse.IsSupported ? Sse.Shuffle(x, y, 0xDD) : AdvSimd.Arm64.UnzipOdd(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<float> First, Vector128<float> Last) Interleave(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? (Sse.UnpackLow(x, y), Sse.UnpackHigh(x, y)) : (AdvSimd.Arm64.ZipLow(x, y), AdvSimd.Arm64.ZipHigh(x, y));
}
