using System.Collections.Generic;

namespace Graph.PtxEmulator;

/// <summary>One of the 16 barriers of a block, from its first arrival to its completion.</summary>
sealed class BarrierState(Instruction first, int expected, int warps)
{
    public Instruction First => first;
    /// <summary>Arrivals that complete it, and those so far, in threads; a warp counts as 32 even if the block ends within it.</summary>
    public int Expected => expected;
    public int Arrived;
    public readonly List<(Warp Warp, uint Lanes)> Waiting = [];
    public readonly uint[] Joined = new uint[warps];
    /// <summary>Lanes of each warp that have arrived; a warp that arrives in parts releases what it did with its last part.</summary>
    public readonly uint[] Lanes = new uint[warps];
    public uint Count;
    public bool All = true, Any;
}
