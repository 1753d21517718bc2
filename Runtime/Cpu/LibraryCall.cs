using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Runtime.Cpu;

/// <summary>One launch of a library kernel while its launch table is made: what the kernel is told of operands, sizes and attributes, all sizes being numbers by now.</summary>
abstract unsafe class LibraryCall(LibraryLaunch launch)
{
    protected LibraryLaunch Launch { get; } = launch;

    public AttributeMap Attributes => Launch.Attributes;

    /// <summary>How many operands the node has; results are numbered behind them.</summary>
    public int Inputs => Launch.Inputs;

    /// <summary>Memory of the launch table, zeroed, that lives as long as the table.</summary>
    public abstract T* Take<T>(int count = 1) where T : unmanaged;

    /// <summary>So many bytes of scratch memory for each worker, page aligned, while the kernel runs; indexed by worker.</summary>
    public abstract float** Scratch(long bytes);

    /// <summary>Writes the operand's address to a slot of the table, now or, for the caller's memory, at each call.</summary>
    public abstract void Resolve(int operand, void** slot);

    /// <summary>What the launch runs.</summary>
    public abstract void Run(delegate*<WorkerPool, void*, void> kernel, void* call);

    /// <summary>A size under the table's binding.</summary>
    public abstract long Evaluate(Dim size);

    public DType Type(int operand) => Launch.Operands[operand].Buffer.DType;

    public long[] Shape(int operand) => [.. Launch.Shapes[operand].Select(Evaluate)];

    /// <summary>In elements; those of a dense operand unless the operation calls it strided.</summary>
    public long[] Strides(int operand) => [.. Launch.Strides[operand].Select(Evaluate)];

    /// <summary>The axis of the attribute <c>axis</c>, counted from the start.</summary>
    public int Axis => new Shape(Launch.Shapes[0]).Axis(Attributes.Int("axis", -1));

    /// <summary>The extents before, along and behind that axis.</summary>
    public (long Outer, long Extent, long Inner) Around(int operand)
    {
        var shape = Shape(operand);
        return (Product(shape[..Axis]), shape[Axis], Product(shape[(Axis + 1)..]));
    }

    public static long Product(IEnumerable<long> sizes) => sizes.Aggregate(1L, (product, size) => product * size);

    /// <summary>A height and a width: one number for both, or two.</summary>
    public (int Height, int Width) Pair(string name, int fallback) => Attributes.Ints(name) switch
    {
        [var both] => (both, both),
        [var height, var width] => (height, width),
        [] => (fallback, fallback),
        var more => throw new NotSupportedException($"{Launch.Operation} has {more.Length} numbers for {name}, but windows have a height and a width."),
    };

    /// <summary>That there is no kernel for an operand's element type.</summary>
    public NotSupportedException Unsupported(int operand) => new($"The processor has no kernel for {Launch.Operation} of {Type(operand).Name()}.");
}
