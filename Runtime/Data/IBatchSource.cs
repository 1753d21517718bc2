using System;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using Graph.Compiler.Ir;

namespace Graph.Data;

/// <summary>Some rows, column by column, each row-major. Its spans hold until the reader moves on.</summary>
public interface IBatch
{
    /// <summary>What it holds: the columns of its source.</summary>
    ImmutableArray<DataColumn> Columns { get; }

    /// <summary>How many rows it has.</summary>
    int Count { get; }

    /// <summary>The bytes of one column: <see cref="Count"/> rows. Which column has which number stands in <see cref="Columns"/>.</summary>
    ReadOnlySpan<byte> Column(int index);
}

/// <summary>Goes through the batches of an epoch. For one thread; the batch that it stands on is the reader itself.</summary>
public interface IBatchReader : IBatch, IDisposable
{
    /// <summary>Moves on to the next batch, waiting until it is there; false after the last one.</summary>
    bool Next();

    /// <summary>Moves on to the next batch, waiting until it is there or <paramref name="cancel"/> is cancelled. A reader that can wait long implements this; otherwise it is <see cref="Next()"/>.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    bool Next(CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        return Next();
    }
}

/// <summary>Where training takes its batches from.</summary>
public interface IBatchSource
{
    /// <summary>What a batch holds. A column feeds the loss's argument of its name, in whatever order they stand; training refuses names that are missing or unknown.</summary>
    ImmutableArray<DataColumn> Columns { get; }

    /// <summary>The rows of a full batch.</summary>
    int BatchSize { get; }

    /// <summary>How many batches an epoch has.</summary>
    int Batches { get; }

    /// <summary>
    /// A text that says what data these are and in what order they come, which differs when they do: a resumed run compares it with that in its checkpoint. Null when nobody can say.
    /// </summary>
    string? Fingerprint => null;

    /// <summary>
    /// Starts an epoch. The batches are a function of the epoch's number alone, so that training can go on where a checkpoint was written.
    /// </summary>
    /// <param name="epoch">The number of the epoch, from 0.</param>
    /// <param name="firstBatch">The batch to begin with.</param>
    IBatchReader Open(int epoch, int firstBatch = 0);
}

/// <summary>Batches as numbers.</summary>
public static class BatchExtensions
{
    /// <summary>A column as numbers, row-major: <see cref="IBatch.Count"/> rows.</summary>
    /// <param name="column">Its name.</param>
    /// <exception cref="ArgumentException">The batch has no such column, or one of another element type.</exception>
    public static ReadOnlySpan<T> Values<T>(this IBatch batch, string column)
        where T : unmanaged
    {
        var columns = batch.Columns;
        for (var i = 0; i < columns.Length; i++)
            if (columns[i].Name == column) return Read<T>(batch, columns[i], i);
        throw DataColumn.NotFound(columns, column, $"A batch of {string.Join(", ", columns.Select(c => c.Name))}", nameof(column));
    }

    /// <summary>A column as numbers, row-major: <see cref="IBatch.Count"/> rows.</summary>
    /// <param name="column">Its number in <see cref="IBatch.Columns"/>.</param>
    /// <exception cref="ArgumentException">The column is of another element type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such column.</exception>
    public static ReadOnlySpan<T> Values<T>(this IBatch batch, int column)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)column, (uint)batch.Columns.Length, nameof(column));
        return Read<T>(batch, batch.Columns[column], column);
    }

    static ReadOnlySpan<T> Read<T>(IBatch batch, DataColumn column, int index)
        where T : unmanaged
    {
        var type = DataColumn.TypeOf<T>();
        if (type != column.Type) throw new ArgumentException($"The column {column.Name} holds {column.Type.Name()}, not {type.Name()}.", nameof(column));
        return MemoryMarshal.Cast<byte, T>(batch.Column(index));
    }
}
