using System;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.CompilerServices;
using Graph.Compiler.Ir;
using Graph.Runtime.Parameters;

namespace Graph;

/// <summary>A named tensor of a model: a parameter, a running statistic or an optimizer's state. Its numbers are read and written where the kernels use them.</summary>
public sealed class StoredTensor
{
    readonly ParameterStore store;
    readonly PinnedMemory memory;
    readonly long offset;

    internal StoredTensor(ParameterStore store, StateDecl declaration, PinnedMemory memory, long offset)
    {
        this.store = store;
        this.memory = memory;
        this.offset = offset;
        Declaration = declaration;
        Shape = [.. declaration.Type.Shape.Select(d => d.Constant)];
        Length = Shape.Aggregate(1L, (product, size) => product * size);
    }

    internal StateDecl Declaration { get; }

    /// <summary>Its name, such as <c>blocks.0.norm.weight</c>.</summary>
    public string Path => Declaration.Path;

    /// <summary>What it is for.</summary>
    public StateKind Kind => Declaration.Kind;

    /// <summary>Its element type.</summary>
    public DType Type => Declaration.Type.DType;

    /// <summary>The sizes of its axes, outermost first; row-major.</summary>
    public ImmutableArray<long> Shape { get; }

    /// <summary>The number of elements.</summary>
    public long Length { get; }

    /// <summary>The number of bytes.</summary>
    public long Bytes => Length * Type.Size();

    /// <summary>Its numbers.</summary>
    /// <typeparam name="T">The element type: float, double, int, long, sbyte, bool or, for 16-bit floats, Half or ushort.</typeparam>
    /// <exception cref="InvalidOperationException">The elements have another type.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public ReadOnlySpan<T> Read<T>()
        where T : unmanaged => Access<T>();

    /// <summary>Its numbers, to be changed; the next call of the model sees them.</summary>
    /// <inheritdoc cref="Read"/>
    public Span<T> Write<T>()
        where T : unmanaged
    {
        var span = Access<T>();
        store.Touch();
        return span;
    }

    /// <summary>Its numbers as floats, to be read and changed. Use <see cref="Read{T}"/> to only read.</summary>
    /// <exception cref="InvalidOperationException">The elements are no 32-bit floats.</exception>
    public Span<float> Values => Write<float>();

    Span<T> Access<T>()
        where T : unmanaged
    {
        store.ThrowIfDisposed();
        if (!Matches<T>()) throw new InvalidOperationException($"{Path} holds {Type.Name()}, not {typeof(T).Name}.");
        return memory.Span<T>(offset, Length);
    }

    bool Matches<T>() => Type switch
    {
        DType.F64 => typeof(T) == typeof(double),
        DType.F32 => typeof(T) == typeof(float),
        DType.F16 => typeof(T) == typeof(Half),
        DType.BF16 => typeof(T) == typeof(ushort),
        DType.I64 => typeof(T) == typeof(long),
        DType.I32 => typeof(T) == typeof(int),
        DType.I8 => typeof(T) == typeof(sbyte),
        DType.Bool => typeof(T) == typeof(bool),
        _ => throw new NotSupportedException($"{Path} has the unknown element type {Type}."),
    };

    /// <summary>The bytes from <paramref name="start"/> on, at most <paramref name="count"/>, whatever the element type.</summary>
    internal Span<byte> Raw(long start, int count) => memory.Span<byte>(offset + start, Math.Min(count, Bytes - start));

    internal PinnedMemory Memory => memory;

    /// <summary>Copies all numbers to a tensor of the same shape and type.</summary>
    internal unsafe void CopyTo(StoredTensor other) => System.Buffer.MemoryCopy(Pointer, other.Pointer, other.Bytes, Bytes);

    internal unsafe void* Pointer => memory.Pointer + offset;

    public override string ToString() => $"{Path} : {Declaration.Type}";
}
