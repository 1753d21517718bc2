using System;
using System.Globalization;
using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>bar and barrier (of a block, with id and count), bar.warp.sync, membar and fence.</summary>
static class Barriers
{
    public static void Register()
    {
        InstructionSet.Add("bar", site => site.Next == "warp" ? WarpBarrier(site) : Barrier(site, aligned: true));
        InstructionSet.Add("barrier", site => Barrier(site, aligned: false));
        InstructionSet.Add("membar", site => { site.Expect("cta", "gl", "sys"); return Fence(site); });
        InstructionSet.Add("fence", site => { site.TakeAny("sc", "acq_rel"); site.Expect("cta", "gpu", "sys"); return Fence(site); });
    }

    /// <summary>A fence orders a thread's own accesses, which the emulator never reorders; it synchronises with nobody.</summary>
    static Instruction Fence(Site site)
    {
        site.Done(0);
        return new OfWarp((_, _) => { });
    }

    static Instruction WarpBarrier(Site site)
    {
        site.Take("warp");
        site.Expect("sync");
        site.Done(1);
        return new WarpBarrierInstruction(site.Read(0, PtxType.U32));
    }

    sealed unsafe class WarpBarrierInstruction(int mask) : Collective
    {
        public override uint Members(Warp warp, int lane) => ((uint*)warp.Read(mask))[lane];
        public override bool Meets(Collective other) => other is WarpBarrierInstruction;
        public override void Execute(Warp warp, uint lanes) => warp.Block.Clocks?.Meet(warp, lanes);
    }

    static Instruction Barrier(Site site, bool aligned)
    {
        site.TakeAny("cta");
        var what = site.Expect("sync", "arrive", "red");
        var combine = what == "red" ? site.Expect("popc", "and", "or") : null;
        if (site.Take("aligned")) aligned = true;
        if (combine is not null) site.TakeType(combine == "popc" ? PtxType.U32 : PtxType.Pred);
        var first = combine is null ? 0 : 1;
        if (site.Count > first && site[first] is ImmediateOperand { Bits: > 15 }) throw site.Refuse("there are barriers 0 to 15.");
        if (site.Count > first + 1 && site[first + 1] is ImmediateOperand { Bits: var threads } && threads % 32 != 0) throw site.Refuse("a barrier's number of threads is a multiple of 32.");
        if (combine is null)
        {
            if (site.Count is < 1 or > 2) throw site.Refuse("a barrier has an id and perhaps a count.");
            if (what == "arrive" && site.Count != 2) throw site.Refuse("arrive states the count.");
            site.Done(site.Count);
            return new BlockBarrier(aligned, what == "arrive", null, site.Read(0, PtxType.U32), site.Count == 2 ? site.Read(1, PtxType.U32) : null, 0, -1, false);
        }
        if (site.Count is < 3 or > 4) throw site.Refuse("bar.red has a result, an id, perhaps a count, and a predicate.");
        site.Done(site.Count);
        var d = combine == "popc" ? site.Write(0, PtxType.U32) : site.WritePredicate(site[0]);
        var (p, negated) = site.ReadPredicateOrNot(site[site.Count - 1]);
        return new BlockBarrier(aligned, false, combine, site.Read(1, PtxType.U32), site.Count == 4 ? site.Read(2, PtxType.U32) : null, d, p, negated);
    }

    /// <summary>An arrival at a barrier of the block. The lanes of a warp come together first if it is aligned; then the warp waits until enough have arrived.</summary>
    sealed unsafe class BlockBarrier(bool aligned, bool arriveOnly, string? combine, int id, int? count, int result, int predicate, bool negated) : Collective
    {
        public override bool Aligned => aligned;
        public override uint Members(Warp warp, int lane) => aligned ? warp.Exists : 1u << lane;

