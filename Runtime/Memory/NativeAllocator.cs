using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Graph.Runtime.Memory;

/// <summary>Where all memory of models comes from: intermediates, launch tables, kernels' scratch memory, parameters. Tests replace it to fail an allocation and to count what lives.</summary>
class NativeAllocator
{
    static readonly NativeAllocator system = new();
    static readonly AsyncLocal<NativeAllocator?> replacement = new();
    long liveBlocks;

    /// <summary>The allocator of this flow of control.</summary>
    public static NativeAllocator Current
    {
        get => replacement.Value ?? system;
        internal set => replacement.Value = value == system ? null : value;
    }

    /// <summary>Unmanaged blocks that were handed out and are not freed yet.</summary>
    public long LiveBlocks => Interlocked.Read(ref liveBlocks);

    /// <summary>Unmanaged memory.</summary>
    /// <param name="bytes">How much; at least 1.</param>
    /// <param name="alignment">A power of two.</param>
    /// <param name="purpose">What it is for, for the message.</param>
    /// <param name="isFilled">Its owner writes all of it: then it counts for the collector, to which a forgotten model looks small.</param>
    /// <exception cref="OutOfMemoryException">There is not that much.</exception>
    public unsafe NativeBlock Allocate(long bytes, int alignment, string purpose, bool isFilled = false)
    {
        var block = new NativeBlock(this, bytes, isFilled); // first the object, so that memory never is without an owner
        Before(bytes, purpose);
        try
        {
            block.Own((byte*)NativeMemory.AlignedAlloc(checked((nuint)bytes), (nuint)alignment));
        }
        catch (OutOfMemoryException e)
        {
            throw Refused(bytes, purpose, e);
        }
        Interlocked.Increment(ref liveBlocks);
        if (isFilled) GC.AddMemoryPressure(bytes);
        return block;
    }

    /// <summary>Zeroed memory of the collector that does not move.</summary>
    /// <param name="count">The number of longs.</param>
    /// <param name="purpose">What it is for, for the message.</param>
    /// <exception cref="OutOfMemoryException">There is not that much.</exception>
    public long[] AllocatePinned(long count, string purpose)
    {
        Before(count * sizeof(long), purpose);
        try
        {
            return GC.AllocateArray<long>(checked((int)count), pinned: true);
        }
        catch (Exception e) when (e is OutOfMemoryException or OverflowException)
        {
            throw Refused(count * sizeof(long), purpose, e);
        }
    }

    internal void Freed() => Interlocked.Decrement(ref liveBlocks);

    /// <summary>Called before each allocation; what it throws is the allocation's failure.</summary>
    protected virtual void Before(long bytes, string purpose)
    {
    }

    /// <summary>What a failed allocation throws.</summary>
    protected static OutOfMemoryException Refused(long bytes, string purpose, Exception? inner = null) => new($"There is no memory for {purpose}: {bytes:N0} bytes were asked for.", inner);
}
