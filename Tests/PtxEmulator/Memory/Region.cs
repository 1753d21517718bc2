using System;
using System.Collections.Generic;

namespace Graph.PtxEmulator;

/// <summary>Where the windows of shared and local memory lie in generic addresses, and where addresses of a space begin: never at 0, so that a forgotten base is noticed.</summary>
static class AddressSpace
{
    public const ulong Shared = 0x400, Local = 0x10, Param = 0;
    public const ulong SharedWindow = 0x7A00_0000_0000, LocalWindow = 0x7B00_0000_0000, WindowSize = 1UL << 24;
    public const ulong FirstAllocation = 0x7F00_0000_0000;
}

/// <summary>A part of an allocation that holds something: bytes from <see cref="Offset"/>.</summary>
public readonly record struct Extent(long Offset, long Size, string Name);

/// <summary>A range of bytes of one state space, which of them are written, and who accessed them.</summary>
sealed unsafe class Region
{
    readonly byte[] bytes, written;
    /// <summary>What <see cref="Written"/> says of a byte that a copy will write: neither 0 (never written) nor 1 (written).</summary>
    public const byte Pending = 2;

    public readonly string Name;
    public readonly StateSpace Space;
    public readonly ulong Base;
    public ulong Size;
    public readonly byte* Data;
    public readonly byte* Written;
    public RaceShadow? Shadow;
    public bool ReadOnly;
    /// <summary>If not null, only these parts may be accessed; sorted by offset.</summary>
    public Extent[]? Live;

    public Region(string name, StateSpace space, ulong address, long size)
    {
        Name = name;
        Space = space;
        Base = address;
        Size = (ulong)size;
        // Vectors of the host read whole words at the end.
        bytes = GC.AllocateArray<byte>(checked((int)size + 16), pinned: true);
        written = GC.AllocateArray<byte>(checked((int)size + 16), pinned: true);
        fixed (byte* d = bytes) Data = d;
        fixed (byte* w = written) Written = w;
    }

    public Span<byte> Bytes => bytes.AsSpan(0, (int)Size);
    public Span<byte> WrittenBytes => written.AsSpan(0, (int)Size);

    /// <summary>Nothing of it is written any more.</summary>
    public void Forget() => Array.Clear(written);

    /// <summary>The live part around an access; null if it is outside of all, or across two.</summary>
    public Extent? LivePart(ulong offset, int size)
    {
        var (low, high) = (0, Live!.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var part = Live[middle];
            if ((long)offset < part.Offset) high = middle - 1;
            else if ((long)offset >= part.Offset + part.Size) low = middle + 1;
            else return (long)offset + size <= part.Offset + part.Size ? part : null;
        }
        return null;
    }

    public IEnumerable<Extent> LiveParts => Live ?? [];
}
