using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Uniform and normal random numbers from Philox words, a vector at a time. The build writes the classes of 256 and 512 bits from this one: only additions, multiplications, divisions and square roots, which
/// are rounded one by one, so a number has the same bits in each.
/// </summary>
static unsafe class FirstNumbersVector128
{
    // Elements that are worked on together: what they need fits into the first cache.
    const int Block = 256;

    // Exponent and mantissa of 2⁵²: with an integer below that in its low bits a double is 2⁵² more than it.
    const ulong Two52Bits = 0x4330000000000000;
    const double Two52 = 4503599627370496;

    /// <summary>Writes elements [begin, end) of a stream.</summary>
    /// <param name="target">The stream's element 0, as float or double.</param>
    /// <param name="isDouble">Which.</param>
    /// <param name="begin">A multiple of 4.</param>
    /// <param name="end">Behind the last one.</param>
    /// <param name="seed">Philox's key.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="scale">The standard deviation, or the bound.</param>
    /// <param name="isNormal">Normal, or uniform within ± the bound.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Fill(void* target, bool isDouble, long begin, long end, ulong seed, ulong stream, double scale, bool isNormal)
    {
        var words = stackalloc uint[Block];
        double* units = stackalloc double[Block], numbers = stackalloc double[Block], outer = stackalloc double[Block + 16];
        var places = stackalloc int[Block];
        for (; begin < end; begin += Block)
        {
            Philox.Words(words, seed, stream, begin, Block);
            // The middle of the word's interval: never 0 or 1, and as far from one as from the other.
            for (var i = 0; i < Block; i += Vector128<uint>.Count)
            {
                var word = Vector128.Load(words + i);
                ToUnit(Vector128.WidenLower(word)).Store(units + i);
                ToUnit(Vector128.WidenUpper(word)).Store(units + i + Vector128<double>.Count);
            }
            if (isNormal) Normal(units, numbers, outer, places);
            else
                for (var i = 0; i < Block; i += Vector128<double>.Count) (Vector128.Create(2.0) * Vector128.Load(units + i) - Vector128<double>.One).Store(numbers + i);
            Store(target, isDouble, begin, (int)Math.Min(Block, end - begin), numbers, scale);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<double> ToUnit(Vector128<ulong> word) =>
        ((word | Vector128.Create(Two52Bits)).AsDouble() - Vector128.Create(Two52) + Vector128.Create(0.5)) * Vector128.Create(1.0 / 4294967296);

    // The middle of the distribution, which most numbers are from, for all; then what is outside together.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Normal(double* units, double* numbers, double* outer, int* places)
    {
        var count = 0;
        for (var i = 0; i < Block; i += Vector128<double>.Count)
        {
            var q = Vector128.Load(units + i) - Vector128.Create(0.5);
            NormalQuantile.Inner(q).Store(numbers + i);
            var outside = Vector128.GreaterThan(Vector128.Abs(q), Vector128.Create(NormalQuantile.Middle)).ExtractMostSignificantBits();
            for (; outside != 0; outside &= outside - 1)
            {
                var place = i + System.Numerics.BitOperations.TrailingZeroCount(outside);
                places[count] = place;
                outer[count++] = units[place];
            }
        }
        for (var i = count; i % Vector128<double>.Count != 0; i++) outer[i] = 0.5;
        for (var i = 0; i < count; i += Vector128<double>.Count) NormalQuantile.Outer(Vector128.Load(outer + i)).Store(outer + i);
        for (var i = 0; i < count; i++) numbers[places[i]] = outer[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store(void* target, bool isDouble, long begin, int count, double* numbers, double scale)
    {
        var i = 0;
        if (isDouble)
        {
            var to = (double*)target + begin;
            for (; i + Vector128<double>.Count <= count; i += Vector128<double>.Count) (Vector128.Create(scale) * Vector128.Load(numbers + i)).Store(to + i);
            for (; i < count; i++) to[i] = scale * numbers[i];
            return;
        }
        var floats = (float*)target + begin;
        for (; i + Vector128<float>.Count <= count; i += Vector128<float>.Count)
            Vector128.Narrow(Vector128.Create(scale) * Vector128.Load(numbers + i), Vector128.Create(scale) * Vector128.Load(numbers + i + Vector128<double>.Count)).Store(floats + i);
        for (; i < count; i++) floats[i] = (float)(scale * numbers[i]);
    }
}
