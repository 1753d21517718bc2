using System;
using System.Text;

namespace Graph.Tests.Goldens;

/// <summary>
/// Makes the numbers that <c>golden_values.py</c> makes, so that the files need not hold inputs and weights.
/// A real is the top 24 bits of a SplitMix64 output (Steele, Lea and Flood, OOPSLA 2014), scaled and rounded to float32: the same on every machine.
/// </summary>
static class GoldenValues
{
    /// <summary><c>offset + scale · u</c> with u in [-1/2, 1/2), rounded to float32, so that float32 and float64 programs start from the same numbers.</summary>
    public static double[] Reals(string seed, int count, double scale, double offset)
    {
        var values = new double[count];
        var state = Hash(seed);
        for (var i = 0; i < count; i++)
            values[i] = (float)(((Next(ref state) >> 40) * (1.0 / (1 << 24)) - 0.5) * scale + offset);
        return values;
    }

    /// <summary>Integers in [0, <paramref name="classes"/>).</summary>
    public static long[] Integers(string seed, int count, int classes)
    {
        var values = new long[count];
        var state = Hash(seed);
        for (var i = 0; i < count; i++)
            values[i] = (long)((Next(ref state) >> 33) % (ulong)classes);
        return values;
    }

    static ulong Next(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    // FNV-1a, 64 bit.
    static ulong Hash(string seed)
    {
        var hash = 0xCBF29CE484222325;
        foreach (var part in Encoding.UTF8.GetBytes(seed))
            hash = (hash ^ part) * 0x100000001B3;
        return hash;
    }
}
