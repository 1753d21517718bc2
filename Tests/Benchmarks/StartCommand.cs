using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime;
using System.Text.Json;
using Graph.Runtime.Execution;

namespace Graph.Benchmarks;

/// <summary>
/// <c>start [--threads N] [MODEL…]</c>: what a yardstick model costs from <c>Create</c> to the first launch of its first training step, at typical sizes and in a process of its own, in
/// milliseconds. <c>start_ms</c> is what remains beside <c>memory_ms</c> (parameters, optimizer states and intermediates: allocated and given their first numbers) and <c>jit_ms</c>; of it
/// <c>read_ms</c> goes to what the class embeds, the rest to the first call's launch table.
/// </summary>
static class StartCommand
{
    const string Child = "--here";

    public static int Run(string[] args)
    {
        var here = args.Contains(Child);
        if (Yardstick.Parse([.. args.Where(a => a != Child)]) is not { } run) return 2;
        foreach (var yardstick in run.Models)
            if (here) Console.WriteLine(Measure(yardstick, run.Threads));
            else if (Apart(yardstick.Name, run.Threads) is not 0 and var code) return code;
        return 0;
    }

    // In a process of its own, where nothing was compiled or loaded yet.
    static int Apart(string model, int threads)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!);
        if (!Environment.ProcessPath!.EndsWith("Benchmarks", StringComparison.Ordinal)) start.ArgumentList.Add(typeof(StartCommand).Assembly.Location);
        foreach (var argument in new[] { "start", Child, "--threads", threads.ToString(System.Globalization.CultureInfo.InvariantCulture), model }) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }

    static string Measure(Yardstick yardstick, int threads)
    {
        // The batch is the caller's; what the benchmark itself needs is compiled before.
        static (long Time, TimeSpan Jit) Now() => (Stopwatch.GetTimestamp(), JitInfo.GetCompilationTime(currentThread: true));
        _ = Stopwatch.GetElapsedTime(Now().Time, Now().Time);

        var begin = Now();
        var compiled = yardstick.Ir().Embedded;
        var read = Now();
        var instance = new ModelInstance(compiled, seed: 1, threads);
        var made = Now();
        using var model = yardstick.Over(instance);
        var over = Now();
        var step = yardstick.Step(model);
        var drawn = Now();
        step();
        var ready = instance.Session.Prepared;

        var memory = Stopwatch.GetElapsedTime(read.Time, made.Time) - (made.Jit - read.Jit) + ready.Allocating;
        var jit = over.Jit - begin.Jit + (ready.Compiling - drawn.Jit);
        var total = Stopwatch.GetElapsedTime(begin.Time, over.Time) + Stopwatch.GetElapsedTime(drawn.Time, ready.ReadyAt);
        return JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["model"] = yardstick.Name,
            ["start_ms"] = Ms(total - memory - jit),
            ["read_ms"] = Ms(Stopwatch.GetElapsedTime(begin.Time, read.Time) - (read.Jit - begin.Jit)),
            ["memory_ms"] = Ms(memory),
            ["jit_ms"] = Ms(jit),
            ["total_ms"] = Ms(total),
            ["launches"] = instance.Session.PlanOf("train_step").Function.Launches.Length,
        });
    }

    static double Ms(TimeSpan time) => Math.Round(time.TotalMilliseconds, 2);
}
