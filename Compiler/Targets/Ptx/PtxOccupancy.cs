using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>How many warps of a kernel a multiprocessor holds at once, and what keeps it from more.</summary>
/// <param name="Warps">Resident warps.</param>
/// <param name="Share">Of the most that there may be.</param>
/// <param name="Limiter"><c>registers</c>, <c>shared memory</c>, <c>blocks</c> or <c>warps</c>.</param>
public sealed record PtxOccupancy(int Warps, double Share, string Limiter)
{
    const int Registers = 65536, RegisterUnit = 256, WarpUnit = 4;

    // Of the compute capabilities: warps, blocks and bytes of shared memory of a multiprocessor, in which pieces of bytes, and what the system takes of each block (CUDA C++ Programming Guide, table 21).
    static readonly Dictionary<int, (int Warps, int Blocks, int SharedBytes, int SharedUnit, int Reserved)> cards = new()
    {
        [70] = (64, 32, 98304, 256, 0), [75] = (32, 16, 65536, 256, 0), [80] = (64, 32, 167936, 128, 1024), [86] = (48, 16, 102400, 128, 1024), [89] = (48, 24, 102400, 128, 1024), [90] = (64, 32, 233472, 128, 1024),
    };

    /// <summary>By NVIDIA's published formulas.</summary>
    /// <param name="sm">The compute capability: 80 for 8.0.</param>
    /// <param name="registers">Of a thread.</param>
    /// <param name="threads">Of a block.</param>
    /// <param name="sharedBytes">Of a block.</param>
    /// <exception cref="ArgumentOutOfRangeException">The card is none of those that are known.</exception>
    public static PtxOccupancy Of(int sm, int registers, int threads, int sharedBytes)
    {
        if (!cards.TryGetValue(sm, out var card)) throw new ArgumentOutOfRangeException(nameof(sm), sm, $"Occupancy is known for {string.Join(", ", cards.Keys.OrderBy(k => k))}.");
        var warps = Up(threads, 32) / 32;
        var ofRegisters = Registers / Up(Math.Max(registers, 1) * 32, RegisterUnit) / WarpUnit * WarpUnit / warps;
        var ofShared = sharedBytes + card.Reserved == 0 ? int.MaxValue : card.SharedBytes / Up(sharedBytes + card.Reserved, card.SharedUnit);
        (int Blocks, string Limiter)[] limits = [(card.Warps / warps, "warps"), (card.Blocks, "blocks"), (ofRegisters, "registers"), (ofShared, "shared memory")];
        var least = limits.OrderBy(l => l.Blocks).First();
        return new(least.Blocks * warps, least.Blocks * warps / (double)card.Warps, least.Limiter);
    }

    static int Up(int value, int unit) => (value + unit - 1) / unit * unit;
}
