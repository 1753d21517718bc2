using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Graph.Runtime.Memory;

/// <summary>Zeroed unmanaged memory that is handed out piece by piece and freed as a whole.</summary>
/// <param name="purpose">What it is for, for the message when there is none.</param>
sealed unsafe class NativeBump(string purpose) : IDisposable
{
    const int ChunkBytes = 64 * 1024;
    readonly Growing<NativeBlock> chunks = new();
    byte* next, end;

    /// <summary>Bytes that were taken from the system.</summary>
    public long Bytes { get; private set; }

    /// <summary><paramref name="count"/> zeroed elements, aligned to 16 bytes; at least one place, so that the pointer is real.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory; what was handed out stays.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T* Take<T>(long count)
        where T : unmanaged => (T*)Take(count * sizeof(T));

    /// <summary>As many zeroed bytes; for numbers of the framework's, since what is generic over these alone is compiled anew in each process.</summary>
    public byte* Take(long bytes)
    {
        bytes = (Math.Max(bytes, 1) + 15) & -16; // at least one place, so that the pointer is real
        if (end - next < bytes)
        {
            var chunk = NativeAllocator.Current.Allocate(Math.Max(bytes, ChunkBytes), alignment: 64, purpose);
            chunks.Add(chunk);
            Bytes += chunk.Bytes;
            NativeMemory.Clear(chunk.Pointer, (nuint)chunk.Bytes);
            next = chunk.Pointer;
            end = next + chunk.Bytes;
        }
        var place = next;
        next += bytes;
        return place;
    }

    public void Dispose()
    {
        next = end = null;
        for (; chunks.Count > 0; chunks.RemoveLast()) chunks.Last.Dispose();
        Bytes = 0;
    }
}
