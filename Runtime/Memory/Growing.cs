using System;

namespace Graph.Runtime.Memory;

/// <summary>An array that grows: a list of values, which is compiled with this assembly where the framework's lists of our values would be compiled anew whenever a model starts.</summary>
sealed class Growing<T>
    where T : unmanaged
{
    T[] items = new T[16];

    public int Count { get; private set; }

    public T this[int index] => items[index];

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
}
