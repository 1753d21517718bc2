using System;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Graph.Data;

/// <summary>Columns that lie in memory as arrays.</summary>
/// <example><code>var data = new TableDataset().With("image", pixels, 1, 8, 8).With("label", classes);</code></example>
public sealed class TableDataset : Dataset
{
    readonly ImmutableArray<Source> sources;
    readonly int count;
    string? fingerprint;

    /// <summary>A dataset without columns; <see cref="With{T}"/> adds them.</summary>
    public TableDataset()
    {
        sources = [];
        Columns = [];
    }

    TableDataset(ImmutableArray<Source> sources, ImmutableArray<DataColumn> columns, int count)
    {
        this.sources = sources;
        this.count = count;
        Columns = columns;
    }

    public override int Count => count;

    public override ImmutableArray<DataColumn> Columns { get; }

    /// <summary>This dataset with one column more. The array is not copied.</summary>
    /// <param name="name">The name of the argument that the column feeds.</param>
    /// <param name="values">All rows, row-major.</param>
    /// <param name="rowShape">The shape of one row; none for a single value.</param>
    /// <exception cref="ArgumentException">The values are not a whole number of rows, or not as many rows as the other columns have, or the name is taken.</exception>
    public TableDataset With<T>(string name, T[] values, params ReadOnlySpan<int> rowShape)
        where T : unmanaged
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(values);
        var column = new DataColumn(name, DataColumn.TypeOf<T>(), [.. rowShape]);
        if (values.Length % column.RowLength != 0)
            throw new ArgumentException($"{values.Length} values are no whole number of rows of {column}.", nameof(values));
        var rows = values.Length / column.RowLength;
        if (Columns.Any(c => c.Name == name))
            throw new ArgumentException($"The dataset has a column {name} already.", nameof(name));
        if (!sources.IsEmpty && rows != count)
            throw new ArgumentException($"{column} has {rows} rows, but {Columns[0]} has {count}.", nameof(values));
        return new TableDataset(sources.Add(new Source<T>(values, column.RowLength)), Columns.Add(column), rows);
    }

    /// <summary>Of the numbers, and of the columns' names and types. It is computed once: arrays that change afterwards keep it.</summary>
    public override string? Fingerprint => fingerprint ??= Hash();

    string Hash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var source in sources) source.Append(hash);
        return string.Create(CultureInfo.InvariantCulture, $"{count} rows of {DataFingerprint.Names(Columns)}, {DataFingerprint.Text(hash)}");
    }

    public override void CopyRow(int row, int column, Span<byte> destination) => sources[column].Copy(row, destination);

    abstract class Source
    {
        public abstract void Copy(int row, Span<byte> destination);

        public abstract void Append(IncrementalHash hash);
    }

    sealed class Source<T>(T[] values, int rowLength) : Source
        where T : unmanaged
    {
        public override void Copy(int row, Span<byte> destination)
            => MemoryMarshal.AsBytes(values.AsSpan(row * rowLength, rowLength)).CopyTo(destination);

        public override void Append(IncrementalHash hash) => DataFingerprint.Append<T>(hash, values);
    }
}
