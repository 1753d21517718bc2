using System;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;

namespace Graph.Data;

/// <summary>Rows that can be read in any order, from several threads at once.</summary>
public abstract class Dataset
{
    /// <summary>How many rows there are.</summary>
    public abstract int Count { get; }

    /// <summary>What each row holds. A column feeds the loss's argument of its name.</summary>
    public abstract ImmutableArray<DataColumn> Columns { get; }

    /// <summary>
    /// A text that differs when the rows do, by which a resumed run sees whether it has the same data; null when that cannot be said. It may take as long as reading all rows.
    /// </summary>
    public virtual string? Fingerprint => null;

    /// <summary>Copies one column of one row; <paramref name="destination"/> has the column's <see cref="DataColumn.RowBytes"/>.</summary>
    public abstract void CopyRow(int row, int column, Span<byte> destination);

    /// <summary>Some rows of this dataset, in the given order, without copying them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A row does not exist.</exception>
    public Dataset Select(ReadOnlySpan<int> rows)
    {
        foreach (var row in rows)
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Count, nameof(rows));
        return new Selection(this, rows.ToArray());
    }

    /// <summary>This dataset with some of its columns alone, in that order, without copying them. Training refuses columns that feed no argument.</summary>
    /// <param name="names">The names of the columns.</param>
    /// <exception cref="ArgumentException">A column does not exist or is named twice, or none is named.</exception>
    public Dataset SelectColumns(params ReadOnlySpan<string> names)
    {
        if (names.IsEmpty) throw new ArgumentException("No column is named.", nameof(names));
        var places = new int[names.Length];
        for (var i = 0; i < names.Length; i++)
        {
            places[i] = Place(names[i], nameof(names));
            if (Array.IndexOf(places, places[i]) < i) throw new ArgumentException($"The column {names[i]} is named twice.", nameof(names));
        }
        var columns = Columns;
        return new Projection(this, places, [.. places.Select(place => columns[place])]);
    }

    /// <summary>This dataset with another name for one of its columns, such as that of the loss's argument that it feeds.</summary>
    /// <param name="from">The column.</param>
    /// <param name="to">Its new name.</param>
    /// <exception cref="ArgumentException">The column does not exist, or another one has that name.</exception>
    public Dataset Rename(string from, string to)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(to);
        var columns = Columns;
        var place = Place(from, nameof(from));
        if (from != to && columns.Any(c => c.Name == to)) throw new ArgumentException($"The dataset has a column {to} already.", nameof(to));
        return new Projection(this, [.. Enumerable.Range(0, columns.Length)], columns.SetItem(place, columns[place] with { Name = to }));
    }

    int Place(string name, string parameter)
    {
        var columns = Columns;
        for (var i = 0; i < columns.Length; i++)
            if (columns[i].Name == name) return i;
        throw DataColumn.NotFound(columns, name, "The dataset", parameter);
    }

    /// <summary>
    /// Divides the rows at random, once and for all for a seed: the first part trains, the second, <paramref name="heldOut"/> of all rows, is kept to measure with.
    /// </summary>
    /// <exception cref="ArgumentException">A part would be empty.</exception>
    public (Dataset Training, Dataset HeldOut) Split(double heldOut, ulong seed = 0)
    {
        var count = (int)Math.Round(Count * heldOut);
        if (count <= 0 || count >= Count)
            throw new ArgumentException($"Holding out {heldOut} of {Count} rows leaves a part empty.", nameof(heldOut));
        var order = Shuffling.Permutation(Count, seed, Shuffling.Split);
        return (new Selection(this, order[count..]), new Selection(this, order[..count]));
    }

    sealed class Projection(Dataset source, int[] places, ImmutableArray<DataColumn> columns) : Dataset
    {
        public override int Count => source.Count;

        public override ImmutableArray<DataColumn> Columns => columns;

        public override void CopyRow(int row, int column, Span<byte> destination) => source.CopyRow(row, places[column], destination);

        public override string? Fingerprint => source.Fingerprint is { } rows ? $"{DataFingerprint.Names(columns)} of ({rows})" : null;
    }

    sealed class Selection(Dataset source, int[] rows) : Dataset
    {
        public override int Count => rows.Length;

        public override ImmutableArray<DataColumn> Columns => source.Columns;

        public override void CopyRow(int row, int column, Span<byte> destination) => source.CopyRow(rows[row], column, destination);

        public override string? Fingerprint => source.Fingerprint is { } all ? string.Create(CultureInfo.InvariantCulture, $"{rows.Length} rows {DataFingerprint.Of<int>(rows)} of ({all})") : null;
    }
}
