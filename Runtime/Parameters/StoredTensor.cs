using System;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Graph.Compiler.Ir;
using Graph.Runtime.Parameters;

namespace Graph;

/// <summary>A named tensor of a model: a parameter, a running statistic or an optimizer's state. Its numbers are read and written where the kernels use them.</summary>
public sealed class StoredTensor
{
    readonly ParameterStore store;
    readonly PinnedMemory memory;
    readonly long offset;

    internal StoredTensor(ParameterStore store, StateDecl declaration, DimBinding binding, PinnedMemory memory, long offset)
    {
        this.store = store;
        this.memory = memory;
        this.offset = offset;
        Declaration = declaration;
        var sizes = declaration.Type.Shape.Evaluate(binding);
        Shape = ImmutableCollectionsMarshal.AsImmutableArray(sizes);
        Length = 1;
        foreach (var size in sizes) Length *= size;
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
    public long Bytes => Type.Bytes(Length);

    /// <summary>Its numbers, to be read: a view, in which the next write shows.</summary>
    /// <typeparam name="T">The element type: float, double, int, long, sbyte, bool byte or, for 16-bit floats, Half or ushort; byte for 4-bit integers, two in each.</typeparam>
    /// <exception cref="InvalidOperationException">The elements have another type.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public ReadOnlySpan<T> Read<T>()
        where T : unmanaged => Access<T>();

    /// <summary>Its numbers as floats, to be read.</summary>
    /// <exception cref="InvalidOperationException">The elements are no 32-bit floats.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public ReadOnlySpan<float> Values => Read<float>();

    /// <summary>Replaces all its numbers, while nobody else uses the model; the next call sees them.</summary>
    /// <param name="values">As many as it has, row-major.</param>
    /// <inheritdoc cref="Write{T}(Action{Span{T}})"/>
    /// <exception cref="ArgumentException">There are more or fewer.</exception>
    public void Write<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        if (values.Length != Units) throw new ArgumentException($"{this} has {Length} elements{(Units != Length ? $" in {Units} bytes" : "")}, but got {values.Length}.", nameof(values));
        using var alone = Enter();
        values.CopyTo(Changing<T>());
    }

    /// <summary>Changes its numbers in place, while nobody else uses the model: calls, training steps and files come before or after. What is derived from them is computed anew before its next use.</summary>
    /// <typeparam name="T">The element type: float, double, int, long, sbyte, bool byte or, for 16-bit floats, Half or ushort; byte for 4-bit integers, two in each.</typeparam>
    /// <param name="change">Gets the numbers, row-major, for as long as it runs. It may not call the model.</param>
    /// <exception cref="InvalidOperationException">The elements have another type, the numbers are nobody's to change, or <paramref name="change"/> calls the model.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void Write<T>(Action<Span<T>> change)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(change);
        using var alone = Enter();
        change(Changing<T>());
    }

    StoreGate.Alone Enter()
    {
        if (!Kind.IsSaved() && Kind != StateKind.Session)
            throw new InvalidOperationException($"{Path} is not to be written: it is computed from the source or from other numbers of the model.");
        return store.Gate.Exclude();
    }

    // The version changes first: numbers that a throwing change leaves are new ones too.
    Span<T> Changing<T>()
        where T : unmanaged
    {
        var span = Access<T>();
        store.Touch();
        return span;
    }

    Span<T> Access<T>()
        where T : unmanaged
    {
        store.ThrowIfDisposed();
        if (!Matches<T>()) throw new InvalidOperationException($"{Path} holds {Type.Name()}, not {typeof(T).Name}.");
        return Fetched.Span<T>(offset, Units);
    }

    // Elements that are parts of bytes are seen as those.
    long Units => Type.Bits() < 8 ? Bytes : Length;

    bool Matches<T>() => Type switch
    {
        DType.F64 => typeof(T) == typeof(double),
        DType.F32 => typeof(T) == typeof(float),
        DType.F16 => typeof(T) == typeof(Half),
        DType.BF16 => typeof(T) == typeof(ushort),
        DType.I64 => typeof(T) == typeof(long),
        DType.I32 => typeof(T) == typeof(int),
        DType.I8 => typeof(T) == typeof(sbyte),
        DType.U8 or DType.I4 => typeof(T) == typeof(byte),
        DType.Bool => typeof(T) == typeof(bool),
        _ => throw new NotSupportedException($"{Path} has the unknown element type {Type}."),
    };

    /// <summary>The bytes from <paramref name="start"/> on, at most <paramref name="count"/>, whatever the element type.</summary>
    internal Span<byte> Raw(long start, int count) => Fetched.Span<byte>(offset + start, Math.Min(count, Bytes - start));

    /// <summary>Where a device has them too; null for the processor's alone.</summary>
    internal IDeviceTensor? OnDevice { get; set; }

    // The memory, with the numbers that are now.
    PinnedMemory Fetched
    {
        get
        {
            OnDevice?.Fetch();
            return memory;
        }
    }


    /// <summary>What its store says of the processor's writing.</summary>
    internal long WrittenVersion => store.Written;

    internal PinnedMemory Memory => memory;

    /// <summary>Copies all numbers to a tensor of the same shape and type.</summary>
    internal unsafe void CopyTo(StoredTensor other) => System.Buffer.MemoryCopy(Pointer, other.Pointer, other.Bytes, Bytes);

    internal unsafe void* Pointer => Fetched.Pointer + offset;

    /// <summary>Where its numbers lie on the processor, old ones or not.</summary>
    internal unsafe void* Place => memory.Pointer + offset;

    public override string ToString() => $"{Path} : {Declaration.Type}";
}
