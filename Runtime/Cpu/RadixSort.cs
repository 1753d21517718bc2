using System;
using System.Numerics;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Sorts unsigned keys and the places that they come from: by counting the values of one byte of all keys after another, from the last to the first, so that equal keys keep their order. As many passes as keys have bytes that
/// differ; a few keys are put in their place one by one.
/// </summary>
static unsafe class RadixSort
{
    const int Few = 48, Values = 256;

    /// <summary>A key and the number of its element.</summary>
    public struct Entry<TKey>
        where TKey : unmanaged
    {
        public TKey Key;
        public uint Place;
    }

    /// <summary>Sorts <paramref name="entries"/>; gives the sorted ones, which lie there or in <paramref name="room"/>.</summary>
    /// <param name="entries">What is sorted.</param>
    /// <param name="room">As much memory again.</param>
    /// <param name="count">How many there are.</param>
    public static Entry<TKey>* Sort<TKey>(Entry<TKey>* entries, Entry<TKey>* room, long count)
        where TKey : unmanaged, IBinaryInteger<TKey>
    {
        if (count <= Few)
        {
            Insert(entries, count);
            return entries;
        }
        var digits = sizeof(TKey);
        var counts = stackalloc uint[digits * Values];
        new Span<uint>(counts, digits * Values).Clear();
        for (long i = 0; i < count; i++)
            for (var digit = 0; digit < digits; digit++) counts[digit * Values + Byte(entries[i].Key, digit)]++;
        for (var digit = 0; digit < digits; digit++)
        {
            var starts = counts + digit * Values;
            if (starts[Byte(entries[0].Key, digit)] == count) continue; // the same byte everywhere
            uint start = 0;
            for (var value = 0; value < Values; value++) (starts[value], start) = (start, start + starts[value]);
            for (long i = 0; i < count; i++) room[starts[Byte(entries[i].Key, digit)]++] = entries[i];
            var sorted = room;
            room = entries;
            entries = sorted;
        }
        return entries;
    }

    static int Byte<TKey>(TKey key, int digit)
        where TKey : unmanaged, IBinaryInteger<TKey> => byte.CreateTruncating(key >>> (8 * digit));

    static void Insert<TKey>(Entry<TKey>* entries, long count)
        where TKey : unmanaged, IBinaryInteger<TKey>
    {
        for (long i = 1; i < count; i++)
        {
            var entry = entries[i];
            var at = i;
            for (; at > 0 && entries[at - 1].Key > entry.Key; at--) entries[at] = entries[at - 1];
            entries[at] = entry;
        }
    }
}
