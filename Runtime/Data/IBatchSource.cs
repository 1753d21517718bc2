using System;
using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Graph.Data;

/// <summary>Some rows, column by column, each row-major. Its spans hold until the reader moves on.</summary>
public interface IBatch
{
    /// <summary>How many rows it has.</summary>
    int Count { get; }

    /// <summary>The bytes of one column: <see cref="Count"/> rows.</summary>
    ReadOnlySpan<byte> Column(int index);
}

/// <summary>Goes through the batches of an epoch. For one thread; the batch that it stands on is the reader itself.</summary>
public interface IBatchReader : IBatch, IDisposable
{
    /// <summary>Moves on to the next batch, waiting until it is there; false after the last one.</summary>
    bool Next();
}

/// <summary>Where training takes its batches from.</summary>
public interface IBatchSource
{
    /// <summary>What a batch holds, in the order of the loss's arguments.</summary>
    ImmutableArray<DataColumn> Columns { get; }

    /// <summary>The rows of a full batch.</summary>
    int BatchSize { get; }

    /// <summary>How many batches an epoch has.</summary>
    int Batches { get; }

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
    /// <summary>A column as numbers of type <typeparamref name="T"/>, which the caller knows from <see cref="IBatchSource.Columns"/>.</summary>
    public static ReadOnlySpan<T> Values<T>(this IBatch batch, int column)
        where T : unmanaged
        => MemoryMarshal.Cast<byte, T>(batch.Column(column));
}
