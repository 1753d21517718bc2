using System;
using System.Collections.Generic;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Cpu;

/// <summary>One launch of a library kernel while its launch table is made: what the kernel is told of operands, sizes and attributes, all sizes being numbers by now.</summary>
/// <param name="operation">The operation's name.</param>
/// <param name="attributes">Its attributes.</param>
/// <param name="inputs">How many operands the node has; results are numbered behind them.</param>
/// <param name="shapes">The shape of each operand.</param>
/// <param name="strides">The strides of each.</param>
abstract unsafe class LibraryCall(string operation, AttributeMap attributes, int inputs, long[][] shapes, long[][] strides)
{
    public AttributeMap Attributes { get; } = attributes;

    /// <summary>How many operands the node has; results are numbered behind them.</summary>
    public int Inputs { get; } = inputs;

    /// <summary>How many results there are.</summary>
    public int Results => shapes.Length - Inputs;

    /// <summary>Memory of the launch table, zeroed, that lives as long as the table.</summary>
    public abstract T* Take<T>(int count = 1) where T : unmanaged;

    /// <summary>So many bytes of scratch memory for each worker, page aligned, while the kernel runs; indexed by worker.</summary>
    public abstract float** Scratch(long bytes);

    /// <summary>Writes the operand's address to a slot of the table, now or, for the caller's memory, at each call.</summary>
    public abstract void Resolve(int operand, void** slot);

    /// <summary>What the launch runs.</summary>
    public abstract void Run(delegate*<WorkerPool, void*, void> kernel, void* call);

    public abstract DType Type(int operand);

    public long[] Shape(int operand) => shapes[operand];

    /// <summary>In elements; those of a dense operand unless the operation calls it strided.</summary>
    public long[] Strides(int operand) => strides[operand];

    /// <summary>The attribute of that name, which is one size.</summary>
    public long Size(string name) => Attributes.Dims(name)[0].Constant;

    /// <summary>The axis of the attribute <c>axis</c>, counted from the start.</summary>
    public int Axis => Attributes.Int("axis", -1) is var axis && axis < 0 ? (int)axis + shapes[0].Length : (int)axis;

    /// <summary>The extents before, along and behind that axis.</summary>
    public (long Outer, long Extent, long Inner) Around(int operand)
    {
        var shape = Shape(operand);
        return (Product(shape[..Axis]), shape[Axis], Product(shape[(Axis + 1)..]));
    }

    /// <summary>All elements of an operand.</summary>
    public Places All(int operand) => Lines(operand, -1);

    /// <summary>The first elements of an operand's lines along an axis.</summary>
    public Places Lines(int operand, int axis) => Places.Of(this, shapes[operand], strides[operand], axis);

    public static long Product(IEnumerable<long> sizes)
    {
        long product = 1;
        foreach (var size in sizes) product *= size;
        return product;
    }

    /// <summary>A height and a width: one number for both, or two.</summary>
    public (int Height, int Width) Pair(string name, int fallback) => Attributes.Ints(name) switch
    {
        [var both] => (both, both),
        [var height, var width] => (height, width),
        [] => (fallback, fallback),
        var more => throw new NotSupportedException($"{operation} has {more.Length} numbers for {name}, but windows have a height and a width."),
    };

    /// <summary>That there is no kernel for an operand's element type.</summary>
    public NotSupportedException Unsupported(int operand) => new($"The processor has no kernel for {operation} of {Type(operand).Name()}.");
}
