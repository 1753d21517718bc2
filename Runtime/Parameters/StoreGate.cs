using System;
using System.Threading;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Parameters;

/// <summary>
/// Who may use a model's numbers: many calls that read them share the gate, one that changes them holds it alone. Who meets it closed waits. Neither side starves the other: a waiting writer
/// keeps new readers out, and when it leaves, the readers that wait by then go before the next writer.
/// </summary>
/// <remarks>
/// Entering and leaving an open gate are one atomic operation each, and nothing is ever allocated. A thread that is inside must not enter again; one that is inside alone is told so. After Brandenburg and Anderson,
/// "Spin-Based Reader-Writer Synchronization for Multiprocessor Real-Time Systems" (2010), with threads that sleep.
/// </remarks>
sealed class StoreGate
{
    // The word: readers inside; whether somebody waits; whether new readers have to wait, for a writer that is inside or waits.
    const int Readers = (1 << 24) - 1, Waiters = 1 << 24, Closed = 1 << 25;

    readonly object waiting = new();
    int word;

    // Guarded by the lock on waiting.
    int waitingReaders, waitingWriters;
    long readerPhase;
    bool writerAdmitted;

    int alone; // the thread that is inside alone; others need not see it

    /// <summary>Enters with others that only read.</summary>
    public Shared Share()
    {
        var now = Volatile.Read(ref word);
        while ((now & Closed) == 0)
        {
            var seen = Interlocked.CompareExchange(ref word, now + 1, now);
            if (seen == now) return new(this);
            now = seen;
        }
        WaitToShare();
        return new(this);
    }

    /// <summary>Enters alone.</summary>
    public Alone Exclude()
    {
        if (Interlocked.CompareExchange(ref word, Closed, 0) != 0) WaitToExclude();
        alone = Environment.CurrentManagedThreadId;
        return new(this);
    }

    /// <summary>Refuses a thread that is inside alone: it would wait for itself.</summary>
    /// <exception cref="InvalidOperationException">It is.</exception>
    public void ThrowIfAlone()
    {
        if (alone == Environment.CurrentManagedThreadId)
            throw new InvalidOperationException("The numbers of the model are being changed on this thread, and until that is done nobody else may use them: what changes them in Write may not call, train, save, load or dispose the model.");
    }

    void WaitToShare()
    {
        ThrowIfAlone();
        var interrupted = false;
        using var turn = new Uninterrupted(waiting, ref interrupted);
        for (var now = Volatile.Read(ref word); ; now = Volatile.Read(ref word))
        {
            if ((now & Closed) == 0)
            {
                if (Interlocked.CompareExchange(ref word, now + 1, now) == now) return;
            }
            else if (Interlocked.CompareExchange(ref word, now | Waiters, now) == now)
            {
                break;
            }
        }
        waitingReaders++;
        for (var phase = readerPhase; phase == readerPhase;) turn.Wait(); // the writer that leaves counts us in
    }

    void LeaveShared()
    {
        var now = Interlocked.Decrement(ref word);
        if ((now & Readers) != 0 || (now & Waiters) == 0) return;
        // The last reader, and a writer waits: nobody else can enter meanwhile.
        var interrupted = false;
        using var turn = new Uninterrupted(waiting, ref interrupted);
        AdmitWriter(turn);
    }

    void WaitToExclude()
    {
        ThrowIfAlone();
        var interrupted = false;
        using var turn = new Uninterrupted(waiting, ref interrupted);
        for (var now = Volatile.Read(ref word); ; now = Volatile.Read(ref word))
        {
            if (now == 0)
            {
                if (Interlocked.CompareExchange(ref word, Closed, 0) == 0) return;
            }
            else if (Interlocked.CompareExchange(ref word, now | Waiters | Closed, now) == now)
            {
                break;
            }
        }
        waitingWriters++;
        while (!writerAdmitted) turn.Wait();
        writerAdmitted = false;
    }

    void LeaveAlone()
    {
        alone = 0;
        if (Interlocked.CompareExchange(ref word, 0, Closed) == Closed) return;
        var interrupted = false;
        using var turn = new Uninterrupted(waiting, ref interrupted);
        if (waitingReaders == 0)
        {
            AdmitWriter(turn);
            return;
        }
        var admitted = waitingReaders;
        waitingReaders = 0;
        readerPhase++;
        Volatile.Write(ref word, admitted | (waitingWriters > 0 ? Waiters | Closed : 0));
        turn.PulseAll();
    }

    // Nobody is inside: the gate is the next writer's, or open.
    void AdmitWriter(in Uninterrupted turn)
    {
        if (waitingWriters == 0)
        {
            Volatile.Write(ref word, 0);
            return;
        }
        waitingWriters--;
        writerAdmitted = true;
        Volatile.Write(ref word, Closed | (waitingReaders + waitingWriters > 0 ? Waiters : 0));
        turn.PulseAll();
    }

    /// <summary>Being inside with others; disposed once.</summary>
    public readonly ref struct Shared(StoreGate gate)
    {
        public void Dispose() => gate.LeaveShared();
    }

    /// <summary>Being inside alone; disposed once.</summary>
    public readonly ref struct Alone(StoreGate gate)
    {
        public void Dispose() => gate.LeaveAlone();
    }
}
