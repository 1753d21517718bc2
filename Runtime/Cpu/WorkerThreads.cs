using System;
using System.Threading;

namespace Graph.Runtime.Cpu;

/// <summary>
/// The threads of the process, which all models share. They belong to nobody: a run claims the idle ones that it may use, and who finds none works alone. They are made as models ask for
/// more of them, and stay.
/// </summary>
static class WorkerThreads
{
    static readonly Lock growing = new();
    static WorkerThread[] threads = [];

    /// <summary>How many there are.</summary>
    public static int Count => Volatile.Read(ref threads).Length;

    /// <summary>Makes sure that there are at least so many.</summary>
    /// <exception cref="OutOfMemoryException">The system starts no more threads.</exception>
    public static void Ensure(int count)
    {
        if (Count >= count) return;
        lock (growing)
        {
            while (threads.Length < count) Volatile.Write(ref threads, [.. threads, new(threads.Length + 1)]);
        }
    }

    /// <summary>Asks threads that have nothing to do to come to the pool's runs, at most <paramref name="wanted"/>.</summary>
    public static void Claim(WorkerPool pool, long wanted)
    {
        foreach (var thread in Volatile.Read(ref threads))
        {
            if (wanted == 0) return;
            if (thread.TryGive(pool)) wanted--;
        }
    }
}
