using System;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Threading;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Persistent threads that run the chunks of one parallel extent at a time. The calling thread is worker 0 and takes part.
/// </summary>
/// <remarks>
/// <para>Chunks depend on extent and grain only, never on the number of threads; which worker takes which chunk is not determined.</para>
/// <para>A run allocates nothing. A worker that is late to wake never delays a run whose chunks the others have finished.</para>
/// <para>Runs from several threads take turns. A body must not call <see cref="Run"/>.</para>
/// </remarks>
public sealed unsafe class WorkerPool : IDisposable
{
    // The word that workers join by: generation (high 32 bits), open bit, number of workers inside.
    const long Open = 1L << 31;
    const long InsideMask = Open - 1;

    const long DefaultScratchBytes = 4L << 20;
    const long SharedBytesDefault = 16L << 20;
    const int Alignment = 4096;
    const string ScratchPurpose = "the scratch memory of kernels", SharedPurpose = "the operands that a kernel packs";

    [ThreadStatic] static bool insideBody;

    readonly Lock gate = new();
    readonly Thread[] threads;
    readonly AutoResetEvent[] wake;
    readonly int[] parked;
    readonly NativeBlock scratchTable;
    NativeBlock scratch, shared;
    long scratchBytes;

    delegate*<void*, long, long, int, void> body;
    void* context;
    long extent, grain, chunks;
    long next;
    long word;
    Exception? failure;
    volatile bool stopping;
    bool disposed;

    /// <summary>Starts <paramref name="threads"/> − 1 background threads; 0 means one per processor.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="threads"/> is negative or above 1024.</exception>
    public WorkerPool(int threads = 0, long scratchBytes = DefaultScratchBytes)
        : this(threads, scratchBytes, SharedBytesDefault)
    {
    }

