using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Graph.Runtime.Execution;

/// <summary>Zeroed unmanaged memory that is handed out piece by piece and freed as a whole.</summary>
sealed unsafe class NativeBump : IDisposable
{
    const int ChunkBytes = 64 * 1024;
    readonly List<nint> chunks = [];
    byte* next, end;

    /// <summary><paramref name="count"/> zeroed elements, aligned to 16 bytes; at least one place, so that the pointer is real.</summary>
    public T* Take<T>(long count)
        where T : unmanaged
    {
        var bytes = (Math.Max(1, count) * sizeof(T) + 15) & -16;
        if (end - next < bytes)
        {
            var size = Math.Max(bytes, ChunkBytes);
            next = (byte*)NativeMemory.AlignedAlloc((nuint)size, 64);
            NativeMemory.Clear(next, (nuint)size);
            chunks.Add((nint)next);
            end = next + size;
        }
        var place = next;
        next += bytes;
        return (T*)place;
    }

    public void Dispose()
    {
        foreach (var chunk in chunks) NativeMemory.AlignedFree((void*)chunk);
        chunks.Clear();
        next = end = null;
        GC.SuppressFinalize(this);
    }

    ~NativeBump() => Dispose();
}
