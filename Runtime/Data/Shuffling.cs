using System;
using Graph.Compiler.Ir;

namespace Graph.Data;

/// <summary>
/// Orders that depend on a seed alone, the same on every machine and for any number of threads. The numbers are 64-bit words of Philox4x32-10
/// under key <c>seed</c>, with the place as the low and a purpose plus the epoch as the high counter. A word r picks one of n as the high half of r · n.
/// </summary>
static class Shuffling
{
    /// <summary>What a number is drawn for, so that two uses of one seed have nothing in common.</summary>
    public static readonly ulong Split = Philox.Stream("data.split"), Order = Philox.Stream("data.order"), Sample = Philox.Stream("data.sample");

    /// <summary>The numbers below <paramref name="count"/> in random order: Fisher and Yates's exchange, from the last place to the second.</summary>
    public static int[] Permutation(int count, ulong seed, ulong purpose)
    {
        var order = new int[count];
        for (var i = 0; i < count; i++)
            order[i] = i;
        for (var i = count - 1; i > 0; i--)
        {
            var j = Pick(i + 1, seed, purpose, (ulong)i);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }

    /// <summary>One of <paramref name="count"/>, chosen with replacement.</summary>
    public static int Pick(int count, ulong seed, ulong purpose, ulong place)
    {
        var (x, y, _, _) = Philox.Block(seed, place, purpose);
        return (int)Math.BigMul(((ulong)y << 32) | x, (ulong)count, out _);
    }
}
