using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// How a block of threads cuts a product for tensor cores: its tile of the result, each warp's part of it, and how many stages of both operands lie in its memory. Which one a shape gets, a model of cycles says that knows no card: the same on all of
/// them, so a model has the same kernels everywhere. No tile changes in which steps of 16 an element is added up.
/// </summary>
/// <param name="Rows">Rows of a block.</param>
/// <param name="Columns">Columns of a block.</param>
/// <param name="WarpRows">Rows of a warp: a multiple of 16.</param>
/// <param name="WarpColumns">Columns of a warp: a multiple of 16.</param>
/// <param name="Stages">Stages: all but one are on their way while one is multiplied.</param>
/// <param name="Resident">How many blocks a multiprocessor shall have room for, which bounds the registers of a thread.</param>
public sealed record PtxTensorTile(int Rows, int Columns, int WarpRows, int WarpColumns, int Stages, int Resident)
{
    /// <summary>Steps of the summed extent in a stage; those of one instruction; bytes of an element.</summary>
    public const int Step = 32, Instruction = 16, Element = 2;

    /// <summary>What every card since Ampere has for a block.</summary>
    public const int MostShared = 99 * 1024;

    /// <summary>Lines of a warp's part that are finished at once, and by how many numbers their rows lie further apart, so that neighbouring ones lie in different banks.</summary>
    internal const int FinishedRows = 16, FinishedPad = 8;

    /// <summary>The tiles that there are: large ones first, then those for few rows and for few columns.</summary>
    public static ImmutableArray<PtxTensorTile> Table { get; } =
    [
        new(128, 256, 64, 64, Stages: 4, Resident: 1), new(128, 128, 64, 64, Stages: 3, Resident: 2), new(64, 64, 32, 32, Stages: 4, Resident: 4),
        new(16, 64, 16, 16, Stages: 6, Resident: 4), new(64, 16, 16, 16, Stages: 6, Resident: 4),
    ];

    /// <summary>Warps of a block, over its rows and columns.</summary>
    public int WarpsDown => Rows / WarpRows;

    /// <inheritdoc cref="WarpsDown"/>
    public int WarpsAcross => Columns / WarpColumns;

    public int Threads => 32 * WarpsDown * WarpsAcross;

    public int StageBytes => (Rows + Columns) * Step * Element;

    internal int FinishedPitch => WarpColumns + FinishedPad;

    /// <summary>What a warp finishes at once, in float32.</summary>
    internal int FinishedBytes => FinishedRows * FinishedPitch * sizeof(float);

    /// <summary>Shared memory of a block: the stages, and afterwards what warps finish.</summary>
    public int SharedBytes => Math.Max(Stages * StageBytes, WarpsDown * WarpsAcross * FinishedBytes);

    /// <summary>Multiply-adds for each byte that a block reads: what its tile allows at most, wherever the operands lie.</summary>
    public double Intensity => Rows * (double)Columns / ((Rows + Columns) * Element);

    public string Name => FormattableString.Invariant($"{Rows}x{Columns}");

    /// <summary>The tile that a product takes the fewest cycles with.</summary>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns.</param>
    /// <param name="k">The summed extent of a block: of its slice, where sums are cut.</param>
    /// <param name="count">Matrices, or slices.</param>
    /// <param name="among">The tiles to choose from.</param>
    public static PtxTensorTile Choose(long m, long n, long k, long count, IEnumerable<PtxTensorTile> among) => among.OrderBy(t => t.Cycles(m, n, k, count)).First();

    // Of a card as they are: 128 multiprocessors, each of which does 1,024 multiply-adds and fetches 64 bytes a cycle. A stage costs 30 cycles beside that; filling and emptying, and 4 bytes an element of the result, come once a block.
    const long Multiprocessors = 128, MultiplyAdds = 1024, Fetched = 64, OfStage = 30, OfBlock = 800;

    /// <summary>About how many cycles a product takes.</summary>
    public long Cycles(long m, long n, long k, long count)
    {
        var waves = Parts(Parts(m, Rows) * Parts(n, Columns) * count, Multiprocessors);
        var stage = Math.Max((long)Rows * Columns * Step / MultiplyAdds, StageBytes / Fetched) + OfStage;
        return waves * (Parts(k, Step) * stage + OfBlock + 4L * Rows * Columns / Fetched);
    }

    static long Parts(long extent, long part) => (extent + part - 1) / part;
}
