using System.Collections.Generic;

namespace Graph.PtxEmulator;

/// <summary>A thread block that runs: its warps, shared memory, barriers and the order of what its threads did.</summary>
sealed class Block
{
    public readonly Launch Launch;
    public readonly Warp[] Warps;
    public readonly Region? Shared;
    public readonly BarrierState?[] Barriers = new BarrierState?[16];
    public readonly Clocks? Clocks;
    public long Linear;
    public Dim3 Coordinates;

    public Block(Launch launch)
    {
        Launch = launch;
        var threads = (int)launch.BlockDim.Count;
        Warps = new Warp[(threads + 31) / 32];
        var bytes = launch.Program.SharedStatic + launch.DynamicShared;
        if (bytes > 0) Shared = new Region("shared memory", StateSpace.Shared, AddressSpace.Shared, bytes);
        if (launch.Strict)
        {
            Clocks = new Clocks(Warps.Length);
            if (Shared is not null) Shared.Shadow = new RaceShadow(bytes);
        }
        for (var i = 0; i < Warps.Length; i++) Warps[i] = new Warp(this, i);
    }

    public void Start(long linear)
    {
        Linear = linear;
        Coordinates = Launch.Grid.At(linear);
        Shared?.Forget();
        Shared?.Shadow?.Clear();
        Clocks?.Clear();
        System.Array.Clear(Barriers);
        foreach (var warp in Warps) warp.Start((int)Launch.BlockDim.Count);
    }

    /// <summary>Gives its memory back; it does not run again.</summary>
    public void Release()
    {
        Shared?.Release();
        foreach (var warp in Warps) warp.Release();
    }

    /// <summary>A number for this block of this launch, unlike that of any other that memory may remember.</summary>
    public ulong Owner => Launch.Serial << 32 | (ulong)Linear;

    public bool Live
    {
        get
        {
            foreach (var warp in Warps) if (warp.Live != 0) return true;
            return false;
        }
    }

    public IEnumerable<(Warp Warp, int Lane)> Threads()
    {
        foreach (var warp in Warps)
            for (var lane = 0; lane < 32; lane++)
                if ((warp.Exists >> lane & 1) != 0) yield return (warp, lane);
    }
}
