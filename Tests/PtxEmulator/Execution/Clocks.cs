using System;

namespace Graph.PtxEmulator;

/// <summary>
/// What is known to have happened before what within a block. A barrier of the block orders whole warps: each warp counts its arrivals (a release of everything that its lanes
/// did), and remembers for every other warp which count it has learnt of. Within a warp, <c>bar.warp.sync</c> does the same for lanes.
/// </summary>
sealed class Clocks(int warps)
{
    readonly uint[] released = new uint[warps];
    readonly uint[] known = new uint[warps * warps];
    readonly uint[] laneReleased = new uint[warps * 32];
    readonly uint[] laneKnown = new uint[warps * 32 * 32];

    public void Clear()
    {
        Array.Clear(released);
        Array.Clear(known);
        Array.Clear(laneReleased);
        Array.Clear(laneKnown);
    }

    /// <summary>The moment of a lane's access: (thread, arrivals of its warp, arrivals of the lane at barriers of the warp).</summary>
    public ulong Stamp(Warp warp, int lane)
        => (ulong)(warp.FirstThread + lane + 1) << 53 | (ulong)(released[warp.Index] & 0x7FFFFFF) << 26 | laneReleased[warp.FirstThread + lane] & 0x3FFFFFF;

    public static int ThreadOf(ulong stamp) => (int)(stamp >> 53) - 1;

    /// <summary>Whether an earlier moment of this block is ordered before what the lane does now.</summary>
    public bool Before(ulong stamp, Warp warp, int lane)
    {
        var thread = ThreadOf(stamp);
        if (thread == warp.FirstThread + lane) return true;
        var other = thread >> 5;
        if (known[warp.Index * warps + other] > ((uint)(stamp >> 26) & 0x7FFFFFF)) return true;
        return other == warp.Index && laneKnown[(warp.FirstThread + lane) * 32 + (thread & 31)] > (uint)(stamp & 0x3FFFFFF);
    }

    /// <summary>A warp arrives at a barrier: what it did and knows goes into <paramref name="joined"/>.</summary>
    public void Release(Warp warp, uint[] joined)
    {
        var row = known.AsSpan(warp.Index * warps, warps);
        for (var i = 0; i < warps; i++) joined[i] = Math.Max(joined[i], row[i]);
        joined[warp.Index] = ++released[warp.Index];
    }

    public void Acquire(Warp warp, uint[] joined)
    {
        var row = known.AsSpan(warp.Index * warps, warps);
        for (var i = 0; i < warps; i++) row[i] = Math.Max(joined[i], row[i]);
    }

    /// <summary>Lanes of a warp meet at <c>bar.warp.sync</c>.</summary>
    public void Meet(Warp warp, uint lanes)
    {
        Span<uint> joined = stackalloc uint[32];
        joined.Clear();
        for (var lane = 0; lane < 32; lane++)
            if ((lanes >> lane & 1) != 0)
            {
                var row = laneKnown.AsSpan((warp.FirstThread + lane) * 32, 32);
                for (var i = 0; i < 32; i++) joined[i] = Math.Max(joined[i], row[i]);
                joined[lane] = Math.Max(joined[lane], ++laneReleased[warp.FirstThread + lane]);
            }
        for (var lane = 0; lane < 32; lane++)
            if ((lanes >> lane & 1) != 0) joined.CopyTo(laneKnown.AsSpan((warp.FirstThread + lane) * 32, 32));
    }
}
