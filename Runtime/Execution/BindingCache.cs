using System;
using System.Collections.Generic;
using System.Linq;

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
    sealed record Entry(long[] Values, T Item, long Bytes)
    {
        public long LastUse;
    }

    sealed class ByValues : IEqualityComparer<long[]>, IAlternateEqualityComparer<ReadOnlySpan<long>, long[]>
    {
        public bool Equals(long[]? x, long[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(long[] values) => GetHashCode((ReadOnlySpan<long>)values);

        public bool Equals(ReadOnlySpan<long> alternate, long[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<long> alternate)
        {
            var hash = new HashCode();
            foreach (var value in alternate) hash.Add(value);
            return hash.ToHashCode();
        }

        public long[] Create(ReadOnlySpan<long> alternate) => alternate.ToArray();
    }

    readonly Dictionary<long[], Entry> entries = new(new ByValues());
    Entry? latest;
    long clock;

    public int Count => entries.Count;

    /// <summary>Bytes of all.</summary>
    public long Bytes { get; private set; }

    /// <summary>What was found or added last; null when there is nothing.</summary>
    public T? Latest => latest?.Item;

    /// <summary>Everything, with its binding, in no order.</summary>
    public IEnumerable<(long[] Values, T Item)> Items => entries.Values.Select(e => (e.Values, e.Item));

    /// <summary>What was made for a binding, which counts as a use; null when it is not there.</summary>
    public T? Find(ReadOnlySpan<long> values)
    {
        if (!entries.GetAlternateLookup<ReadOnlySpan<long>>().TryGetValue(values, out var entry)) return null;
        entry.LastUse = ++clock;
        latest = entry;
        return entry.Item;
    }

    /// <summary>Keeps something for a binding that has nothing yet.</summary>
    public void Add(long[] values, T item, long bytes)
    {
        latest = new(values, item, bytes) { LastUse = ++clock };
        entries.Add(values, latest);
        Bytes += bytes;
        while (Bytes > budget && entries.Count > 1)
        {
            var oldest = entries.Values.MinBy(e => e.LastUse)!;
            entries.Remove(oldest.Values);
            Bytes -= oldest.Bytes;
            drop?.Invoke(oldest.Item);
        }
    }

    /// <summary>Lets everything go.</summary>
    public void Clear()
    {
        foreach (var entry in entries.Values) drop?.Invoke(entry.Item);
        entries.Clear();
        latest = null;
        Bytes = 0;
    }
}
