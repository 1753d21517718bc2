using System.Collections.Generic;
using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Lowering;

/// <summary>What a kernel shall compute: primitive nodes between placed inputs and placed outputs.</summary>
/// <param name="Nodes">Elementwise, reduce and index-compatible view nodes, in order.</param>
/// <param name="Inputs">Values that come from memory, with where they lie; only those that are read become operands.</param>
/// <param name="Outputs">Values to be written and where.</param>
public sealed record KernelSpec(ImmutableArray<Node> Nodes, ImmutableArray<(Value Value, Placement Place)> Inputs, ImmutableArray<(Value Value, Placement Place)> Outputs)
{
    /// <summary>For epilogues: the value that the tile holds. Its last two axes (its last two or more, for a convolution's map) are the tile's.</summary>
    public Value? TileInput { get; init; }

    /// <summary>For prologues: the value that fills the tile.</summary>
    public Value? TileOutput { get; init; }

    /// <summary>For tiles: their rows are the value's columns.</summary>
    public bool Transposed { get; init; }

    /// <summary>For tiles: at which axis of the tile value rows and columns begin.</summary>
    public int RowAxis { get; init; }

    /// <summary>For tiles: at which axis of the tile value the columns begin.</summary>
    public int ColumnAxis { get; init; }

    /// <summary>Cuts the reduction into so many parts, whose results the outputs hold along their leading axis; 0 for a whole one.</summary>
    public int Parts { get; init; }

    /// <summary>Values of one shape that run along the same axes although no node combines them; default when there are none.</summary>
    public ImmutableArray<Value> Alike { get; init; }

    /// <summary>Keeps constant sizes of axes out of the kernel's text, so that launches over tensors of different sizes share it.</summary>
    public bool AnySize { get; init; }
}

/// <summary>A kernel and what a launch of it needs.</summary>
public sealed record BuiltKernel(
    LoopKernel Kernel, ImmutableArray<Operand> Operands, ImmutableArray<InPlace> InPlace, ImmutableArray<Dim> Dims, Dim Extent, Dim Grain, Dim ScratchBytes, Dim Flops, Dim Traffic);

/// <summary>
/// Numbers the sizes of a launch. Only what shapes the code stays in the kernel: strides of 0 and 1 and rows too short for vectors. Everything else is an argument, so that layers
/// of different sizes share their kernels.
/// </summary>
/// <param name="shortRow">Rows up to this length are part of the kernel.</param>
public sealed class DimTable(int shortRow)
{
    readonly ImmutableArray<Dim>.Builder dims = ImmutableArray.CreateBuilder<Dim>();
    readonly Dictionary<(Dim, bool), int> numbers = [];

    public ImmutableArray<Dim> Dims => dims.ToImmutable();

    /// <summary>A size or stride that stays in the text when it is 0 or 1; an argument of its own otherwise, so that kernels of all sizes are one.</summary>
    public Extent Fixed(Dim dim) => dim.TryConstant(out var value) && value is 0 or 1 ? Extent.Of(value) : Argument(dim);

    /// <summary>An argument of its own for a size, constant or not.</summary>
    public Extent Argument(Dim dim)
    {
        dims.Add(dim);
        return Extent.Argument(dims.Count - 1);
    }

    /// <summary>A size: sizes and strides that happen to be equal are told apart, for they are not equal in the next layer.</summary>
    public Extent Size(Dim dim) => dim.TryConstant(out var value) && value <= shortRow ? Extent.Of(value) : Number(dim, stride: false);

    public Extent Stride(Dim dim) => dim.TryConstant(out var value) && value is 0 or 1 ? Extent.Of(value) : Number(dim, stride: true);

    Extent Number(Dim dim, bool stride)
    {
        if (!numbers.TryGetValue((dim, stride), out var index))
        {
            numbers.Add((dim, stride), index = dims.Count);
            dims.Add(dim);
        }
        return Extent.Argument(index);
    }
}
