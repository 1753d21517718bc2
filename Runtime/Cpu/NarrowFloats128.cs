using System;
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
    public static Vector128<float> RoundHalf(Vector128<float> x)
    {
        var magnitude = x.AsInt32() & Vector128.Create(0x7FFF_FFFF);
        var place = (HalfExponent(x.AsInt32()) + Vector128.Create(HalfPlace)).AsSingle();
        var rounded = (x + place - place).AsInt32() | (x.AsInt32() ^ magnitude); // a negative 0 stays one
        // What is too large and infinity become infinity; a NaN stays one, and quiet, with what of it float16 holds.
        var special = (x * Vector128.Create(float.PositiveInfinity)).AsInt32() & Vector128.Create(~0x1FFF);
        return Vector128.ConditionalSelect(Vector128.LessThan(magnitude, Vector128.Create(0x477F_F000)), rounded, special).AsSingle();
    }

    /// <summary>The nearest numbers that bfloat16 holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> RoundBFloat16(Vector128<float> x)
    {
        var bits = x.AsUInt32();
        var rounded = bits + Vector128.Create(0x7FFFu) + ((bits >> 16) & Vector128<uint>.One);
        return (Vector128.ConditionalSelect(Vector128.Equals(x, x).AsUInt32(), rounded, bits | Vector128.Create(0x40_0000u)) & Vector128.Create(0xFFFF_0000u)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> FromBFloat16(Vector128<uint> x) => (x << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> FromHalf(Vector128<uint> x)
    {
        var word = x << 16;
        var magnitude = (word & Vector128.Create(0x7FFF_0000u)) >> 3;
        // The exponents differ by 127 − 15: as a factor that holds for the numbers below 2^-14 too, which lie as numbers of float32 that are as small do.
        var number = (magnitude.AsSingle() * Vector128.Create(BitConverter.UInt32BitsToSingle((127 + 112) << 23))).AsUInt32();
        // That of infinities and NaNs is the largest in both.
        number |= Vector128.GreaterThan(magnitude.AsInt32(), Vector128.Create(0x0F7F_E000)).AsUInt32() & Vector128.Create(255u << 23);
        number |= Vector128.GreaterThan(magnitude.AsInt32(), Vector128.Create(0x0F80_0000)).AsUInt32() & Vector128.Create(0x40_0000u);
        return (number | (word & Vector128.Create(0x8000_0000u))).AsSingle();
    }

    // The power of two of a number, at least that of float16's smallest ones. With HalfPlace added to its bits it is one and a half times the power of two whose last place is that of float16 at the number: added to that, it leaves
    // what float16 holds of it, rounded as any sum is.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<int> HalfExponent(Vector128<int> bits) => Vector128.Max(bits & Vector128.Create(0x7F80_0000), Vector128.Create(113 << 23));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> ToHalf(Vector128<float> x)
    {
        var magnitude = x.AsInt32() & Vector128.Create(0x7FFF_FFFF);
        // From 2^17 on all of them are infinite.
        var number = Vector128.Min(magnitude, Vector128.Create(144 << 23));
        var exponent = HalfExponent(number);
        var place = exponent + Vector128.Create(HalfPlace);
        // In last places, to which the exponent is added: the first bit of a normal number is one of it. Beyond the largest it gives more than infinity has.
        var places = (number.AsSingle() + place.AsSingle()).AsInt32() - place;
        var bits = Vector128.Min(places + ((exponent - Vector128.Create(113 << 23)) >> 13), Vector128.Create(0x7C00));
        var nan = ((magnitude >> 13) & Vector128.Create(0x3FF)) | Vector128.Create(0x7E00);
        var sign = (x.AsInt32() ^ magnitude).AsUInt32() >> 16;
        return Vector128.ConditionalSelect(Vector128.GreaterThan(magnitude, Vector128.Create(255 << 23)), nan, bits).AsUInt32() | sign;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> ToBFloat16(Vector128<float> x)
    {
        var bits = x.AsUInt32();
        var rounded = (bits + Vector128.Create(0x7FFFu) + ((bits >> 16) & Vector128<uint>.One)) >> 16;
        return Vector128.ConditionalSelect(Vector128.Equals(x, x).AsUInt32(), rounded, (bits >> 16) | Vector128.Create(0x40u));
    }
}
