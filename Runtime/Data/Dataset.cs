using System;
using System.Collections.Immutable;

namespace Graph.Data;

/// <summary>Rows that can be read in any order, from several threads at once.</summary>
public abstract class Dataset
{
    /// <summary>How many rows there are.</summary>
    public abstract int Count { get; }

    /// <summary>What each row holds, in the order of the loss's arguments.</summary>
    public abstract ImmutableArray<DataColumn> Columns { get; }

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

    sealed class Selection(Dataset source, int[] rows) : Dataset
    {
        public override int Count => rows.Length;

        public override ImmutableArray<DataColumn> Columns => source.Columns;

        public override void CopyRow(int row, int column, Span<byte> destination) => source.CopyRow(rows[row], column, destination);
    }
}
