using System;
using System.Collections;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Runtime.InteropServices;

namespace Graph.Compiler.Ir;

/// <summary>The sizes of a tensor's axes, outermost first. A scalar's shape is empty.</summary>
public sealed class Shape : IEquatable<Shape>, IReadOnlyList<Dim>
{
    public static readonly Shape Scalar = new([]);

    readonly ImmutableArray<Dim> dims;
    Dim? size;
    ImmutableArray<Dim> strides; // default before anybody asks

    public Shape(IEnumerable<Dim> dims) => this.dims = [.. dims];

    public Shape(ImmutableArray<Dim> dims) => this.dims = dims;

    public static Shape Of(params Dim[] dims) => new(dims);

    public ImmutableArray<Dim> Dims => dims;
    public int Rank => dims.Length;
    public int Count => dims.Length;
    public Dim this[int axis] => dims[axis];

    /// <summary>The number of elements.</summary>
    public Dim Size
    {
        get
        {
            if (size is not null) return size;
            var product = Dim.One;
            foreach (var dim in dims) product *= dim;
            return size = product;
        }
    }

    public bool IsConstant
    {
        get
        {
            foreach (var dim in dims)
                if (!dim.IsConstant) return false;
            return true;
        }
    }

    /// <summary>Maps an axis counted from the end (negative) to one counted from the start.</summary>
    /// <exception cref="ShapeException">There is no such axis.</exception>
    public int Axis(long axis) => IsAxis(axis) ? (int)(axis < 0 ? axis + Rank : axis) : throw NoAxis(axis);

    /// <summary>Maps several axes as <see cref="Axis"/> does; what is wrong is said of each of them.</summary>
    /// <exception cref="ShapeException">Some are no axes.</exception>
    public int[] Axes(IReadOnlyList<long> axes)
    {
        var wrong = axes.Where(a => !IsAxis(a)).Select(a => (a, NoAxis(a))).ToImmutableArray();
        return wrong.Length <= 1 ? [.. axes.Select(Axis)] : throw new ShapeException(string.Join(", ", wrong.Select(w => w.Item2.Message)), wrong[0].Item2.Id, wrong);
    }

    bool IsAxis(long axis) => axis >= -Rank && axis < Rank;

    ShapeException NoAxis(long axis) => new($"axis {axis} is out of range for {this}, which has {Rank} axes", "GR2002");

    public Shape Remove(int axis) => new(dims.RemoveAt(axis));
    public Shape Insert(int axis, Dim dim) => new(dims.Insert(axis, dim));
    public Shape With(int axis, Dim dim) => new(dims.SetItem(axis, dim));

    public Shape Substitute(IReadOnlyDictionary<string, Dim> replacements) => new(dims.Select(d => d.Substitute(replacements)));

    public long[] Evaluate(DimBinding binding)
    {
        var sizes = new long[dims.Length];
        for (var i = 0; i < sizes.Length; i++) sizes[i] = dims[i].Evaluate(binding);
        return sizes;
    }

    /// <summary>Row-major strides, in elements.</summary>
    public ImmutableArray<Dim> Strides
    {
        get
        {
            if (!strides.IsDefault) return strides;
            var all = new Dim[Rank];
            var stride = Dim.One;
            for (var axis = Rank - 1; axis >= 0; axis--)
            {
                all[axis] = stride;
                stride *= dims[axis];
            }
            return strides = ImmutableCollectionsMarshal.AsImmutableArray(all);
        }
    }

    /// <summary>The shape that both broadcast to: aligned at the last axis, equal sizes or a 1.</summary>
    /// <exception cref="ShapeException">Two sizes differ and none is 1.</exception>
    public static Shape Broadcast(Shape a, Shape b)
    {
        var rank = Math.Max(a.Rank, b.Rank);
        var result = new Dim[rank];
        for (var i = 1; i <= rank; i++)
        {
            var x = i <= a.Rank ? a[a.Rank - i] : Dim.One;
            var y = i <= b.Rank ? b[b.Rank - i] : Dim.One;
            result[rank - i] = x == y ? x : x.Is(1) ? y : y.Is(1) ? x
                : throw new ShapeException($"{a} and {b} do not broadcast: {x} ≠ {y} at axis {rank - i} of the result", "GR2014");
        }
        return new(result);
    }

