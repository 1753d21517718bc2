using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

// The source of every width: the build writes those of 256 and 512 bits from it, so a number has the same bits whatever vector it lies in.
public static partial class NarrowFloats
{
    /// <summary>The float32 numbers of float16 ones: exact, a NaN stays one with its sign and payload.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<float> Lower, Vector128<float> Upper) FromHalf(Vector128<ushort> x)
    {
        var (lower, upper) = Vector128.Widen(x);
        return (FromHalf(lower), FromHalf(upper));
    }

    /// <summary>The nearest float16 numbers, ties to even: beyond 65519 infinite, a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> ToHalf(Vector128<float> lower, Vector128<float> upper) => Vector128.Narrow(ToHalf(lower), ToHalf(upper));

    /// <summary>The float32 numbers of bfloat16 ones, of which they are the upper half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<float> Lower, Vector128<float> Upper) FromBFloat16(Vector128<ushort> x)
    {
        var (lower, upper) = Vector128.Widen(x);
        return ((lower << 16).AsSingle(), (upper << 16).AsSingle());
    }

    /// <summary>The nearest bfloat16 numbers, ties to even; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> ToBFloat16(Vector128<float> lower, Vector128<float> upper) => Vector128.Narrow(ToBFloat16(lower), ToBFloat16(upper));

    /// <summary>The nearest numbers that float16 holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> RoundHalf(Vector128<float> x) => FromHalf(ToHalf(x));

    /// <summary>The nearest numbers that bfloat16 holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> RoundBFloat16(Vector128<float> x) => FromBFloat16(ToBFloat16(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> FromBFloat16(Vector128<uint> x) => (x << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> FromHalf(Vector128<uint> x)
    {
        var magnitude = x & Vector128.Create(0x7FFFu);
        var sign = (x ^ magnitude) << 16;
        // The exponents differ by 127 − 15; that of infinities and NaNs is the largest in both.
        var normal = (magnitude << 13) + Vector128.Create(112u << 23);
        var special = (magnitude << 13) | Vector128.Create(255u << 23) | (Vector128.GreaterThan(magnitude, Vector128.Create(0x7C00u)) & Vector128.Create(0x400000u));
        // Multiples of 2^-24, which float32 holds as normal numbers.
        var subnormal = (Vector128.ConvertToSingle(magnitude.AsInt32()) * Vector128.Create(1f / (1 << 24))).AsUInt32();
        var bits = Vector128.ConditionalSelect(Vector128.LessThan(magnitude, Vector128.Create(0x400u)), subnormal, Vector128.ConditionalSelect(Vector128.LessThan(magnitude, Vector128.Create(0x7C00u)), normal, special));
        return (bits | sign).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> ToHalf(Vector128<float> x)
    {
        var magnitude = x.AsUInt32() & Vector128.Create(0x7FFF_FFFFu);
        var sign = (x.AsUInt32() ^ magnitude) >> 16;
        // Half of the last place is added, less one where the number below is even: a carry goes into the exponent, up to infinity.
        var odd = (magnitude >> 13) & Vector128<uint>.One;
        var normal = (magnitude - Vector128.Create(112u << 23) + Vector128.Create(0xFFFu) + odd) >> 13;
        // Below 2^-14 what is left are multiples of 2^-24: the last place of a sum with 1/2, which rounds as it should.
        var subnormal = (magnitude.AsSingle() + Vector128.Create(0.5f)).AsUInt32() - Vector128.Create(126u << 23);
        var special = Vector128.Create(0x7C00u) | (Vector128.GreaterThan(magnitude, Vector128.Create(255u << 23)) & (Vector128.Create(0x200u) | ((magnitude >> 13) & Vector128.Create(0x3FFu))));
        var bits = Vector128.ConditionalSelect(Vector128.LessThan(magnitude, Vector128.Create(113u << 23)), subnormal, Vector128.ConditionalSelect(Vector128.LessThan(magnitude, Vector128.Create(143u << 23)), normal, special));
        return bits | sign;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> ToBFloat16(Vector128<float> x)
    {
        var bits = x.AsUInt32();
        var rounded = (bits + Vector128.Create(0x7FFFu) + ((bits >> 16) & Vector128<uint>.One)) >> 16;
        return Vector128.ConditionalSelect(Vector128.Equals(x, x).AsUInt32(), rounded, (bits >> 16) | Vector128.Create(0x40u));
    }
}
