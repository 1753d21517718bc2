using System;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.ExceptionServices;
using System.Threading;
using System.Threading.Tasks;

namespace Graph.Data;

/// <summary>
/// The batches of one epoch. A background task fills a ring of slots: <c>free</c> counts the slots that it may write, <c>full</c> those that may be read.
/// The slot that the reader stands on is neither, so its spans stay as they are until <see cref="Next()"/>.
/// </summary>
sealed class BatchReader : IBatchReader
{
    // How long disposing waits for a dataset that does not give its row. Usually the filler is done at once, and afterwards the dataset may be disposed too.
    static readonly TimeSpan patience = TimeSpan.FromSeconds(2);

    readonly BatchLoader loader;
    readonly int epoch;
    readonly Slot[] slots;
    readonly SemaphoreSlim free, full = new(0);
    readonly Task? filling;
    int[]? order;
    int batch;
    int current = -1;
    bool started, released;
    ExceptionDispatchInfo? failure;
    volatile bool stopped;
    bool disposed;

    public BatchReader(BatchLoader loader, int epoch, int firstBatch, int prefetch)
    {
        this.loader = loader;
        this.epoch = epoch;
        batch = firstBatch;
        slots = [.. Enumerable.Range(0, prefetch + 1).Select(_ => new Slot(loader))];
        free = new SemaphoreSlim(slots.Length);
        if (prefetch > 0)
            filling = Task.Factory.StartNew(FillAll, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    public ImmutableArray<DataColumn> Columns => loader.Columns;

    public int Count => current < 0 ? 0 : slots[current].Count;

    public ReadOnlySpan<byte> Column(int index)
    {
        if (current < 0)
            throw new InvalidOperationException("The reader does not stand on a batch; call Next first.");
        var slot = slots[current];
        return slot.Buffers[index].Span[..(slot.Count * loader.Columns[index].RowBytes)];
    }

    public bool Next() => Next(CancellationToken.None);

    public bool Next(CancellationToken cancel)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (started && current < 0)
        {
            failure?.Throw();
            return false;
        }
        cancel.ThrowIfCancellationRequested();
        if (filling is null)
            FillNext(slots[0]);
        else
        {
            // Once a slot, however often a cancelled wait is tried again.
            if (started && !released)
                free.Release();
            released = started;
            full.Wait(cancel);
            released = false;
        }
        var next = started ? (current + 1) % slots.Length : 0;
        started = true;
        current = slots[next].Count > 0 ? next : -1;
        if (current < 0)
            failure?.Throw();
        return current >= 0;
    }

    void FillAll()
    {
        for (var next = 0; ; next = (next + 1) % slots.Length)
        {
            free.Wait();
            if (stopped)
                return;
            try
            {
                FillNext(slots[next]);
            }
            catch (Exception exception)
            {
                // Belongs to whoever asks for the batch.
                failure = ExceptionDispatchInfo.Capture(exception);
                slots[next].Count = 0;
            }
            var last = slots[next].Count == 0;
            full.Release();
            if (last)
                return;
        }
    }

    // A slot without rows stands for the end.
    void FillNext(Slot slot)
    {
        order ??= loader.Order(epoch);
        slot.Count = batch < loader.Batches ? loader.Fill(epoch, order, batch++, slot.Buffers) : 0;
    }

    public void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        stopped = true;
        free.Release();
        // A row that blocks cannot be taken back. Its thread ends when the row comes; until then it holds the buffers, which nobody else has.
        if (filling?.Wait(patience) == false)
            return;
        free.Dispose();
        full.Dispose();
    }

    sealed class Slot(BatchLoader loader)
    {
        // On the pinned heap, so that kernels may read the buffers where they lie.
        public readonly Memory<byte>[] Buffers
            = [.. loader.Columns.Select(column => GC.AllocateUninitializedArray<byte>(loader.RowsOfABatch * column.RowBytes, pinned: true).AsMemory())];

        public int Count;
    }
}
