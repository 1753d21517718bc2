using System;
using System.Collections.Generic;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Execution;

/// <summary>
/// What was made for bindings of a function's named dimensions. When all together take more than a number of bytes, the one that was not used for longest goes. Finding one allocates
/// nothing. For one thread at a time.
/// </summary>
/// <param name="budget">Bytes; the latest stays even when it alone takes more.</param>
/// <param name="drop">Called with what goes.</param>
sealed class BindingCache<T>(long budget, Action<T>? drop = null)
    where T : class
{
    sealed class Entry(long[] values, T item, long bytes)
    {
        public readonly long[] Values = values;
        public readonly T Item = item;
        public readonly long Bytes = bytes;
        public long LastUse;
        public Entry? Next;
    }

    // Chains of entries by the hash of their values. The framework's dictionary finds a span only through an alternate lookup, which would be compiled anew whenever a model starts.
    Entry?[] chains = new Entry?[16];
    Entry? latest;
    long clock;

    public int Count { get; private set; }

    /// <summary>Bytes of all.</summary>
    public long Bytes { get; private set; }

    /// <summary>What was found or added last; null when there is nothing.</summary>
    public T? Latest => latest?.Item;

    /// <summary>Everything, with its binding, in no order.</summary>
    public IEnumerable<(long[] Values, T Item)> Items
    {
        get
        {
            foreach (var chain in chains)
                for (var entry = chain; entry is not null; entry = entry.Next) yield return (entry.Values, entry.Item);
        }
    }

    /// <summary>Puts all into a list.</summary>
    public void AddTo(Growing<T> all)
    {
        foreach (var chain in chains)
            for (var entry = chain; entry is not null; entry = entry.Next) all.Add(entry.Item);
    }

    /// <summary>What was made for a binding, which counts as a use; null when it is not there.</summary>
    public T? Find(ReadOnlySpan<long> values)
    {
        var entry = chains[Place(values)];
        while (entry is not null && !Same(entry.Values, values)) entry = entry.Next;
        if (entry is null) return null;
        entry.LastUse = ++clock;
        latest = entry;
        return entry.Item;
    }

    /// <summary>Keeps something for a binding that has nothing yet.</summary>
    public void Add(long[] values, T item, long bytes)
    {
        if (Count == chains.Length) Grow();
        latest = new(values, item, bytes) { LastUse = ++clock };
        Link(latest);
        Count++;
        Bytes += bytes;
        while (Bytes > budget && Count > 1) Drop(Oldest());
    }

    /// <summary>Lets everything go.</summary>
    public void Clear()
    {
        foreach (var chain in chains)
            for (var entry = chain; entry is not null; entry = entry.Next) drop?.Invoke(entry.Item);
        Array.Clear(chains);
        latest = null;
        (Count, Bytes) = (0, 0);
    }

    // The number of chains is a power of two.
    int Place(ReadOnlySpan<long> values)
    {
        ulong hash = 0;
        foreach (var value in values) hash = (hash ^ (ulong)value) * 0x9E3779B97F4A7C15;
        return (int)(hash >> 32) & (chains.Length - 1);
    }

    static bool Same(long[] one, ReadOnlySpan<long> other)
    {
        if (one.Length != other.Length) return false;
        for (var i = 0; i < one.Length; i++)
            if (one[i] != other[i]) return false;
        return true;
    }

    void Link(Entry entry)
    {
        ref var chain = ref chains[Place(entry.Values)];
        (entry.Next, chain) = (chain, entry);
    }

    void Grow()
    {
        var old = chains;
        chains = new Entry?[2 * old.Length];
        foreach (var chain in old)
            for (var entry = chain; entry is not null;)
            {
                var next = entry.Next;
                Link(entry);
                entry = next;
            }
    }

    Entry Oldest()
    {
        Entry? oldest = null;
        foreach (var chain in chains)
            for (var entry = chain; entry is not null; entry = entry.Next)
                if (oldest is null || entry.LastUse < oldest.LastUse) oldest = entry;
        return oldest!;
    }

    void Drop(Entry entry)
    {
        ref var place = ref chains[Place(entry.Values)];
        while (!ReferenceEquals(place, entry)) place = ref place!.Next;
        place = entry.Next;
        Count--;
        Bytes -= entry.Bytes;
        drop?.Invoke(entry.Item);
    }
}
