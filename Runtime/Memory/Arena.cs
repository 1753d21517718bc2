using System;

namespace Graph.Runtime.Memory;

/// <summary>The memory that the intermediates of one session share.</summary>
static class Arena
{
    // Pages of two megabytes spare the translation cache, and the kernel gives them to memory that is aligned so.
    const int Alignment = 2 << 20, SmallAlignment = 4096;

    /// <summary>Memory for intermediates, at least one place, so that the pointer is real.</summary>
    /// <param name="purpose">Whose they are, for the message.</param>
    /// <exception cref="OutOfMemoryException">There is not that much.</exception>
    public static NativeBlock Allocate(long bytes, string purpose) =>
        NativeAllocator.Current.Allocate(Math.Max(bytes, 64), bytes >= Alignment ? Alignment : SmallAlignment, purpose, isFilled: true);
}