    public bool Equals(Shape? other)
    {
        if (ReferenceEquals(this, other)) return true;
        if (other is null || other.dims.Length != dims.Length) return false;
        for (var axis = 0; axis < dims.Length; axis++)
            if (!dims[axis].Equals(other.dims[axis])) return false;
        return true;
    }

    public override bool Equals(object? obj) => Equals(obj as Shape);
    public override int GetHashCode() => dims.Aggregate(dims.Length, (hash, dim) => hash * 31 + dim.GetHashCode());
    public static bool operator ==(Shape? a, Shape? b) => a is null ? b is null : a.Equals(b);
    public static bool operator !=(Shape? a, Shape? b) => !(a == b);

    public override string ToString() => "[" + string.Join(", ", dims) + "]";

    public IEnumerator<Dim> GetEnumerator() => ((IEnumerable<Dim>)dims).GetEnumerator();
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>How a tensor is cut up over a mesh of devices: for each axis the mesh's axis that it is divided along, or <c>-</c> for one that every device has whole.</summary>
/// <remarks>An annotation: no pass acts on it yet. On an argument or state it is a fact, which every pass keeps.</remarks>
public sealed record Sharding(EquatableArray<string> Axes)
{
    public override string ToString() => "sharding(" + string.Join(",", Axes) + ")";
}

/// <summary>What an integer of a quantized tensor stands for: <c>(number − zero point) · step</c>.</summary>
/// <remarks>An annotation: no pass acts on it yet. On an argument or state it is a fact, which every pass keeps.</remarks>
public sealed record QuantizationScale(double Step, long ZeroPoint)
{
    public override string ToString() => "scale(" + new Attr.Real(Step) + "," + ZeroPoint.ToString(CultureInfo.InvariantCulture) + ")";
}

/// <summary>Element type and shape of a value.</summary>
public sealed record TensorType(DType DType, Shape Shape)
{
    /// <summary>How it is cut up; null for a tensor that lies in one piece, or of which nothing is said.</summary>
    public Sharding? Sharding { get; init; }

    /// <summary>What its integers stand for; null for themselves.</summary>
    public QuantizationScale? Scale { get; init; }

    /// <summary>Whether it has this element type and shape, whatever is annotated.</summary>
    public bool IsLike(TensorType other) => DType == other.DType && Shape == other.Shape;

    /// <summary>The same without annotations: all that kernels and memory need.</summary>
    public TensorType Bare => Sharding is null && Scale is null ? this : new(DType, Shape);

    /// <summary>Bytes that move when a dense value is read: an estimate, for which a part of a byte counts as one.</summary>
    public Dim Bytes => Shape.Size * ((DType.Bits() + 7) / 8);

    /// <summary>Bytes that a dense value takes in memory and files.</summary>
    public long BytesAt(DimBinding binding) => DType.Bytes(Shape.Size.Evaluate(binding));

    /// <summary>Another shape of the same numbers: what they stand for stays, how they are cut up does not.</summary>
    public TensorType With(Shape shape) => new(DType, shape) { Scale = Scale, Sharding = shape == Shape ? Sharding : null };

    public override string ToString() => DType.Name() + "[" + string.Join(",", Shape) + "]" + (Sharding is null ? "" : " " + Sharding) + (Scale is null ? "" : " " + Scale);
}

/// <summary>
/// Operands that do not fit an operation. The message names the shapes and says what was expected; whoever builds the program adds where the operands came from.
/// </summary>
public sealed class ShapeException(string message, string? id = null, ImmutableArray<(long Number, ShapeException What)> parts = default) : Exception(message)
{
    /// <summary>Where several numbers are wrong, each by itself: the numbers, and what is wrong with each; else empty.</summary>
    public ImmutableArray<(long Number, ShapeException What)> Parts { get; } = parts.IsDefault ? [] : parts;

    /// <summary>The diagnostic that reports it, when it has one of its own, such as <c>GR2003</c>.</summary>
    public string? Id { get; } = id;
}
