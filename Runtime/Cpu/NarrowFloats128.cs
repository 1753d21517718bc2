using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

// The source of every width: the build writes those of 256 and 512 bits from it, so a number has the same bits whatever vector it lies in.
public static partial class NarrowFloats
{
    /// <summary>The float32 numbers of float16 ones: exact, a NaN keeps every bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<float> Lower, Vector128<float> Upper) FromHalf(Vector128<ushort> x)
    {
        var (lower, upper) = Vector128.Widen(x.AsInt16());
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
        var power = HalfPower(x);
        // One and a half times the power of two whose last place is that of float16 at the number: added to that, it leaves what float16 holds of it, rounded as any sum is. The product is exact, fused or not.
        var sum = Vector128.MultiplyAddEstimate(power, Vector128.Create(12288f), x);
        var rounded = Vector128.MultiplyAddEstimate(power, Vector128.Create(-12288f), sum);
        rounded = Vector128.ConditionalSelect(Vector128.Create(int.MinValue).AsSingle(), x, rounded); // a negative 0 stays one
        // What is too large and infinity become infinity; a NaN stays one, and quiet, with what of it float16 holds.
        var special = (x * Vector128.Create(float.PositiveInfinity)).AsInt32() & Vector128.Create(~0x1FFF);
        return Vector128.ConditionalSelect(Vector128.GreaterThanOrEqual(Magnitude(x), Vector128.Create(0x477F_F000)), special, rounded.AsInt32()).AsSingle();
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
    static Vector128<float> FromBFloat16(Vector128<int> word) => (word << 16).AsSingle();

    // Of words with their sign in all bits above.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> FromHalf(Vector128<int> word)
    {
        var bits = word << 13;
        var magnitude = bits & Vector128.Create(0x0FFF_E000);
        // The exponents differ by 127 − 15.
        var number = magnitude + Vector128.Create(112 << 23);
        // Numbers below 2^-14 have no first bit, which is taken away again: as a product it would be fewer instructions, but many processors take a hundred cycles for one of numbers as small as these are before it.
        var small = (number + Vector128.Create(1 << 23)).AsSingle() - Vector128.Create(BitConverter.Int32BitsToSingle(113 << 23));
        number = Vector128.ConditionalSelect(Vector128.LessThan(magnitude, Vector128.Create(1 << 23)), small.AsInt32(), number);
        // The largest exponent is that of infinities and NaNs, in both.
        number = Vector128.ConditionalSelect(Vector128.GreaterThanOrEqual(magnitude, Vector128.Create(31 << 23)), number | Vector128.Create(255 << 23), number);
        return Vector128.ConditionalSelect(Vector128.Create(int.MinValue), bits, number).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<int> Magnitude(Vector128<float> x) => x.AsInt32() & Vector128.Create(int.MaxValue);

    // The power of two of a number, at least that of float16's smallest ones.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> HalfPower(Vector128<float> x) => Vector128.Max(x.AsInt32() & Vector128.Create(255 << 23), Vector128.Create(113 << 23)).AsSingle();

    // The nearest float16 numbers, in the lower half of each word; nothing is said of the upper one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> ToHalf(Vector128<float> x)
    {
        var (magnitude, power) = (Magnitude(x), HalfPower(x));
        // As in rounding: the sum ends with the number in last places of float16. The first bit of a normal number is one step of the exponent, which is added behind it; 12303 is 12288 and, in last places, what the two biases of the
        // exponents leave in the lower half of the word.
        var sum = Vector128.MultiplyAddEstimate(power, Vector128.Create(12303f), magnitude.AsSingle()).AsInt32();
        var bits = sum + (power.AsInt32() >> 13);
        // From 2^16 on: infinite, or a NaN.
        var special = magnitude.AsSingle() * Vector128.Create(float.PositiveInfinity);
        bits = Vector128.ConditionalSelect(Vector128.GreaterThanOrEqual(magnitude, Vector128.Create(0x4780_0000)), special.AsInt32() >> 13, bits);
        return Signed(x, bits);
    }

    // The same of numbers that float16 holds: nothing is rounded.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> ToExactHalf(Vector128<float> x) => Signed(x, (x * Vector128.Create(BitConverter.Int32BitsToSingle((127 - 112) << 23))).AsInt32() >> 13);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> Signed(Vector128<float> x, Vector128<int> bits) => Vector128.ConditionalSelect(Vector128.Create(0x8000), x.AsInt32() >> 16, bits).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> ToExactBFloat16(Vector128<float> x) => x.AsUInt32() >> 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> ToBFloat16(Vector128<float> x)
    {
        var bits = x.AsUInt32();
        var rounded = (bits + Vector128.Create(0x7FFFu) + ((bits >> 16) & Vector128<uint>.One)) >> 16;
        return Vector128.ConditionalSelect(Vector128.Equals(x, x).AsUInt32(), rounded, (bits >> 16) | Vector128.Create(0x40u));
    }
}
