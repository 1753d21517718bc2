using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Runtime;
using System.Text.Json;
using Graph.Runtime.Execution;

namespace Graph.Benchmarks;

/// <summary>
/// <c>start [--threads N] [--runs R] [--list] [MODEL…]</c>: what a yardstick model costs from <c>Create</c> to the first launch of its first training step, at typical sizes, and what its first step costs from the
/// start of the process, in milliseconds: the median and the least of R processes. <c>start_ms</c> is what remains beside <c>memory_ms</c> (parameters, optimizer states and intermediates: allocated and
/// given their first numbers) and <c>jit_ms</c>; of it <c>read_ms</c> goes to what the class embeds, <c>bind_ms</c> to the first call's launch table. <c>first_step_ms</c> is everything: the runtime's own start,
/// the batch, and the step with what it compiles (<c>step_jit_ms</c> on its thread). One process more counts what the runtime does on the way to the first launch, allocation and first numbers left out: types that it loads,
/// methods that the JIT compiles and methods whose code it finds in assemblies (<c>types</c>, <c>compiled</c>, <c>found</c>); <c>--list</c> lists them.
/// </summary>
static class StartCommand
{
    const string Child = "--here", Runs = "--runs", Counting = "--counts", Listing = "--list";
    const int DefaultRuns = 10;
    static readonly string[] Times = ["start_ms", "read_ms", "bind_ms", "memory_ms", "jit_ms", "step_jit_ms", "first_step_ms"];

    public static int Run(string[] args)
    {
        var here = args.Contains(Child);
        var (counts, list) = (args.Contains(Counting), args.Contains(Listing));
        var rest = args.Where(a => a is not (Child or Counting or Listing)).ToList();
        var runs = DefaultRuns;
        if (rest.IndexOf(Runs) is >= 0 and var at && at + 1 < rest.Count)
        {
            runs = int.Parse(rest[at + 1], CultureInfo.InvariantCulture);
            rest.RemoveRange(at, 2);
        }
        if (runs < 1 || Yardstick.Parse([.. rest]) is not { } run) return 2;
        foreach (var yardstick in run.Models)
            if (here) Console.WriteLine(JsonSerializer.Serialize(Measure(yardstick, run.Threads, counts, list)));
            else Console.WriteLine(Summary(yardstick.Name, [.. Enumerable.Range(0, runs).Select(_ => Apart(yardstick.Name, run.Threads))], Apart(yardstick.Name, run.Threads, list ? [Counting, Listing] : [Counting])));
        return 0;
    }

    // In a process of its own, where nothing was compiled or loaded yet. One clock for all processes of the machine.
    static Dictionary<string, double> Apart(string model, int threads, params string[] more)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (!Environment.ProcessPath!.EndsWith("Benchmarks", StringComparison.Ordinal)) start.ArgumentList.Add(typeof(StartCommand).Assembly.Location);
        foreach (var argument in (string[])["start", Child, "--threads", threads.ToString(CultureInfo.InvariantCulture), .. more, model]) start.ArgumentList.Add(argument);
        var began = Stopwatch.GetTimestamp();
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"The process for {model} ended with {process.ExitCode}: {output}");
        var times = JsonSerializer.Deserialize<Dictionary<string, double>>(output)!;
        times["first_step_ms"] = Ms(Stopwatch.GetElapsedTime(began, (long)times["stepped_at"]));
        return times;
    }

    static string Summary(string model, IReadOnlyList<Dictionary<string, double>> runs, Dictionary<string, double> counted)
    {
        var line = new Dictionary<string, object> { ["model"] = model, ["runs"] = runs.Count };
        foreach (var name in Times)
        {
            var sorted = runs.Select(r => r[name]).Order().ToList();
            line[name] = sorted[sorted.Count / 2];
            line["least_" + name] = sorted[0];
        }
        foreach (var kind in StartTrace.Kinds) line[kind] = counted[kind];
        line["launches"] = runs[0]["launches"];
        return JsonSerializer.Serialize(line);
    }

    static Dictionary<string, double> Measure(Yardstick yardstick, int threads, bool counts, bool list)
    {
        // The batch is the caller's; what the benchmark itself needs is compiled before.
        static (long Time, TimeSpan Jit) Now() => (Stopwatch.GetTimestamp(), JitInfo.GetCompilationTime(currentThread: true));
        _ = Stopwatch.GetElapsedTime(Now().Time, Now().Time);

        using var trace = counts ? new StartTrace() : null;
        var clock = DateTime.UtcNow; // of the events
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
        var stepped = Now();
        var ready = instance.Session.Prepared;

        var reading = Stopwatch.GetElapsedTime(begin.Time, read.Time) - (read.Jit - begin.Jit);
        var memory = Stopwatch.GetElapsedTime(read.Time, made.Time) - (made.Jit - read.Jit) + ready.Allocating;
        var jit = over.Jit - begin.Jit + (ready.Compiling - drawn.Jit);
        var total = Stopwatch.GetElapsedTime(begin.Time, over.Time) + Stopwatch.GetElapsedTime(drawn.Time, ready.ReadyAt);
        DateTime At(long time) => clock + Stopwatch.GetElapsedTime(begin.Time, time);
        // Without parameters, sessions and the batch, as the times.
        var events = trace is null ? [] : trace.Between(clock, At(ready.ReadyAt)).Where(e => e.At < At(read.Time) || (e.At > At(made.Time) && e.At < At(over.Time)) || e.At > At(drawn.Time)).ToList();
        if (list) foreach (var e in events) Console.Error.WriteLine($"{(e.At - clock).TotalMilliseconds.ToString("F2", CultureInfo.InvariantCulture)}\t{e.Kind}\t{e.What}");
        return new()
        {
            ["types"] = events.Where(e => e.Kind == "types").Select(e => e.What).Distinct().Count(),
            ["compiled"] = events.Count(e => e.Kind == "compiled"),
            ["found"] = events.Count(e => e.Kind == "found"),
            ["start_ms"] = Ms(total - memory - jit),
            ["read_ms"] = Ms(reading),
            ["bind_ms"] = Ms(total - memory - jit - reading),
            ["memory_ms"] = Ms(memory),
            ["jit_ms"] = Ms(jit),
            ["step_jit_ms"] = Ms(stepped.Jit - ready.Compiling),
            ["stepped_at"] = stepped.Time,
            ["launches"] = instance.Session.PlanOf("train_step").Function.Launches.Length,
        };
    }

    static double Ms(TimeSpan time) => Math.Round(time.TotalMilliseconds, 2);
}
