using System;
using System.Collections.Immutable;
using System.Globalization;

namespace Graph.Data;

/// <summary>In which order the rows of a dataset come.</summary>
public enum BatchOrder
{
    /// <summary>Every row once an epoch, in another random order each time.</summary>
    Shuffled,

    /// <summary>Every row once an epoch, as they stand.</summary>
    Sequential,

    /// <summary>Each row drawn from all of them, as texts are sampled.</summary>
    Sampled,
}

/// <summary>How a <see cref="BatchLoader"/> makes batches.</summary>
public sealed record BatchOptions
{
    /// <summary>The order of the rows.</summary>
    public BatchOrder Order { get; init; } = BatchOrder.Shuffled;

    /// <summary>What the order depends on, with the number of the epoch.</summary>
    public ulong Seed { get; init; }

    /// <summary>Leaves out a last batch that is not full.</summary>
    public bool DropLast { get; init; }

    /// <summary>How many batches an epoch has when rows are sampled; null for as many as it takes to draw once a row.</summary>
    public int? BatchesPerEpoch { get; init; }

    /// <summary>How many batches are prepared ahead in the background; 0 prepares each when it is asked for.</summary>
    public int Prefetch { get; init; } = 2;
}

/// <summary>Makes batches from a dataset, ahead of their use and into buffers that are used again: no allocation from batch to batch.</summary>
public sealed class BatchLoader : IBatchSource
{
    readonly Dataset data;
    readonly BatchOptions options;

    /// <summary>Batches of <paramref name="batchSize"/> rows.</summary>
    /// <exception cref="ArgumentException">
    /// The dataset has no full batch and <see cref="BatchOptions.DropLast"/> would leave nothing, a batch of a column is beyond 2 GiB, or an option is out of range.
    /// </exception>
    public BatchLoader(Dataset data, int batchSize, BatchOptions? options = null)
    {
        this.data = data;
        this.options = options ??= new BatchOptions();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Prefetch);
        if (data.Count == 0 || data.Columns.IsEmpty)
            throw new ArgumentException("The dataset is empty.", nameof(data));
        if (options.BatchesPerEpoch is { } wanted && (options.Order != BatchOrder.Sampled || wanted <= 0))
            throw new ArgumentException("The number of batches can be chosen only for sampled rows, and is at least 1.", nameof(options));
        BatchSize = batchSize;
        // A sampled batch is always full.
        var keepsLast = !options.DropLast || options.Order == BatchOrder.Sampled;
        Batches = options.BatchesPerEpoch ?? (data.Count / batchSize + (keepsLast && data.Count % batchSize != 0 ? 1 : 0));
        if (Batches == 0)
            throw new ArgumentException($"{data.Count} rows make no full batch of {batchSize}, and the last one is to be dropped.", nameof(batchSize));
        foreach (var column in data.Columns)
            if ((long)RowsOfABatch * column.RowBytes > Array.MaxLength)
                throw new ArgumentException($"A batch of {RowsOfABatch} rows of {column} has {(long)RowsOfABatch * column.RowBytes} bytes; {Array.MaxLength} are the most.", nameof(batchSize));
    }

    /// <summary>The most rows that a batch has: fewer than <see cref="BatchSize"/> when the dataset has no more.</summary>
    internal int RowsOfABatch => options.Order == BatchOrder.Sampled ? BatchSize : Math.Min(BatchSize, data.Count);

    public ImmutableArray<DataColumn> Columns => data.Columns;

    public int BatchSize { get; }

    public int Batches { get; }

    /// <summary>The order's and the data's. Of data that have none, their number and columns: another order is another run in any case.</summary>
    public string? Fingerprint
    {
        get
        {
            var rows = data.Fingerprint ?? string.Create(CultureInfo.InvariantCulture, $"{data.Count} rows of {DataFingerprint.Names(data.Columns)}");
            return options.Order switch
            {
                BatchOrder.Sequential => $"in their order: {rows}",
                BatchOrder.Shuffled => string.Create(CultureInfo.InvariantCulture, $"shuffled by seed {options.Seed}: {rows}"),
                _ => string.Create(CultureInfo.InvariantCulture, $"sampled by seed {options.Seed}: {rows}"),
            };
        }
    }

    public IBatchReader Open(int epoch, int firstBatch = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(firstBatch);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstBatch, Batches);
        return new BatchReader(this, epoch, firstBatch, options.Prefetch);
    }

    /// <summary>The order of an epoch's rows; null where a row's number needs no table.</summary>
    internal int[]? Order(int epoch)
        => options.Order == BatchOrder.Shuffled ? Shuffling.Permutation(data.Count, options.Seed, Shuffling.Order + (ulong)epoch) : null;

    /// <summary>Writes a batch into the buffers of its columns and returns the number of its rows.</summary>
    internal int Fill(int epoch, int[]? order, int batch, ReadOnlySpan<Memory<byte>> buffers)
    {
        var first = (long)batch * BatchSize;
        var count = options.Order == BatchOrder.Sampled ? BatchSize : (int)Math.Min(BatchSize, data.Count - first);
        for (var i = 0; i < count; i++)
        {
            var place = first + i;
            var row = options.Order switch
            {
                BatchOrder.Sampled => Shuffling.Pick(data.Count, options.Seed, Shuffling.Sample + (ulong)epoch, (ulong)place),
                BatchOrder.Shuffled => order![place],
                _ => (int)place,
            };
            for (var column = 0; column < buffers.Length; column++)
            {
                var bytes = Columns[column].RowBytes;
                data.CopyRow(row, column, buffers[column].Span.Slice(i * bytes, bytes));
            }
        }
        return count;
    }
}
