using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>A program of ours in a process of its own. One that hangs fails the test instead of holding it up for ever, and none outlives its test.</summary>
sealed partial class ChildProcess : IDisposable
{
    public const int Interrupt = 2, Hangup = 1, Terminate = 15;

    readonly CancellationTokenSource patience = new(TimeSpan.FromMinutes(2));
    readonly Process process;

    /// <param name="program">A type of the program.</param>
    /// <param name="arguments">Its command line.</param>
    public ChildProcess(Type program, params string[] arguments)
    {
        var root = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        var start = new ProcessStartInfo(Path.Combine(root, OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"))
        {
            ArgumentList = { "exec", program.Assembly.Location }, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        HeedSignals();
        process = Process.Start(start)!;
    }

    // A shell that runs tests in the background has them ignore Ctrl-C, nohup has them ignore that the terminal is gone, and children inherit both.
    static void HeedSignals()
    {
        const string status = "/proc/self/status", key = "SigIgn:";
        if (!OperatingSystem.IsLinux() || Array.Find(File.ReadAllLines(status), line => line.StartsWith(key, StringComparison.Ordinal)) is not { } ignored) return;
        var mask = ulong.Parse(ignored.AsSpan(key.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        foreach (var signal in (int[])[Hangup, Interrupt, Terminate])
            if ((mask >> (signal - 1) & 1) != 0) SetHandler(signal, 0);
    }

    public int Id => process.Id;

    /// <summary>The next line that it prints; null when it prints no more.</summary>
    public async Task<string?> ReadAsync() => await process.StandardOutput.ReadLineAsync(patience.Token);

    /// <summary>Reads until a line is as wanted, and returns that line.</summary>
    public async Task<string> ReadUntil(Predicate<string> wanted)
    {
        var before = new List<string>();
        while (await ReadAsync() is { } line)
        {
            if (wanted(line)) return line;
            before.Add(line);
        }
        Assert.Fail($"The process ended by itself after \"{string.Join(" | ", before)}\": {await process.StandardError.ReadToEndAsync(patience.Token)}");
        return "";
    }

    public void WriteLine(string line)
    {
        process.StandardInput.WriteLine(line);
        process.StandardInput.Flush();
    }

    /// <summary>Sends a signal, as a terminal or another process does.</summary>
    public void Signal(int signal) => Assert.Equal(0, SendSignal(process.Id, signal));

    public void Kill() => process.Kill();

    /// <summary>Waits for its end.</summary>
    public async Task<(int ExitCode, string Output, string Error)> Ended()
    {
        var output = process.StandardOutput.ReadToEndAsync(patience.Token);
        var error = process.StandardError.ReadToEndAsync(patience.Token);
        await process.WaitForExitAsync(patience.Token);
        return (process.ExitCode, await output, await error);
    }

    public void Dispose()
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It is gone already.
        }
        process.Dispose();
        patience.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetHandler(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int process, int signal);
}
