using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Runtime.Parameters;

namespace Graph.Data;

/// <summary>What one column of a dataset holds in each row.</summary>
/// <param name="Name">The name of the argument that it feeds.</param>
/// <param name="Type">The element type.</param>
/// <param name="RowShape">The shape of one row, without the batch dimension; empty for a single value.</param>
public sealed record DataColumn(string Name, DType Type, ImmutableArray<int> RowShape)
{
    /// <summary>Elements of one row.</summary>
    public int RowLength { get; } = LengthOf(Name, Type, RowShape);

    /// <summary>Bytes of one row.</summary>
    public int RowBytes => RowLength * Type.Size();

    static int LengthOf(string name, DType type, ImmutableArray<int> shape)
    {
        long length = 1;
        foreach (var size in shape)
        {
            if (size < 1)
                throw new ArgumentException($"The column {name} has rows of [{string.Join(",", shape)}]; every size must be at least 1.", nameof(RowShape));
            if ((length *= size) * type.Size() > Array.MaxLength)
                throw new ArgumentException($"A row [{string.Join(",", shape)}] of the column {name} is beyond 2 GiB.", nameof(RowShape));
        }
        return (int)length;
    }

    /// <summary>Equal names, types and shapes.</summary>
    public bool Equals(DataColumn? other) => other is not null && Name == other.Name && Type == other.Type && RowShape.SequenceEqual(other.RowShape);

    public override int GetHashCode() => HashCode.Combine(Name, Type, RowShape.Length);

    public override string ToString() => $"{Name}: {Type.Name()}[{string.Join(",", RowShape)}]";

    /// <summary>What is thrown where a column of that name is not; it suggests the nearest one.</summary>
    /// <param name="where">What has no such column, as a message begins: <c>The dataset</c>.</param>
    internal static ArgumentException NotFound(ImmutableArray<DataColumn> columns, string name, string where, string parameter) =>
        new($"{where} has no column {name}{(NearestName.Of(name, columns.Select(c => c.Name)) is { } near ? $"; is {near} meant?" : ".")}", parameter);

    /// <summary>The element type that stands for <typeparamref name="T"/>.</summary>
    /// <exception cref="NotSupportedException">Tensors have no such element type.</exception>
    internal static DType TypeOf<T>()
        where T : unmanaged
    {
        if (typeof(T) == typeof(float)) return DType.F32;
        if (typeof(T) == typeof(int)) return DType.I32;
        if (typeof(T) == typeof(double)) return DType.F64;
        if (typeof(T) == typeof(long)) return DType.I64;
        if (typeof(T) == typeof(Half)) return DType.F16;
        if (typeof(T) == typeof(sbyte)) return DType.I8;
        if (typeof(T) == typeof(byte)) return DType.U8;
        if (typeof(T) == typeof(bool)) return DType.Bool;
        throw new NotSupportedException($"A tensor cannot hold {typeof(T)}; use float, double, Half, long, int, sbyte, byte or bool.");
    }
}
