using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Graph.PtxEmulator;

/// <summary>Says why no thread of a block can go on.</summary>
static class Stuck
{
    public static PtxFaultException Explain(Block block)
    {
        var code = block.Launch.Program.Code;
        foreach (var warp in block.Warps)
            for (var lane = 0; lane < 32; lane++)
            {
                if ((warp.AtCollective >> lane & 1) == 0) continue;
                var instruction = code[warp.Pc[lane]];
                var missing = Enumerable.Range(0, 32).Where(other => (warp.MembersAwaited[lane] >> other & 1) != 0
                    && !((warp.AtCollective >> other & 1) != 0 && warp.Pc[other] == warp.Pc[lane] && warp.MembersAwaited[other] == warp.MembersAwaited[lane])).ToList();
                var what = missing.Count == 0 ? "its members wait with different masks" : $"it waits for lane {missing[0]}, which {Whereabouts(block, warp, missing[0])}";
                return warp.Fault(FaultKind.DivergentWarp, instruction, lane, $"{what}.\n  Expected: {(((Collective)instruction).Aligned ? "all lanes of the warp" : "all lanes of its member mask")} execute this instruction together.");
            }
        foreach (var warp in block.Warps)
            for (var lane = 0; lane < 32; lane++)
            {
                if ((warp.AtBarrier >> lane & 1) == 0) continue;
                var barrier = block.Barriers[warp.BarrierAwaited[lane]]!;
                var absent = block.Threads().Where(t => !((t.Warp.AtBarrier >> t.Lane & 1) != 0 && t.Warp.BarrierAwaited[t.Lane] == warp.BarrierAwaited[lane])).ToList();
                var ended = absent.Where(t => (t.Warp.Live >> t.Lane & 1) == 0).ToList();
                var one = ended.Count > 0 ? ended[0] : absent.FirstOrDefault();
                var who = one.Warp is null ? "" : $"; thread {one.Warp.Thread(one.Lane)} {Whereabouts(block, one.Warp, one.Lane)}";
                return warp.Fault(ended.Count > 0 ? FaultKind.MissingBarrier : FaultKind.Deadlock, code[warp.Pc[lane] - 1], lane,
                    string.Create(CultureInfo.InvariantCulture, $"it waits at barrier {warp.BarrierAwaited[lane]}, where {barrier.Arrived} of {barrier.Expected} threads have arrived{who}."));
            }
        throw new System.InvalidOperationException("No thread runs and none waits.");
    }

    static string Whereabouts(Block block, Warp warp, int lane)
    {
        if ((warp.Exists >> lane & 1) == 0) return "was never launched";
        if ((warp.Live >> lane & 1) == 0) return "has ended";
        var code = block.Launch.Program.Code;
        if ((warp.AtCollective >> lane & 1) != 0) return $"waits in line {code[warp.Pc[lane]].Line}: {code[warp.Pc[lane]]}";
        return (warp.AtBarrier >> lane & 1) != 0 ? $"waits at barrier {warp.BarrierAwaited[lane]} in line {code[warp.Pc[lane] - 1].Line}" : "can go on";
    }

    /// <summary>A block has ended: nobody may have arrived at a barrier that never completed.</summary>
    public static void CheckEnd(Block block)
    {
        for (var id = 0; id < block.Barriers.Length; id++)
            if (block.Barriers[id] is { } barrier)
                throw block.Warps[0].Fault(FaultKind.MissingBarrier, barrier.First, 0, string.Create(CultureInfo.InvariantCulture, $"the block has ended while barrier {id} had {barrier.Arrived} of {barrier.Expected} arrivals."));
    }
}
