using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;

namespace Graph.Compiler;

/// <summary>An immutable list that is equal to another one when their elements are; <c>default</c> is the empty list.</summary>
/// <remarks>Records of the compiler hold their lists in it, so that an incremental generator can compare whole definitions by value.</remarks>
[CollectionBuilder(typeof(EquatableArray), nameof(EquatableArray.Create))]
public readonly struct EquatableArray<T> : IEquatable<EquatableArray<T>>, IReadOnlyList<T>
{
    readonly T[]? items;

    /// <summary>Copies <paramref name="items"/>.</summary>
    public EquatableArray(IEnumerable<T> items) => this.items = items.ToArray();

    internal EquatableArray(T[] owned) => items = owned;

    /// <summary>The list without elements.</summary>
    public static EquatableArray<T> Empty => default;

    /// <summary>The number of elements.</summary>
    public int Count => items?.Length ?? 0;

    /// <summary>The number of elements, under the name that arrays use.</summary>
    public int Length => items?.Length ?? 0;

    /// <summary>True when there is no element.</summary>
    public bool IsEmpty => Count == 0;

    /// <summary>The element at <paramref name="index"/>.</summary>
    public T this[int index] => items is null ? throw new ArgumentOutOfRangeException(nameof(index)) : items[index];

    /// <summary>The elements as a span.</summary>
    public ReadOnlySpan<T> AsSpan() => items;

    /// <summary>This list with <paramref name="item"/> at its end.</summary>
    public EquatableArray<T> Add(T item)
    {
        var copy = new T[Count + 1];
        items?.CopyTo(copy, 0);
        copy[Count] = item;
        return new EquatableArray<T>(copy);
    }

    /// <summary>This list followed by <paramref name="more"/>.</summary>
    public EquatableArray<T> AddRange(IEnumerable<T> more) => new(this.Concat(more).ToArray());

    /// <inheritdoc/>
    public bool Equals(EquatableArray<T> other)
    {
        if (ReferenceEquals(items, other.items)) return true;
        if (Count != other.Count) return false;
        var comparer = EqualityComparer<T>.Default;
        for (var i = 0; i < Count; i++)
            if (!comparer.Equals(items![i], other.items![i])) return false;
        return true;
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is EquatableArray<T> other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = 17;
        if (items is not null)
            foreach (var item in items) hash = unchecked(hash * 31 + (item?.GetHashCode() ?? 0));
        return hash;
    }

    /// <summary>Equality of the elements, in order.</summary>
    public static bool operator ==(EquatableArray<T> left, EquatableArray<T> right) => left.Equals(right);

    /// <summary>Inequality of the elements, in order.</summary>
    public static bool operator !=(EquatableArray<T> left, EquatableArray<T> right) => !left.Equals(right);

    /// <summary>An enumerator that allocates nothing.</summary>
    public Enumerator GetEnumerator() => new(items);

    IEnumerator<T> IEnumerable<T>.GetEnumerator() => ((IEnumerable<T>)(items ?? [])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => (items ?? []).GetEnumerator();

    /// <inheritdoc/>
    public override string ToString() => "[" + string.Join(", ", this.Select(x => x?.ToString())) + "]";

    /// <summary>Walks the elements.</summary>
    public struct Enumerator(T[]? items)
    {
        int index = -1;

        /// <summary>The current element.</summary>
        public readonly T Current => items![index];

        /// <summary>Goes to the next element.</summary>
        public bool MoveNext() => ++index < (items?.Length ?? 0);
    }
}

/// <summary>Makes <see cref="EquatableArray{T}"/> from other collections.</summary>
public static class EquatableArray
{
    /// <summary>What collection expressions call.</summary>
    public static EquatableArray<T> Create<T>(ReadOnlySpan<T> items) => new(items.ToArray());

    /// <summary>The elements of <paramref name="items"/> as a list compared by value.</summary>
    public static EquatableArray<T> ToEquatableArray<T>(this IEnumerable<T> items) => new(items.ToArray());
}
