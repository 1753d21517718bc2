using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;

namespace Graph.Runtime.Cpu;

/// <summary>
/// A background thread that takes part in one run at a time. Steps are many short runs, so it waits awake for some microseconds after each and joins the next one of the same pool by itself;
/// then it sleeps until a pool wakes it.
/// </summary>
sealed class WorkerThread
{
    // What the thread is at. It parks itself, and takes itself from Idle to Busy; a caller takes it from Idle or Parked over Given to Ready. It comes back to Idle.
    const int Idle = 0, Parked = 1, Given = 2, Ready = 3, Busy = 4;

    const double AwakeSeconds = 50e-6;
    const long NoRun = -1;

    // Alone in its cache lines: callers look at it in every run.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    struct Padded
    {
        [FieldOffset(128)] public int Value;
    }

    readonly AutoResetEvent wake = new(false);
    Padded state;
    WorkerPool? given;

    public WorkerThread(int number) => new Thread(Work, maxStackSize: 1 << 20) { IsBackground = true, Name = $"graph worker {number}" }.Start();

    /// <summary>Asks it to come to the pool's runs. False when it is at another pool's, or was asked by another.</summary>
    public bool TryGive(WorkerPool pool)
    {
        var before = Volatile.Read(ref state.Value);
        // On its way to this pool, for a run that is over meanwhile: it joins whichever lasts when it arrives.
        if (before > Parked) return ReferenceEquals(Volatile.Read(ref given), pool);
        if (Interlocked.CompareExchange(ref state.Value, Given, before) != before) return false;
        Volatile.Write(ref given, pool);
        Volatile.Write(ref state.Value, Ready);
        if (before == Parked) wake.Set();
        return true;
    }

    void Work()
    {
        WorkerPool? pool = null;
        var seen = NoRun;
        while (true)
        {
            AwaitRun(ref pool, ref seen);
            pool!.Join(ref seen);
            Volatile.Write(ref state.Value, Idle);
        }
    }

    // Sets the pool to go to; Ready or Busy is what the thread is at then.
    void AwaitRun(ref WorkerPool? pool, ref long seen)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            if (Volatile.Read(ref state.Value) == Ready)
            {
                if (!ReferenceEquals(pool, given)) (pool, seen) = (given, NoRun);
                given = null;
                return;
            }
            if (pool is not null && pool.Wants(seen) && Interlocked.CompareExchange(ref state.Value, Busy, Idle) == Idle) return;
            Thread.SpinWait(4);
            if (Stopwatch.GetElapsedTime(start).TotalSeconds < AwakeSeconds) continue;
            pool = null; // a model that nobody disposes is the collector's, whatever its runs were
            if (Interlocked.CompareExchange(ref state.Value, Parked, Idle) == Idle) wake.WaitOne();
            else Thread.Yield(); // whoever gives the run needs the processor
        }
    }
}
