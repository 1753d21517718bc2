using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

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

/// <summary>
/// A range of bytes of one state space, which of them are written, and who accessed them. Memory comes from the host zeroed and page by page with the first access, so that an allocation
/// may be far larger than what kernels touch of it.
/// </summary>
sealed unsafe class Region
{
    /// <summary>What <see cref="Written"/> says of a byte that a copy will write: neither 0 (never written) nor 1 (written).</summary>
    public const byte Pending = 2;

    public readonly string Name;
    public readonly StateSpace Space;
    public readonly ulong Base;
    public ulong Size;
    public byte* Data { get; private set; }
    public byte* Written { get; private set; }
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
        Data = (byte*)NativeMemory.AllocZeroed((nuint)size + 16);
        Written = (byte*)NativeMemory.AllocZeroed((nuint)size + 16);
    }

    ~Region() => Release();

    /// <summary>Gives the memory back at once; afterwards every access misses.</summary>
    public void Release()
    {
        GC.SuppressFinalize(this);
        Size = 0;
        NativeMemory.Free(Data);
        NativeMemory.Free(Written);
        Data = Written = null;
    }

    public Span<byte> Bytes(long offset, long size) => new(Data + offset, checked((int)size));
    public Span<byte> WrittenBytes(long offset, long size) => new(Written + offset, checked((int)size));

    /// <summary>Says of a range whether it is written.</summary>
    public void Mark(long offset, long size, byte state) => NativeMemory.Fill(Written + offset, (nuint)size, state);

    /// <summary>Nothing of it is written any more.</summary>
    public void Forget() => Mark(0, (long)Size, 0);

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
