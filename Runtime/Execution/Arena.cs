using System;
using System.Runtime.InteropServices;

namespace Graph.Runtime.Execution;

/// <summary>The memory that the intermediates of one session share. It only grows.</summary>
sealed unsafe class Arena : IDisposable
{
    // Pages of two megabytes spare the translation cache, and the kernel gives them to memory that is aligned so.
    const int Alignment = 2 << 20, SmallAlignment = 4096;

    public byte* Pointer { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>Makes room; true when the memory moved, so that pointers into it are stale.</summary>
    public bool Ensure(long bytes)
    {
        if (bytes <= Bytes && Pointer != null) return false;
        if (Pointer != null) NativeMemory.AlignedFree(Pointer);
        Pointer = null;
        Pointer = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 64), (nuint)(bytes >= Alignment ? Alignment : SmallAlignment));
        Bytes = bytes;
        return true;
    }

    public void Dispose()
    {
        if (Pointer != null) NativeMemory.AlignedFree(Pointer);
        Pointer = null;
        Bytes = 0;
        GC.SuppressFinalize(this);
    }

    ~Arena() => Dispose();
}
