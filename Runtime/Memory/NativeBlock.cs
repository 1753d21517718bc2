using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Graph.Runtime.Memory;

/// <summary>Unmanaged memory with one owner. The collector frees what its owner forgot to dispose.</summary>
sealed unsafe class NativeBlock : Execution.IArena
{
    readonly NativeAllocator allocator;
    readonly bool isFilled;
    nint pointer;

    internal NativeBlock(NativeAllocator allocator, long bytes, bool isFilled)
    {
        this.isFilled = isFilled;
        this.allocator = allocator;
        Bytes = bytes;
    }

    internal void Own(byte* memory) => pointer = (nint)memory;

    /// <summary>The first byte; null after <see cref="Dispose"/>.</summary>
    public byte* Pointer => (byte*)pointer;

    public long Bytes { get; }

    /// <summary>Frees the memory. May be called more than once.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    void Free()
    {
        var memory = Interlocked.Exchange(ref pointer, 0);
        if (memory == 0) return;
        NativeMemory.AlignedFree((void*)memory);
        if (isFilled) GC.RemoveMemoryPressure(Bytes);
        allocator.Freed();
    }

    ~NativeBlock() => Free();
}
