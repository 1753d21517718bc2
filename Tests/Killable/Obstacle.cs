using System;
using System.Collections.Immutable;
using System.Threading;
using Graph.Data;

namespace Graph.Killable;

/// <summary>The batches of another source; reading the n-th of them first does something else, in the middle of a training step.</summary>
sealed class Obstacle(IBatchSource source, int atRead, Action first) : IBatchSource
{
    int reads;

    public ImmutableArray<DataColumn> Columns => source.Columns;
    public int BatchSize => source.BatchSize;
    public int Batches => source.Batches;
    public string? Fingerprint => source.Fingerprint;

    public IBatchReader Open(int epoch, int firstBatch = 0) => new Reader(this, source.Open(epoch, firstBatch));

    sealed class Reader(Obstacle owner, IBatchReader reader) : IBatchReader
    {
        public ImmutableArray<DataColumn> Columns => reader.Columns;
        public int Count => reader.Count;

        public ReadOnlySpan<byte> Column(int index)
        {
            if (index == 0 && ++owner.reads == owner.AtRead) owner.First();
            return reader.Column(index);
        }

        public bool Next() => reader.Next();
        public bool Next(CancellationToken cancel) => reader.Next(cancel);
        public void Dispose() => reader.Dispose();
    }

    int AtRead => atRead;

    void First() => first();
}
