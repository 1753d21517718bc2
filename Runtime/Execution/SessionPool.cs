using System;
using System.Collections.Generic;
using System.Threading;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Execution;

/// <summary>
/// The sessions of one model instance: a call rents one for as long as it runs. There is one at first; calls that meet each other make more, up to a bound, and beyond it wait in the order in
/// which they came.
/// </summary>
sealed class SessionPool : IDisposable
{
    readonly Func<Session> make;
    readonly object waiting = new();
    Session[] sessions;

    // Guarded by the lock on waiting: calls wait with a number each, and sessions are given out in its order.
    readonly Stack<Session> given = new();
    long numbers, served;
    volatile int waiters;
    int bound;

    public SessionPool(Func<Session> make, int bound)
    {
        this.make = make;
        this.bound = bound;
        sessions = [make()];
    }

    /// <summary>The session of calls that meet no other.</summary>
    public Session First => sessions[0];

    /// <summary>How many there are.</summary>
    public int Count => Volatile.Read(ref sessions).Length;

    /// <summary>The most sessions, at least 1. Lowering it below what there is ends none.</summary>
    public int Bound
    {
        get => Volatile.Read(ref bound);
        set
        {
            var interrupted = false;
            using var turn = new Uninterrupted(waiting, ref interrupted);
            bound = value;
            turn.PulseAll(); // who waits may make one of those that are allowed now
        }
    }

    /// <summary>A session that nobody else has until it is returned.</summary>
    public Session Rent() => waiters == 0 && TryEnterAny() is { } free ? free : WaitForOne();

    /// <summary>Gives a rented session back.</summary>
    public void Return(Session session)
    {
        session.Leave(); // a full fence: either who begins to wait sees it free, or we see them wait
        if (waiters == 0) return;
        var interrupted = false;
        using var turn = new Uninterrupted(waiting, ref interrupted);
        Serve();
    }

    Session? TryEnterAny()
    {
        foreach (var session in Volatile.Read(ref sessions))
            if (session.TryEnter()) return session;
        return null;
    }

    Session WaitForOne()
    {
        var interrupted = false;
        using var turn = new Uninterrupted(waiting, ref interrupted);
        if (waiters == 0 && (TryEnterAny() ?? TryGrow()) is { } session) return session;
        var number = numbers++;
        waiters++;
        Interlocked.MemoryBarrier();
        Serve();
        while (served <= number)
        {
            turn.Wait();
            if (served <= number && TryGrow() is { } more) Give(more);
        }
        return given.Pop();
    }

    // Gives free sessions to those who wait, first come first served.
    void Serve()
    {
        while (waiters > 0 && TryEnterAny() is { } session) Give(session);
    }

    void Give(Session session)
    {
        given.Push(session);
        served++;
        waiters--;
        Monitor.PulseAll(waiting);
    }

    Session? TryGrow()
    {
        if (sessions.Length >= bound) return null;
        try
        {
            var session = make();
            session.TryEnter();
            given.EnsureCapacity(sessions.Length + 1);
            Volatile.Write(ref sessions, [.. sessions, session]);
            return session;
        }
        catch (OutOfMemoryException)
        {
            return null; // one of those that there are will come free
        }
    }

    /// <summary>Frees all sessions, of which none may be rented.</summary>
    public void Dispose()
    {
        foreach (var session in sessions) session.Dispose();
    }
}