    /// <summary>Tests make the shared memory small, so that small problems take the ways of large ones.</summary>
    internal WorkerPool(int threads, long scratchBytes, long sharedBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, 1024);
        if (threads == 0) threads = Environment.ProcessorCount;
        Threads = threads;
        this.scratchBytes = PageAligned(Math.Max(scratchBytes, DefaultScratchBytes));
        NativeBlock? table = null, own = null;
        try
        {
            table = NativeAllocator.Current.Allocate((long)threads * sizeof(float*), Alignment, ScratchPurpose);
            own = NativeAllocator.Current.Allocate(threads * this.scratchBytes, Alignment, ScratchPurpose);
            shared = NativeAllocator.Current.Allocate(sharedBytes, Alignment, SharedPurpose);
        }
        catch
        {
            own?.Dispose();
            table?.Dispose();
            throw;
        }
        (scratchTable, scratch) = (table, own);
        FillScratchTable();
        parked = new int[threads * 16]; // one cache line each
        wake = new AutoResetEvent[threads];
        this.threads = new Thread[threads - 1];
        for (int i = 1; i < threads; i++)
        {
            int worker = i;
            wake[worker] = new AutoResetEvent(false);
            var thread = new Thread(() => Work(worker), 1 << 20) { IsBackground = true, Name = $"graph worker {worker}" };
            this.threads[i - 1] = thread;
            thread.Start();
        }
    }

    /// <summary>Number of workers, the caller included.</summary>
    public int Threads { get; }

    /// <summary>Bytes of scratch memory each worker has.</summary>
    public long ScratchBytes => scratchBytes;

    /// <summary>Scratch memory of one worker, page aligned; its contents last until the body returns.</summary>
    public float* Scratch(int worker) => ScratchTable[worker];

    /// <summary>The scratch pointers of all workers, for kernels whose bodies see only unmanaged memory.</summary>
    internal float** ScratchTable => (float**)scratchTable.Pointer;

    /// <summary>Memory that all workers of one kernel share (packed operands); its contents last until the kernel returns.</summary>
    internal float* Shared => (float*)shared.Pointer;

    /// <summary>Number of floats behind <see cref="Shared"/>.</summary>
    internal long SharedFloats => shared.Bytes / sizeof(float);

    static long PageAligned(long bytes) => (bytes + Alignment - 1) & -Alignment;

    void FillScratchTable()
    {
        for (int i = 0; i < Threads; i++) ScratchTable[i] = (float*)(scratch.Pointer + i * scratchBytes);
    }

    /// <summary>Grows every worker's scratch memory to at least <paramref name="bytes"/>; call it while setting up, not in a step.</summary>
    public void EnsureScratch(long bytes)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (bytes <= scratchBytes) return;
            bytes = PageAligned(bytes);
            var larger = NativeAllocator.Current.Allocate(Threads * bytes, Alignment, ScratchPurpose);
            scratch.Dispose();
            (scratch, scratchBytes) = (larger, bytes);
            FillScratchTable();
        }
    }

    /// <summary>Grows the shared memory to at least <paramref name="floats"/>. Kernels call it inside <see cref="Exclusive"/>; it grows once for a shape and then stays.</summary>
    internal void EnsureShared(long floats)
    {
        if (floats <= SharedFloats) return;
        var larger = NativeAllocator.Current.Allocate(floats * sizeof(float), Alignment, SharedPurpose);
        shared.Dispose();
        shared = larger;
    }

    /// <summary>Keeps other threads' runs out while a kernel of several runs uses <see cref="Shared"/>. Reentrant.</summary>
    internal Lock.Scope Exclusive() => gate.EnterScope();

    /// <summary>
    /// Calls <paramref name="body"/>(context, begin, end, worker) for the chunks [0, grain), [grain, 2·grain), … of [0, extent), and returns when all are done.
    /// An exception thrown by a body ends the run early and is rethrown here.
    /// </summary>
    /// <exception cref="InvalidOperationException">Called from inside a body.</exception>
    public void Run(delegate*<void*, long, long, int, void> body, void* context, long extent, long grain)
    {
        if (insideBody) throw new InvalidOperationException("WorkerPool.Run was called from inside a parallel body.");
        if (extent <= 0) return;
        if (grain <= 0) grain = 1;
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (threads.Length == 0 || extent <= grain) RunInline(body, context, extent, grain);
            else RunShared(body, context, extent, grain);
        }
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
        next = 0;
        failure = null;
        long generation = (word >> 32) + 1 & int.MaxValue;
        Interlocked.Exchange(ref word, generation << 32 | Open);

        // No more helpers than there are chunks beside the caller's own.
        long wanted = Math.Min(threads.Length, chunks - 1);
        for (int i = 1; i <= wanted; i++)
        {
            if (Interlocked.Exchange(ref parked[i * 16], 0) != 0) wake[i].Set();
        }
        Grab(0);

        // Close the word: who has not joined stays out. Then wait for those inside.
        Interlocked.And(ref word, ~Open);
        if ((Volatile.Read(ref word) & InsideMask) != 0) AwaitWorkers();
        if (failure is { } error)
        {
            failure = null;
            ExceptionDispatchInfo.Throw(error);
        }
    }

    void AwaitWorkers()
    {
        long start = Stopwatch.GetTimestamp();
        while ((Volatile.Read(ref word) & InsideMask) != 0)
        {
            Thread.SpinWait(4);
            // A preempted worker needs the processor more than we do.
            if (Stopwatch.GetTimestamp() - start > Stopwatch.Frequency / 10_000) Thread.Yield();
        }
    }

    void Grab(int worker)
    {
        insideBody = true;
        try
        {
            while (true)
            {
                long chunk = Interlocked.Increment(ref next) - 1;
                if (chunk >= chunks) return;
                long begin = chunk * grain;
                body(context, begin, Math.Min(begin + grain, extent), worker);
            }
        }
        catch (Exception error)
        {
            Interlocked.CompareExchange(ref failure, error, null);
            Interlocked.Exchange(ref next, chunks);
        }
        finally
        {
            insideBody = false;
        }
    }

    void Work(int worker)
    {
        long seen = 0;
        while (true)
        {
            long now = AwaitGeneration(worker, seen);
            if (now < 0) return;
            seen = now >> 32;
            if (Interlocked.CompareExchange(ref word, now + 1, now) != now)
            {
                // Somebody joined or the run closed in between: look again at the same generation.
                seen--;
                continue;
            }
            Grab(worker);
            Interlocked.Decrement(ref word);
        }
    }

    // Returns the open word of a generation other than the one seen, or -1 when the pool stops.
    long AwaitGeneration(int worker, long seen)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            if (stopping) return -1;
            long now = Volatile.Read(ref word);
            if ((now & Open) != 0 && now >> 32 != seen) return now;
            Thread.SpinWait(4);
            if (Stopwatch.GetTimestamp() - start < Stopwatch.Frequency / 20_000) continue;
            Interlocked.Exchange(ref parked[worker * 16], 1);
            now = Volatile.Read(ref word);
            bool work = (now & Open) != 0 && now >> 32 != seen || stopping;
            // Either nobody has been told to wake us, or the event is (about to be) set and must be consumed.
            if (!work || Interlocked.Exchange(ref parked[worker * 16], 0) == 0) wake[worker].WaitOne();
            start = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>Ends the threads and frees the scratch memory. Waits for a run in progress. May be called twice.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (disposed) return;
            disposed = true;
            stopping = true;
            for (int i = 1; i < Threads; i++)
            {
                if (Interlocked.Exchange(ref parked[i * 16], 0) != 0) wake[i].Set();
            }
            foreach (var thread in threads) thread.Join();
            for (int i = 1; i < Threads; i++) wake[i].Dispose();
            scratch.Dispose();
            scratchTable.Dispose();
            shared.Dispose();
        }
    }
}
