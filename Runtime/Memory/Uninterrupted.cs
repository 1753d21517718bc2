using System;
using System.Threading;

namespace Graph.Runtime.Memory;

/// <summary>A monitor whose waits no <see cref="Thread.Interrupt"/> cuts short, for books that have to be kept to the end. Who was interrupted is interrupted again when it leaves.</summary>
readonly ref struct Uninterrupted : IDisposable
{
    readonly object monitor;
    readonly ref bool interrupted;

    /// <param name="interrupted">Remembers the interruption until the end.</param>
    public Uninterrupted(object monitor, ref bool interrupted)
    {
        this.monitor = monitor;
        this.interrupted = ref interrupted;
        while (true)
        {
            try
            {
                Monitor.Enter(monitor);
                return;
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
        }
    }

    /// <summary>Waits for a pulse.</summary>
    public void Wait()
    {
        try
        {
            Monitor.Wait(monitor);
        }
        catch (ThreadInterruptedException)
        {
            interrupted = true;
        }
    }

    public void PulseAll() => Monitor.PulseAll(monitor);

    public void Dispose()
    {
        Monitor.Exit(monitor);
        if (interrupted) Thread.CurrentThread.Interrupt();
    }
}
