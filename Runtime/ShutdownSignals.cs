using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Graph;

/// <summary>
/// Turns the signals that ask a process to end into a token: Ctrl-C (SIGINT), SIGTERM, and SIGHUP, which a closed terminal sends. The first one cancels, and the process goes on for as
/// long as what it does takes to come to a good end, such as training to its checkpoint. The second one has the system's effect: the process ends at once.
/// </summary>
/// <example><code>
/// using var signals = new ShutdownSignals(_ => Console.Error.WriteLine("Stopping after this step; once more to leave at once."));
/// await model.FitAsync(batches, options, progress, signals.Token);
/// </code></example>
public sealed class ShutdownSignals : IDisposable
{
    readonly CancellationTokenSource source = new();
    readonly ManualResetEventSlim ended = new();
    readonly Action<PosixSignal>? announce;
    readonly PosixSignalRegistration[] registrations;
    int first; // SIGHUP and the others are negative numbers, so 0 is none

    /// <summary>Signals are taken from now on, until this is disposed.</summary>
    /// <param name="announce">Told about the first signal, on a thread of its own. A terminal that is gone cannot be written to: what it throws is ignored.</param>
    public ShutdownSignals(Action<PosixSignal>? announce = null)
    {
        this.announce = announce;
        Token = source.Token;
        registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle), PosixSignalRegistration.Create(PosixSignal.SIGHUP, Handle),
        ];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token { get; }

    /// <summary>The first signal; null when there was none.</summary>
    public PosixSignal? Received => Volatile.Read(ref first) is var signal and not 0 ? (PosixSignal)signal : null;

    /// <summary>What a process that a signal ended returns to its shell: 128 and the signal's number, so 130 for Ctrl-C; 0 when there was none.</summary>
    public int ExitCode => Received switch
    {
        null => 0,
        PosixSignal.SIGHUP => 128 + 1,
        PosixSignal.SIGINT => 128 + 2,
        _ => 128 + 15,
    };

    void Handle(PosixSignalContext context)
    {
        if (Interlocked.CompareExchange(ref first, (int)context.Signal, 0) != 0) return; // not the first: what the system does with it
        context.Cancel = true;
        _ = source.CancelAsync(); // what is registered with the token may take long or throw, and neither may hold up the signal
        try
        {
            announce?.Invoke(context.Signal);
        }
        catch (Exception)
        {
            // As documented: nothing that a message does may cost the run.
        }
        // Windows ends the process when the handler of these returns.
        if (OperatingSystem.IsWindows() && context.Signal != PosixSignal.SIGINT) ended.Wait();
    }

    /// <summary>Signals have the system's effect again.</summary>
    public void Dispose()
    {
        foreach (var registration in registrations) registration.Dispose();
        ended.Set();
    }
}
