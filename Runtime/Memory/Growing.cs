using System;

namespace Graph.Runtime.Memory;

/// <summary>An array that grows: a list that is compiled with this assembly, where the framework's would be loaded, and over values compiled, for each of our types when a model starts.</summary>
sealed class Growing<T>
{
    T[] items = new T[16];

    public int Count { get; private set; }

    public T this[int index] => items[index];

    /// <summary>The one that was added last.</summary>
    public T Last => items[Count - 1];

    public void Add(T item)
    {
        if (Count == items.Length)
        {
            var larger = new T[2 * Count];
            Array.Copy(items, larger, Count);
            items = larger;
        }
        items[Count++] = item;
    }

    public void RemoveLast() => items[--Count] = default!;

    public T[] ToArray()
    {
        var array = new T[Count];
        Array.Copy(items, array, Count);
        return array;
    }
}
