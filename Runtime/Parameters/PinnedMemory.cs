using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Parameters;

/// <summary>
/// Zeroed memory that does not move, aligned to a page. It is the collector's, so a span into it stays good for as long as somebody holds the span, whatever happens to its owner.
/// </summary>
sealed unsafe class PinnedMemory
{
    public const int Alignment = 4096;
    readonly long[] array; // of longs, so that one block may hold 16 GiB
    readonly nint start;

    /// <param name="purpose">What it is for, for the message when there is none.</param>
    /// <exception cref="OutOfMemoryException">There is not that much.</exception>
    public PinnedMemory(long bytes, string purpose)
    {
        array = NativeAllocator.Current.AllocatePinned((bytes + Alignment + 7) / 8, purpose);
        Bytes = bytes;
        var first = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(array)); // pinned: it stays there
        Pointer = (byte*)((first + Alignment - 1) & -Alignment);
        start = (nint)Pointer - first;
    }

    /// <summary>The first byte.</summary>
    public byte* Pointer { get; }

    public long Bytes { get; }

    /// <summary>Some of it; the span keeps the memory alive.</summary>
    /// <exception cref="OverflowException">It is more than a span can hold.</exception>
    public Span<T> Span<T>(long offset, long count)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(checked(offset + count * sizeof(T)), Bytes);
        ref var place = ref Unsafe.AddByteOffset(ref MemoryMarshal.GetArrayDataReference(array), start + (nint)offset);
        return MemoryMarshal.CreateSpan(ref Unsafe.As<long, T>(ref place), checked((int)count));
    }
}
