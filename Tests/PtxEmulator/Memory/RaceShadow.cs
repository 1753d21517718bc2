using System;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Graph.PtxEmulator;

/// <summary>
/// Who accessed the cells of a region last, and whether that is ordered with the next access. Of a cell it remembers the last write and two unordered readers, so it never reports
/// accesses that are ordered; of three and more unordered readers it may miss one in one schedule. Cells are words until somebody accesses less, then half words, then bytes.
/// </summary>
sealed class RaceShadow(long size)
{
    struct Cell
    {
        public ulong WriteOwner, WriteStamp, ReadOwner, ReadStamp, Read2Owner, Read2Stamp;
        public int WritePc, ReadPc, Read2Pc, NonCoherentPc;
        public bool WriteAtomic;
        /// <summary>The launch that has read it as memory that nobody writes (<c>ld.global.nc</c>).</summary>
        public ulong NonCoherent;
    }

    const int PageShift = 10;

    int shift = 2;
    // Pages come into being with the first access: most of a large allocation is never touched under the detector.
    Cell[]?[] pages = new Cell[]?[Pages(size, 2)];

    static int Pages(long size, int shift) => (int)((size >> shift >> PageShift) + 1);

    public void Clear()
    {
        foreach (var page in pages) if (page is not null) Array.Clear(page);
    }

    ref Cell At(int i) => ref (pages[i >> PageShift] ??= new Cell[1 << PageShift])[i & ((1 << PageShift) - 1)];

    void Refine(int to)
    {
        var (coarse, ratio) = (pages, shift - to);
        pages = new Cell[]?[Pages(size, to)];
        shift = to;
        for (var page = 0; page < coarse.Length; page++)
            if (coarse[page] is { } cells)
                for (var i = 0; i < cells.Length << ratio; i++)
                    if (((page << PageShift << ratio) + i) >> PageShift < pages.Length) At((page << PageShift << ratio) + i) = cells[i >> ratio];
    }

    void Fit(ulong offset, int bytes)
    {
        while (((offset | (uint)bytes) & ((1UL << shift) - 1)) != 0) Refine(shift - 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Read(Warp warp, int lane, ulong offset, int bytes, Instruction instruction, Region region, bool nonCoherent)
    {
        Fit(offset, bytes);
        var (owner, clocks) = (warp.Block.Owner, warp.Block.Clocks!);
        var stamp = clocks.Stamp(warp, lane);
        var end = (int)((offset + (ulong)bytes) >> shift);
        for (var i = (int)(offset >> shift); i < end; i++)
        {
            ref var cell = ref At(i);
            if (Conflicts(cell.WriteOwner, cell.WriteStamp, owner, warp, lane))
                throw Report(warp, lane, offset, instruction, region, "reads", "written", cell.WriteOwner, cell.WriteStamp, cell.WritePc);
            if (nonCoherent)
            {
                if (cell.WriteStamp != 0 && cell.WriteOwner >> 32 == warp.Launch.Serial) throw Stale(warp, lane, offset, instruction, region, "reads", "has written", cell.WritePc);
                (cell.NonCoherent, cell.NonCoherentPc) = (warp.Launch.Serial, instruction.Pc);
            }
            if (Conflicts(cell.ReadOwner, cell.ReadStamp, owner, warp, lane))
                (cell.Read2Owner, cell.Read2Stamp, cell.Read2Pc) = (cell.ReadOwner, cell.ReadStamp, cell.ReadPc);
            (cell.ReadOwner, cell.ReadStamp, cell.ReadPc) = (owner, stamp, instruction.Pc);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Write(Warp warp, int lane, ulong offset, int bytes, Instruction instruction, Region region, bool atomic)
    {
        Fit(offset, bytes);
        var (owner, clocks) = (warp.Block.Owner, warp.Block.Clocks!);
        var stamp = clocks.Stamp(warp, lane);
        var end = (int)((offset + (ulong)bytes) >> shift);
        for (var i = (int)(offset >> shift); i < end; i++)
        {
            ref var cell = ref At(i);
            var does = atomic ? "updates atomically" : "writes";
            if (!(atomic && cell.WriteAtomic) && Conflicts(cell.WriteOwner, cell.WriteStamp, owner, warp, lane))
                throw Report(warp, lane, offset, instruction, region, does, cell.WriteAtomic ? "updated atomically" : "written", cell.WriteOwner, cell.WriteStamp, cell.WritePc);
            if (Conflicts(cell.ReadOwner, cell.ReadStamp, owner, warp, lane))
                throw Report(warp, lane, offset, instruction, region, does, "read", cell.ReadOwner, cell.ReadStamp, cell.ReadPc);
            if (Conflicts(cell.Read2Owner, cell.Read2Stamp, owner, warp, lane))
                throw Report(warp, lane, offset, instruction, region, does, "read", cell.Read2Owner, cell.Read2Stamp, cell.Read2Pc);
            if (cell.NonCoherent == warp.Launch.Serial) throw Stale(warp, lane, offset, instruction, region, does, "has read", cell.NonCoherentPc);
            cell = new Cell { WriteOwner = owner, WriteStamp = stamp, WritePc = instruction.Pc, WriteAtomic = atomic };
        }
    }

    /// <summary>Whether an earlier access belongs to this launch and is not ordered before what the lane does now.</summary>
    static bool Conflicts(ulong owner, ulong stamp, ulong current, Warp warp, int lane)
    {
        if (stamp == 0 || owner >> 32 != current >> 32) return false;
        return owner != current || !warp.Block.Clocks!.Before(stamp, warp, lane);
    }

    static PtxFaultException Stale(Warp warp, int lane, ulong offset, Instruction instruction, Region region, string does, string did, int pc)
    {
        var other = warp.Launch.Program.Code[pc];
        return warp.Fault(FaultKind.NonCoherent, instruction, lane, string.Create(CultureInfo.InvariantCulture,
            $"it {does} byte {offset} of {region.Name}, which this launch {did} in line {other.Line}: {other}\n  Expected: what ld.global.nc reads is written by nobody during the launch."), region.Base + offset);
    }

    static PtxFaultException Report(Warp warp, int lane, ulong offset, Instruction instruction, Region region, string does, string did, ulong owner, ulong stamp, int pc)
    {
        var launch = warp.Launch;
        var other = launch.Program.Code[pc];
        var block = owner == warp.Block.Owner ? "the same block" : $"block {launch.Grid.At((long)(owner & uint.MaxValue))}";
        return warp.Fault(FaultKind.Race, instruction, lane, string.Create(CultureInfo.InvariantCulture,
            $"it {does} byte {offset} of {region.Name}, which thread {launch.BlockDim.At(Clocks.ThreadOf(stamp))} of {block} has {did} in line {other.Line}: {other}\n  Expected: a barrier between the two, or different addresses."),
            region.Base + offset);
    }
}
