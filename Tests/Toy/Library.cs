using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Tests.Toy;

/// <summary>One launch of a library kernel: operands, shapes and strides as numbers.</summary>
sealed class LibraryCall(LibraryLaunch launch, Pointer[] pointers, Func<Dim, long> size)
{
    public AttributeMap Attributes => launch.Attributes;

    /// <summary>How many operands are inputs; results are numbered behind them.</summary>
    public int Inputs => launch.Inputs;

    public int Results => pointers.Length - Inputs;

    public Pointer this[int operand] => pointers[operand];

    readonly long[][] shapes = [.. launch.Shapes.Select(s => s.Select(size).ToArray())], strides = [.. launch.Strides.Select(s => s.Select(size).ToArray())];

    public long[] Shape(int operand) => shapes[operand];

    public long[] Strides(int operand) => strides[operand];

    /// <summary>An element of an operand, counted row by row, wherever it lies.</summary>
    public Number Element(int operand, long at)
    {
        var (shape, strides) = (Shape(operand), Strides(operand));
        long place = 0;
        for (var axis = shape.Length - 1; axis >= 0; axis--, at /= shape[axis + 1]) place += at % shape[axis] * strides[axis];
        return this[operand].Load(place);
    }

    public double Real(int operand, long at) => Element(operand, at).Real;

    /// <summary>An element that picks one of so many.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    public long Checked(int operand, long at, long below, string what) =>
        Element(operand, at).Whole is var id && id >= 0 && id < below ? id : throw new ArgumentOutOfRangeException(null, $"{what} {id} lies outside of 0 to {below - 1}.");

    public long Size(int operand) => Shape(operand).Aggregate(1L, (x, y) => x * y);

    public long Evaluate(Dim dim) => size(dim);

    /// <summary>The extents before, along and behind the attribute <c>axis</c> of an operand.</summary>
    public (long Outer, long Extent, long Inner) Around(int operand)
    {
        var shape = Shape(operand);
        var axis = (int)Attributes.Int("axis", -1);
        if (axis < 0) axis += Shape(0).Length;
        return (shape.Take(axis).Aggregate(1L, (x, y) => x * y), shape[axis], shape.Skip(axis + 1).Aggregate(1L, (x, y) => x * y));
    }

    /// <summary>A height and a width: one number for both, or two.</summary>
    public (long Height, long Width) Pair(string name, int fallback) => Attributes.Ints(name) switch
    {
        [] => (fallback, fallback),
        [var both] => (both, both),
        [var height, var width] => (height, width),
        var more => throw new NotSupportedException($"{launch.Operation} has {more.Length} numbers for {name}."),
    };
}

/// <summary>The toy's own kernels of library operations, by their names in the kernel values.</summary>
static partial class Library
{
    static readonly Dictionary<string, Action<LibraryCall>> Kernels = new(StringComparer.Ordinal)
    {
        ["max_pool2d"] = MaxPool, ["max_pool2d_grad"] = MaxPoolGradient, ["avg_pool2d"] = AveragePool, ["avg_pool2d_grad"] = AveragePoolGradient,
        ["embedding"] = Embedding, ["embedding_grad"] = EmbeddingGradient, ["gather"] = Gather, ["gather_grad"] = GatherGradient, ["check_index"] = CheckIndex,
        ["pad"] = Pad, ["placed"] = Place, ["cumsum"] = CumSum, ["sort"] = Sort,
    };

    /// <summary>Runs a launch.</summary>
    /// <exception cref="NotSupportedException">The toy has no kernel for the operation.</exception>
    public static void Run(LibraryLaunch launch, Pointer[] pointers, Func<Dim, long> size)
    {
        if (!Kernels.TryGetValue(launch.Operation, out var kernel)) throw new NotSupportedException($"The toy has no kernel for the operation {launch.Operation}.");
        kernel(new(launch, pointers, size));
    }
}
