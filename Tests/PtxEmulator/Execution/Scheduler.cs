using System;
using System.Collections.Generic;
using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>Decides which lanes of which warp of which block run next, and for how long; by a seed, so that an order that fails can be repeated.</summary>
sealed class Scheduler(Launch launch)
{
    ulong state = launch.Options.Seed * 0x9E3779B97F4A7C15UL + 0xD1B54A32D192ED03UL;
    readonly Executor executor = new(launch);
    readonly List<Block> resident = [];
    readonly Stack<Block> idle = new();
    readonly List<Block> made = [];

    ulong Random()
    {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state * 0x2545F4914F6CDD1DUL;
    }

    int Random(int below) => (int)((Random() >> 33) % (uint)below);

    public LaunchStatistics Run()
    {
        try { return RunBlocks(); }
        finally { foreach (var block in made) block.Release(); }
    }

    LaunchStatistics RunBlocks()
    {
        foreach (var instruction in launch.Program.Code) instruction.Prepare(launch);
        var only = launch.Options.Only;
        var blocks = only?.Count ?? launch.Grid.Count;
        if (blocks == 0) return new LaunchStatistics(0, 0, launch.Program.OrderDependent, launch.Program.Approximate);
        var most = launch.Strict ? Math.Max(1, launch.Options.ResidentBlocks) : 1;
        // A walk over all blocks in an order of the seed's: start and stride, the stride prime to their number.
        var stride = launch.Options.Seed == 0 ? 1 : 1 + (long)(Random() % (ulong)blocks);
        while (Gcd(stride, blocks) != 1) stride++;
        var next = launch.Options.Seed == 0 ? 0 : (long)(Random() % (ulong)blocks);
        long started = 0;
        while (true)
        {
            while (resident.Count < most && started < blocks)
            {
                var block = idle.Count > 0 ? idle.Pop() : Make();
                block.Start(only is null ? next : only[(int)next]);
                resident.Add(block);
                next = (long)(((UInt128)next + (UInt128)stride) % (UInt128)blocks);
                started++;
            }
            if (resident.Count == 0) break;
            var chosen = resident[resident.Count == 1 ? 0 : Random(resident.Count)];
            if (!Step(chosen))
            {
                if (chosen.Live) throw Stuck.Explain(chosen);
                Stuck.CheckEnd(chosen);
                resident.Remove(chosen);
                idle.Push(chosen);
            }
        }
        return new LaunchStatistics(executor.Executed, blocks, launch.Program.OrderDependent, launch.Program.Approximate);
    }

    Block Make()
    {
        var block = new Block(launch);
        made.Add(block);
        return block;
    }

    static long Gcd(long a, long b) => b == 0 ? a : Gcd(b, a % b);

    /// <summary>Lets some lanes of the block go on; false if none can.</summary>
    bool Step(Block block)
    {
        var warps = block.Warps;
        var first = Random(warps.Length);
        for (var i = 0; i < warps.Length; i++)
        {
            var warp = warps[(first + i) % warps.Length];
            if (warp.Ready == 0) continue;
            if (launch.Strict) Adversarially(warp); else Together(warp);
            return true;
        }
        return false;
    }

    /// <summary>The lanes that stand lowest, until they meet those further on: code in order of its lines comes together again after each branch.</summary>
    void Together(Warp warp)
    {
        var (lowest, lanes, next) = (int.MaxValue, 0u, int.MaxValue);
        for (var m = warp.Ready; m != 0; m &= m - 1)
        {
            var lane = BitOperations.TrailingZeroCount(m);
            var pc = warp.Pc[lane];
            if (pc < lowest) (next, lowest, lanes) = (lowest, pc, 1u << lane);
            else if (pc == lowest) lanes |= 1u << lane;
            else next = Math.Min(next, pc);
        }
        executor.Run(warp, lanes, lowest, long.MaxValue, next);
    }

    void Adversarially(Warp warp)
    {
        var draw = Random();
        // A lane at random, and with it those that stand at the same instruction: mostly all of them, sometimes some, sometimes it alone.
        var nth = (int)(draw & 0x3F) % BitOperations.PopCount(warp.Ready);
        var rest = warp.Ready;
        while (nth-- > 0) rest &= rest - 1;
        var chosen = BitOperations.TrailingZeroCount(rest);
        var pc = warp.Pc[chosen];
        uint lanes = 0;
        for (var m = warp.Ready; m != 0; m &= m - 1)
        {
            var lane = BitOperations.TrailingZeroCount(m);
            if (warp.Pc[lane] == pc) lanes |= 1u << lane;
        }
        var how = draw >> 8 & 0xF;
        if (how == 0) lanes = 1u << chosen;
        else if (how <= 2) lanes &= (uint)(draw >> 32) | 1u << chosen;
        var quantum = how <= 2 ? 1 + (long)(draw >> 16 & 0x1F) : 1 + (long)(draw >> 16 & 0xFF);
        executor.Run(warp, lanes, pc, quantum, int.MaxValue);
    }
}
