using System;
using System.Collections.Generic;
using System.Globalization;
using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>
/// cp.async, cp.async.commit_group, cp.async.wait_group, cp.async.wait_all. A copy lands as late as its thread's waits allow: until then its bytes count as not written, for
/// everybody; from then on they are a write of that thread, which others see after a barrier only. Its source is read when it lands.
/// </summary>
static class AsyncCopyInstructions
{
    public static void Register() => InstructionSet.Add("cp", Decode);

    static Instruction Decode(Site site)
    {
        site.Expect("async");
        site.Requires(80, 7, 0);
        switch (site.TakeAny("commit_group", "wait_group", "wait_all"))
        {
            case "commit_group":
                site.Done(0);
                return new PerLane((warp, lane) => Of(warp).Commit(lane));
            case "wait_group":
                site.Done(1);
                var groups = site.Integer(site[0]);
                if (groups < 0) throw site.Refuse("a number of groups is not negative.");
                return new PerLane((warp, lane) => Of(warp).Wait(warp, lane, (int)groups));
            case "wait_all":
                site.Done(0);
                return new PerLane((warp, lane) => { Of(warp).Commit(lane); Of(warp).Wait(warp, lane, 0); });
        }
        var cacheAll = site.Expect("ca", "cg") == "ca";
        site.Expect("shared", "shared::cta");
        site.Expect("global");
        site.TakeAny("L2::64B", "L2::128B", "L2::256B");
        if (site.Count is < 3 or > 4) throw site.Refuse("cp.async has a target, a source, a size and perhaps a size of the source.");
        site.Done(site.Count);
        var size = site.Integer(site[2]);
        if (size is not (4 or 8 or 16) || !cacheAll && size != 16) throw site.Refuse(cacheAll ? "a copy has 4, 8 or 16 bytes." : "a copy of .cg has 16 bytes.");
        return new AsyncCopy(new MemoryPort(MemoryInstruction.Decode(site, site[0], StateSpace.Shared)), new MemoryPort(MemoryInstruction.Decode(site, site[1], StateSpace.Global)), (int)size, site.Count == 4 ? site.Read(3, PtxType.U32) : null);
    }

    static AsyncCopies Of(Warp warp) => warp.Copies ??= new AsyncCopies();
}

/// <summary>One cp.async: what it needs to land later.</summary>
sealed unsafe class AsyncCopy(MemoryPort to, MemoryPort from, int size, int? sourceSize) : Instruction
{
    public override void Prepare(Launch launch)
    {
        to.BelongTo(this);
        from.BelongTo(this);
    }

    public override void Execute(Warp warp, uint lanes)
    {
        for (; lanes != 0; lanes &= lanes - 1)
        {
            var lane = BitOperations.TrailingZeroCount(lanes);
            var (target, source) = (to.AddressOf(warp, lane), from.AddressOf(warp, lane));
            var bytes = sourceSize is { } at ? (int)((uint*)warp.Read(at))[lane] : size;
            if (bytes < 0 || bytes > size) throw warp.Fault(FaultKind.Unspecified, this, lane, string.Create(CultureInfo.InvariantCulture, $"it copies {bytes} bytes of a source of {size}."), source);
            if (source % (ulong)size != 0) throw warp.Fault(FaultKind.Misaligned, this, lane, string.Create(CultureInfo.InvariantCulture, $"its source is no multiple of {size}."), source);
            to.At(warp, lane, target, size, AccessKind.Write);
            to.MarkPending(warp, target, size);
            CheckSource(warp, lane, source, bytes);
            (warp.Copies ??= new AsyncCopies()).Add(lane, new PendingCopy(this, target, source, bytes));
        }
    }

    public void Land(Warp warp, int lane, PendingCopy copy)
    {
        CheckSource(warp, lane, copy.Source, copy.Bytes);
        var target = to.At(warp, lane, copy.Target, size, AccessKind.Write);
        new Span<byte>(target, size).Clear();
        for (var i = 0; i < copy.Bytes; i++) target[i] = *from.At(warp, lane, copy.Source + (ulong)i, 1, AccessKind.Read);
    }

    void CheckSource(Warp warp, int lane, ulong source, int bytes)
    {
        if (bytes == size) from.At(warp, lane, source, size, AccessKind.Read);
        else for (var i = 0; i < bytes; i++) from.At(warp, lane, source + (ulong)i, 1, AccessKind.Read);
    }
}

readonly record struct PendingCopy(AsyncCopy Copy, ulong Target, ulong Source, int Bytes);

/// <summary>The copies of a warp's lanes that have not landed: those of no group yet, and groups in order.</summary>
sealed class AsyncCopies
{
    readonly List<PendingCopy>[] open = new List<PendingCopy>[32];
    readonly Queue<List<PendingCopy>>[] groups = new Queue<List<PendingCopy>>[32];

    public void Add(int lane, PendingCopy copy) => (open[lane] ??= []).Add(copy);

    public void Commit(int lane)
    {
        (groups[lane] ??= new()).Enqueue(open[lane] ?? []);
        open[lane] = [];
    }

    /// <summary>Lands all groups but the youngest few.</summary>
    public void Wait(Warp warp, int lane, int mayRemain)
    {
        if (groups[lane] is not { } pending) return;
        while (pending.Count > mayRemain)
            foreach (var copy in pending.Dequeue()) copy.Copy.Land(warp, lane, copy);
    }
}
