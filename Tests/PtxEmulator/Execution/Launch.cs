using System.Collections.Generic;
using System.Globalization;

namespace Graph.PtxEmulator;

/// <summary>How a launch is executed.</summary>
public sealed record LaunchOptions
{
    /// <summary>Strict: races are looked for, lanes of a warp diverge and blocks interleave by the seed. Otherwise warps run as far as they can, lanes together.</summary>
    public bool Strict { get; init; } = true;
    /// <summary>Chooses the order of blocks, warps and lanes.</summary>
    public ulong Seed { get; init; } = 1;
    /// <summary>Instructions (of a lane) after which a launch counts as hanging.</summary>
    public long InstructionLimit { get; init; } = 20_000_000_000;
    /// <summary>Error of <c>.approx</c> instructions in units of the documented bound, drawn from the argument's bits: 0 gives the exact result rounded, 1 anything up to the bound.</summary>
    public double ApproximationError { get; init; }
    /// <summary>The numbers of the blocks that run, each once; null for all: a grid may be far larger than what a test looks at.</summary>
    public IReadOnlyList<long>? Only { get; init; }
    /// <summary>Blocks that run interleaved in strict mode.</summary>
    public int ResidentBlocks { get; init; } = 3;
}

/// <summary>What a launch did.</summary>
public readonly record struct LaunchStatistics(ulong Instructions, long Blocks, bool OrderDependent, bool Approximate);

/// <summary>One launch of a kernel while it runs.</summary>
sealed class Launch(Program program, DeviceMemory memory, Dim3 grid, Dim3 block, int dynamicShared, Region? parameters, ulong serial, LaunchOptions options)
{
    public Program Program => program;
    public DeviceMemory Memory => memory;
    public Dim3 Grid => grid;
    public Dim3 BlockDim => block;
    public int DynamicShared => dynamicShared;
    public Region? Parameters => parameters;
    public ulong Serial => serial;
    public LaunchOptions Options => options;
    public bool Strict { get; } = options.Strict;

    /// <summary>What a driver would refuse.</summary>
    public void Check(int sharedLimit)
    {
        var function = program.Function;
        if (grid.Count <= 0 || grid.X < 1 || grid.Y is < 1 or > 65535 || grid.Z is < 1 or > 65535) throw Refused($"a grid of {grid} blocks: only the first extent may exceed 65,535, and none be 0");
        if (block.X is < 1 or > 1024 || block.Y is < 1 or > 1024 || block.Z is < 1 or > 64 || block.Count > 1024) throw Refused($"a block of {block} threads: at most 1,024, and 64 in the third dimension");
        if (function.RequiredThreads is { } required && new Dim3(required.X, required.Y, required.Z) != block) throw Refused($"a block of {block} threads where .reqntid says ({required.X}, {required.Y}, {required.Z})");
        if (function.MaxThreads is { } most && block.Count > (long)most.X * most.Y * most.Z) throw Refused($"a block of {block} threads where .maxntid allows {most.X * most.Y * most.Z}");
        // From version 8.1 on and on sm_70 parameters may be larger; nothing here needs that.
        if (program.EntryBytes > 4352) throw Refused($"{program.EntryBytes} bytes of parameters, of which there may be 4,352");
        var shared = program.SharedStatic + dynamicShared;
        if (program.SharedStatic > 48 * 1024) throw Refused($"{program.SharedStatic} bytes of static shared memory: above 49,152 it has to be dynamic");
        if (shared > sharedLimit) throw Refused(string.Create(CultureInfo.InvariantCulture, $"{shared} bytes of shared memory where the target has {sharedLimit} a block"));
    }

    PtxFaultException Refused(string what) => new(new Fault(FaultKind.Launch, program.Name, 0, "", null, null, null, "The launch is refused: " + what + "."));
}
