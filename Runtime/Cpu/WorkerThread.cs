using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;

namespace Graph.Runtime.Cpu;

/// <summary>A background thread that takes part in one run at a time: it waits awake for some microseconds after each, for steps are many short runs, and then sleeps.</summary>
sealed class WorkerThread
{
    // What the thread is at. It parks itself; a caller takes it from Idle or Parked over Given to Ready, and it comes back to Idle.
    const int Idle = 0, Parked = 1, Given = 2, Ready = 3;

    const double AwakeSeconds = 50e-6;

    // Alone in its cache lines: callers look at it in every run.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    struct Padded
    {
        [FieldOffset(128)] public int Value;
    }

    readonly AutoResetEvent wake = new(false);
    Padded state;
    WorkerPool? pool;
    long generation;
    int place;

    public WorkerThread(int number) => new Thread(Work, maxStackSize: 1 << 20) { IsBackground = true, Name = $"graph worker {number}" }.Start();

    /// <summary>Gives it a run, if it has none.</summary>
    public bool TryGive(WorkerPool pool, long generation, int place)
    {
        var before = Volatile.Read(ref state.Value);
        if (before > Parked || Interlocked.CompareExchange(ref state.Value, Given, before) != before) return false;
        this.pool = pool;
        this.generation = generation;
        this.place = place;
        Volatile.Write(ref state.Value, Ready);
        if (before == Parked) wake.Set();
        return true;
    }

    void Work()
    {
        while (true)
        {
            AwaitRun();
            pool!.Join(generation, place);
            pool = null; // a model that nobody disposes is the collector's, whatever it ran last
            Volatile.Write(ref state.Value, Idle);
        }
    }

    void AwaitRun()
    {
        var start = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref state.Value) != Ready)
        {
            Thread.SpinWait(4);
            if (Stopwatch.GetElapsedTime(start).TotalSeconds < AwakeSeconds) continue;
            if (Interlocked.CompareExchange(ref state.Value, Parked, Idle) == Idle) wake.WaitOne();
            else Thread.Yield(); // whoever gives the run needs the processor
        }
    }
}