        public override void Execute(Warp warp, uint lanes)
        {
            var lane = BitOperations.TrailingZeroCount(lanes);
            var block = warp.Block;
            var number = Uniform(warp, lanes, id, "barrier");
            if (number > 15) throw warp.Fault(FaultKind.Unspecified, this, lane, string.Create(CultureInfo.InvariantCulture, $"barrier {number} does not exist; there are 0 to 15."));
            var all = 32 * block.Warps.Length;
            var expected = count is { } at ? (int)Uniform(warp, lanes, at, "count") : all;
            if (expected <= 0 || expected % 32 != 0) throw warp.Fault(FaultKind.Unspecified, this, lane, string.Create(CultureInfo.InvariantCulture, $"a barrier of {expected} threads: the count is a multiple of 32."));
            if (expected > all) throw warp.Fault(FaultKind.Deadlock, this, lane, string.Create(CultureInfo.InvariantCulture, $"a barrier of {expected} threads can never complete in a block of {all}."));
            var barrier = block.Barriers[number] ??= new BarrierState(this, expected, block.Warps.Length);
            if (barrier.Expected != expected) throw warp.Fault(FaultKind.Unspecified, this, lane, string.Create(CultureInfo.InvariantCulture, $"it states {expected} threads where others wait at barrier {number} for {barrier.Expected} (line {barrier.First.Line})."));
            if ((barrier.Lanes[warp.Index] & lanes) != 0) throw warp.Fault(FaultKind.Unspecified, this, lane, string.Create(CultureInfo.InvariantCulture, $"it arrives at barrier {number} again before that has completed."));
            barrier.Lanes[warp.Index] |= lanes;
            var complete = barrier.Lanes[warp.Index] == warp.Exists;
            // Lanes that were never launched count, so that the last warp of a block weighs 32 as the others do.
            barrier.Arrived += BitOperations.PopCount(lanes) + (complete ? 32 - BitOperations.PopCount(warp.Exists) : 0);
            if (complete && block.Clocks is { } clocks) clocks.Release(warp, barrier.Joined);
            if (combine is not null)
                for (var m = lanes; m != 0; m &= m - 1)
                {
                    var holds = (warp.P[predicate] >> BitOperations.TrailingZeroCount(m) & 1) != 0 != negated;
                    barrier.Count += holds ? 1u : 0;
                    barrier.All &= holds;
                    barrier.Any |= holds;
                }
            if (!arriveOnly)
            {
                barrier.Waiting.Add((warp, lanes));
                warp.Ready &= ~lanes;
                warp.AtBarrier |= lanes;
                for (var m = lanes; m != 0; m &= m - 1) warp.BarrierAwaited[BitOperations.TrailingZeroCount(m)] = (int)number;
            }
            if (barrier.Arrived >= barrier.Expected) Complete(warp, lane, barrier, (int)number);
        }

        void Complete(Warp last, int lane, BarrierState barrier, int number)
        {
            var block = last.Block;
            block.Barriers[number] = null;
            foreach (var warp in block.Warps)
                if (barrier.Lanes[warp.Index] != 0 && barrier.Lanes[warp.Index] != warp.Exists)
                    throw last.Fault(FaultKind.DivergentWarp, this, lane, string.Create(CultureInfo.InvariantCulture, $"barrier {number} completes with a part of warp {warp.Index} only (lanes 0x{barrier.Lanes[warp.Index]:x8}), which is not modelled.\n  Expected: whole warps arrive."));
            foreach (var (warp, lanes) in barrier.Waiting)
            {
                warp.AtBarrier &= ~lanes;
                warp.Ready |= lanes;
                block.Clocks?.Acquire(warp, barrier.Joined);
                if (combine is null) continue;
                if (combine == "popc")
                    for (var m = lanes; m != 0; m &= m - 1) ((uint*)warp.Write(result))[BitOperations.TrailingZeroCount(m)] = barrier.Count;
                else if (result >= 0) warp.P[result] = (combine == "and" ? barrier.All : barrier.Any) ? warp.P[result] | lanes : warp.P[result] & ~lanes;
            }
        }

        uint Uniform(Warp warp, uint lanes, int operand, string what)
        {
            var values = (uint*)warp.Read(operand);
            var first = values[BitOperations.TrailingZeroCount(lanes)];
            for (var m = lanes; m != 0; m &= m - 1)
                if (values[BitOperations.TrailingZeroCount(m)] != first)
                    throw warp.Fault(FaultKind.DivergentWarp, this, BitOperations.TrailingZeroCount(m), string.Create(CultureInfo.InvariantCulture, $"lanes of one warp name a different {what}: {values[BitOperations.TrailingZeroCount(m)]} and {first}."));
            return first;
        }
    }
}
