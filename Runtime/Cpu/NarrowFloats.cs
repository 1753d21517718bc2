using System;
using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Numbers of 16 bits: float16 and bfloat16 are how numbers are stored, float32 is what is computed with. .NET has no instructions of the processor for it, so it is arithmetic on the bits, the same on every
/// machine and in every vector.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe partial class NarrowFloats
{
    /// <summary>The float32 number of a float16 one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float FromHalf(ushort x)
    {
        var magnitude = x & 0x7FFFu;
        // Of the numbers that have an exponent, which most are, it is moved and nothing else.
        return magnitude - 0x400 < 0x7800 ? BitConverter.UInt32BitsToSingle(((x & 0x8000u) << 16) | ((magnitude << 13) + (112u << 23))) : FromHalf(Vector128.CreateScalar((int)(short)x)).ToScalar();
    }

    /// <summary>The nearest float16 number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort ToHalf(float x)
    {
        var bits = BitConverter.SingleToUInt32Bits(x);
        var magnitude = bits & 0x7FFF_FFFF;
        // Half of the last place is added, less one where the number below is even: a carry goes into the exponent, up to infinity.
        return magnitude - (113u << 23) < 30u << 23 ? (ushort)(((bits >> 16) & 0x8000) | ((magnitude - (112u << 23) + 0xFFF + ((magnitude >> 13) & 1)) >> 13)) : (ushort)ToHalf(Vector128.CreateScalar(x)).ToScalar();
    }

    /// <summary>The float32 number of a bfloat16 one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float FromBFloat16(ushort x) => BitConverter.UInt32BitsToSingle((uint)x << 16);

    /// <summary>The nearest bfloat16 number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort ToBFloat16(float x) => (ushort)ToBFloat16(Vector128.CreateScalar(x)).ToScalar();

    /// <summary>The nearest number that float16 holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float RoundHalf(float x)
    {
        var bits = BitConverter.SingleToUInt32Bits(x);
        // Up to 2^15: a carry stays below infinity.
        return (bits & 0x7FFF_FFFF) - (113u << 23) < 29u << 23 ? BitConverter.UInt32BitsToSingle((bits + 0xFFF + ((bits >> 13) & 1)) & ~0x1FFFu) : RoundHalf(Vector128.CreateScalar(x)).ToScalar();
    }

    /// <summary>The nearest number that float16 holds, rounded once.</summary>
    public static float RoundHalf(double x) => RoundHalf(ToOdd(x));

    /// <summary>The nearest number that bfloat16 holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float RoundBFloat16(float x) => RoundBFloat16(Vector128.CreateScalar(x)).ToScalar();

    /// <summary>The nearest number that bfloat16 holds, rounded once.</summary>
    public static float RoundBFloat16(double x) => RoundBFloat16(ToOdd(x));

    // A float32 beside the number, whose last bit says that there was more: what rounds that to fewer bits rounds the number itself.
    static float ToOdd(double x)
    {
        var nearest = (float)x;
        if (nearest == x || !float.IsFinite(nearest)) return nearest;
        var bits = BitConverter.SingleToUInt32Bits(nearest);
        if ((bits & 1) != 0) return nearest;
        return BitConverter.UInt32BitsToSingle(Math.Abs((double)nearest) < Math.Abs(x) ? bits + 1 : bits - 1);
    }

    /// <summary>float16 → float32. Nothing has to be aligned; the stretches must not overlap.</summary>
    /// <param name="count">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromHalf(ushort* from, float* to, long count)
    {
        long i = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; i + Vector512<ushort>.Count <= count; i += Vector512<ushort>.Count) Store(FromHalf(Vector512.Load(from + i)), to + i);
        if (Vector256.IsHardwareAccelerated)
            for (; i + Vector256<ushort>.Count <= count; i += Vector256<ushort>.Count) Store(FromHalf(Vector256.Load(from + i)), to + i);
        for (; i + Vector128<ushort>.Count <= count; i += Vector128<ushort>.Count) Store(FromHalf(Vector128.Load(from + i)), to + i);
        for (; i < count; i++) to[i] = FromHalf(from[i]);
    }

    /// <summary>float32 → float16, ties to even. Nothing has to be aligned; the stretches must not overlap.</summary>
    /// <param name="count">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToHalf(float* from, ushort* to, long count)
    {
        long i = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; i + Vector512<ushort>.Count <= count; i += Vector512<ushort>.Count) ToHalf(Vector512.Load(from + i), Vector512.Load(from + i + Vector512<float>.Count)).Store(to + i);
        if (Vector256.IsHardwareAccelerated)
            for (; i + Vector256<ushort>.Count <= count; i += Vector256<ushort>.Count) ToHalf(Vector256.Load(from + i), Vector256.Load(from + i + Vector256<float>.Count)).Store(to + i);
        for (; i + Vector128<ushort>.Count <= count; i += Vector128<ushort>.Count) ToHalf(Vector128.Load(from + i), Vector128.Load(from + i + Vector128<float>.Count)).Store(to + i);
        for (; i < count; i++) to[i] = ToHalf(from[i]);
    }

    /// <summary>float32 → float16 of numbers that float16 holds. Nothing has to be aligned; the stretches must not overlap.</summary>
    /// <param name="count">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToExactHalf(float* from, ushort* to, long count)
    {
        long i = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; i + Vector512<float>.Count <= count; i += Vector512<float>.Count) StoreExactHalf(Vector512.Load(from + i), to + i);
        if (Vector256.IsHardwareAccelerated)
            for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count) StoreExactHalf(Vector256.Load(from + i), to + i);
        for (; i + Vector128<float>.Count <= count; i += Vector128<float>.Count) StoreExactHalf(Vector128.Load(from + i), to + i);
        for (; i < count; i++) to[i] = ToHalf(from[i]);
    }

    /// <summary>bfloat16 → float32. Nothing has to be aligned; the stretches must not overlap.</summary>
    /// <param name="count">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromBFloat16(ushort* from, float* to, long count)
    {
        long i = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; i + Vector512<ushort>.Count <= count; i += Vector512<ushort>.Count) Store(FromBFloat16(Vector512.Load(from + i)), to + i);
        if (Vector256.IsHardwareAccelerated)
            for (; i + Vector256<ushort>.Count <= count; i += Vector256<ushort>.Count) Store(FromBFloat16(Vector256.Load(from + i)), to + i);
        for (; i + Vector128<ushort>.Count <= count; i += Vector128<ushort>.Count) Store(FromBFloat16(Vector128.Load(from + i)), to + i);
        for (; i < count; i++) to[i] = FromBFloat16(from[i]);
    }

    /// <summary>float32 → bfloat16, ties to even. Nothing has to be aligned; the stretches must not overlap.</summary>
    /// <param name="count">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToBFloat16(float* from, ushort* to, long count)
    {
        long i = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; i + Vector512<ushort>.Count <= count; i += Vector512<ushort>.Count) ToBFloat16(Vector512.Load(from + i), Vector512.Load(from + i + Vector512<float>.Count)).Store(to + i);
        if (Vector256.IsHardwareAccelerated)
            for (; i + Vector256<ushort>.Count <= count; i += Vector256<ushort>.Count) ToBFloat16(Vector256.Load(from + i), Vector256.Load(from + i + Vector256<float>.Count)).Store(to + i);
        for (; i + Vector128<ushort>.Count <= count; i += Vector128<ushort>.Count) ToBFloat16(Vector128.Load(from + i), Vector128.Load(from + i + Vector128<float>.Count)).Store(to + i);
        for (; i < count; i++) to[i] = ToBFloat16(from[i]);
    }

    /// <summary>float32 → bfloat16 of numbers that bfloat16 holds. Nothing has to be aligned; the stretches must not overlap.</summary>
    /// <param name="count">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToExactBFloat16(float* from, ushort* to, long count)
    {
        long i = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; i + Vector512<float>.Count <= count; i += Vector512<float>.Count) StoreExactBFloat16(Vector512.Load(from + i), to + i);
        if (Vector256.IsHardwareAccelerated)
            for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count) StoreExactBFloat16(Vector256.Load(from + i), to + i);
        for (; i + Vector128<float>.Count <= count; i += Vector128<float>.Count) StoreExactBFloat16(Vector128.Load(from + i), to + i);
        for (; i < count; i++) to[i] = (ushort)(BitConverter.SingleToUInt32Bits(from[i]) >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store((Vector128<float> Lower, Vector128<float> Upper) x, float* to)
    {
        x.Lower.Store(to);
        x.Upper.Store(to + Vector128<float>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store((Vector256<float> Lower, Vector256<float> Upper) x, float* to)
    {
        x.Lower.Store(to);
        x.Upper.Store(to + Vector256<float>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store((Vector512<float> Lower, Vector512<float> Upper) x, float* to)
    {
        x.Lower.Store(to);
        x.Upper.Store(to + Vector512<float>.Count);
    }
}
