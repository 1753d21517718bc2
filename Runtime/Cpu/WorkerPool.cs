using System.ComponentModel;
using System;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Threading;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Cpu;

/// <summary>
/// What the kernels of one session run on: so many workers at most, and the memory that they work in. A run cuts one extent into chunks; the calling thread is worker 0, the others are threads of
/// the process that are idle at that moment. When there are none, the caller does all chunks.
/// </summary>
/// <remarks>
/// <para>Chunks depend on extent and grain only, never on the number of workers; which worker takes which chunk is not determined. As long as nobody is late each worker has its own part of the extent, the same
/// part in every run of one extent and grain: what a run writes lies in the cache of the processor that goes on with it in the next. Who is done takes chunks of the others' parts.</para>
/// <para>A run allocates nothing and takes no lock. A thread that is late to wake never delays a run whose chunks the others have finished.</para>
/// <para>A pool is for one thread at a time. A body must not call <see cref="Run"/>.</para>
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed unsafe class WorkerPool : IDisposable
{
    // The word that workers join by: generation (high 32 bits), open bit, number of workers that joined, number of those that are still inside.
    const long Open = 1L << 31;
    const int JoinedShift = 15;
    const long JoinedOne = 1L << JoinedShift, CountMask = JoinedOne - 1;

    static readonly long DefaultScratchBytes = Numerics.Packing.WorkerBytes;
    const int Alignment = 4096;

    // Counters of chunks lie so far apart: no two in one cache line, nor in the line that is fetched with it.
    const int CounterStep = 128 / sizeof(long);
    const string ScratchPurpose = "the scratch memory of kernels";

    [ThreadStatic] static bool insideBody;

    readonly NativeBlock scratchTable, counters;
    NativeBlock scratch;

    delegate*<void*, long, long, int, void> body;
    void* context;
    long extent, grain, chunks, helpers;
    long word;
    Exception? failure;
    bool disposed;

    /// <summary>A pool of <paramref name="threads"/> workers, the caller included; 0 means one per processor.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="threads"/> is negative or above 1024.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for the workers.</exception>
    public WorkerPool(int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, 1024);
        Threads = threads == 0 ? Environment.ProcessorCount : threads;
        ScratchBytes = PageAligned(DefaultScratchBytes);
        NativeBlock? table = null, next = null, own = null;
        try
        {
            table = NativeAllocator.Current.Allocate((long)Threads * sizeof(float*), Alignment, ScratchPurpose);
            next = NativeAllocator.Current.Allocate((long)Threads * CounterStep * sizeof(long), Alignment, ScratchPurpose);
            own = NativeAllocator.Current.Allocate(Threads * ScratchBytes, Alignment, ScratchPurpose);
            WorkerThreads.Ensure(Threads - 1);
        }
        catch
        {
            own?.Dispose();
            next?.Dispose();
            table?.Dispose();
            throw;
        }
        (scratchTable, counters, scratch) = (table, next, own);
        FillScratchTable();
    }

    /// <summary>The most workers of a run, the caller included.</summary>
    public int Threads { get; }

    /// <summary>Bytes of scratch memory each worker has.</summary>
    public long ScratchBytes { get; private set; }

    /// <summary>Scratch memory of one worker, page aligned; its contents last until the body returns.</summary>
    public float* Scratch(int worker) => ScratchTable[worker];

    /// <summary>The scratch pointers of all workers, for kernels whose bodies see only unmanaged memory.</summary>
    internal float** ScratchTable => (float**)scratchTable.Pointer;

    static long PageAligned(long bytes) => (bytes + Alignment - 1) & -Alignment;

    void FillScratchTable()
    {
        for (int i = 0; i < Threads; i++) ScratchTable[i] = (float*)(scratch.Pointer + i * ScratchBytes);
    }

    /// <summary>Grows every worker's scratch memory to at least <paramref name="bytes"/>; call it while setting up, not in a step.</summary>
    /// <exception cref="OutOfMemoryException">There is not that much; the pool is as before.</exception>
    public void EnsureScratch(long bytes)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (bytes <= ScratchBytes) return;
        bytes = PageAligned(bytes);
        var larger = NativeAllocator.Current.Allocate(Threads * bytes, Alignment, ScratchPurpose);
        scratch.Dispose();
        (scratch, ScratchBytes) = (larger, bytes);
        FillScratchTable();
    }

    /// <summary>
    /// Calls <paramref name="body"/>(context, begin, end, worker) for the chunks [0, grain), [grain, 2·grain), … of [0, extent), and returns when all are done.
    /// An exception thrown by a body ends the run early and is rethrown here.
    /// </summary>
    /// <exception cref="InvalidOperationException">Called from inside a body.</exception>
    public void Run(delegate*<void*, long, long, int, void> body, void* context, long extent, long grain)
    {
        if (insideBody) throw new InvalidOperationException("WorkerPool.Run was called from inside a parallel body.");
        ObjectDisposedException.ThrowIf(disposed, this);
        if (extent <= 0) return;
        if (grain <= 0) grain = 1;
        if (Threads == 1 || extent <= grain) RunInline(body, context, extent, grain);
        else RunShared(body, context, extent, grain);
    }

    static void RunInline(delegate*<void*, long, long, int, void> body, void* context, long extent, long grain)
    {
        insideBody = true;
        try
        {
            for (long begin = 0; begin < extent; begin += grain) body(context, begin, Math.Min(begin + grain, extent), 0);
        }
        finally
        {
            insideBody = false;
        }
    }

    void RunShared(delegate*<void*, long, long, int, void> body, void* context, long extent, long grain)
    {
        this.body = body;
        this.context = context;
        this.extent = extent;
        this.grain = grain;
        chunks = (extent + grain - 1) / grain;
        failure = null;
        // No more helpers than there are chunks beside the caller's own.
        helpers = Math.Min(Threads, chunks) - 1;
        for (long part = 0; part <= helpers; part++) *Next(part) = PartBegin(part);
        long generation = (word >> 32) + 1 & int.MaxValue;
        Interlocked.Exchange(ref word, generation << 32 | Open);
        WorkerThreads.Claim(this, helpers);
        Grab(0);

        // Close the word: who has not joined stays out. Then wait for those inside.
        Interlocked.And(ref word, ~Open);
        if ((Volatile.Read(ref word) & CountMask) != 0) AwaitWorkers();
        if (failure is { } error)
        {
            failure = null;
            ExceptionDispatchInfo.Throw(error);
        }
    }

    void AwaitWorkers()
    {
        long start = Stopwatch.GetTimestamp();
        while ((Volatile.Read(ref word) & CountMask) != 0)
        {
            Thread.SpinWait(4);
            // A preempted worker needs the processor more than we do.
            if (Stopwatch.GetTimestamp() - start > Stopwatch.Frequency / 10_000) Thread.Yield();
        }
    }

    // The next chunk of a worker's part, and where its part begins.
    long* Next(long part) => (long*)counters.Pointer + part * CounterStep;

    long PartBegin(long part) => chunks * part / (helpers + 1);

    void Grab(int worker)
    {
        insideBody = true;
        try
        {
            // The own part first, then what is left of the others'.
            var parts = helpers + 1;
            for (long i = 0, part = worker; i < parts; i++, part = part + 1 == parts ? 0 : part + 1) Grab(worker, Next(part), PartBegin(part + 1));
        }
        catch (Exception error)
        {
            Interlocked.CompareExchange(ref failure, error, null);
            for (long part = 0; part <= helpers; part++) Interlocked.Exchange(ref *Next(part), chunks);
        }
        finally
        {
            insideBody = false;
        }
    }

    void Grab(int worker, long* next, long end)
    {
        while (Volatile.Read(ref *next) < end && Interlocked.Increment(ref *next) - 1 is var chunk && chunk < end)
        {
            long begin = chunk * grain;
            body(context, begin, Math.Min(begin + grain, extent), worker);
        }
    }

    /// <summary>Whether a run lasts that wants more workers and is not the one numbered <paramref name="seen"/>.</summary>
    internal bool Wants(long seen) => Wants(Volatile.Read(ref word), seen);

    bool Wants(long now, long seen) => (now & Open) != 0 && now >> 32 != seen && (now >> JoinedShift & CountMask) < Volatile.Read(ref helpers);

    /// <summary>
    /// Takes part in the run that lasts, if one does that wants more workers: whichever it is, for a thread that was woken for one run may come in time only for the next. A thread of the process
    /// calls it, with the number of the run that it was in last, and gets the number of the one it was in now.
    /// </summary>
    internal void Join(ref long seen)
    {
        var now = Volatile.Read(ref word);
        while (Wants(now, seen))
        {
            var met = Interlocked.CompareExchange(ref word, now + JoinedOne + 1, now);
            if (met == now)
            {
                seen = now >> 32;
                Grab((int)(now >> JoinedShift & CountMask) + 1);
                Interlocked.Decrement(ref word);
                return;
            }
            now = met;
        }
    }

    /// <summary>Frees the memory. May be called twice, and must not be called during a run.</summary>
    public void Dispose()
    {
        disposed = true;
        scratch.Dispose();
        counters.Dispose();
        scratchTable.Dispose();
    }
}
