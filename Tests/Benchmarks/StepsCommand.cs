using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;

namespace Graph.Benchmarks;

/// <summary>
/// <c>steps [--threads N] [--seconds S] [MODEL…]</c>: one training step of each yardstick model, on random batches: median and least milliseconds, and what the plan says of memory and work.
/// </summary>
static class StepsCommand
{
    public static int Run(string[] args)
    {
        if (Yardstick.Parse(args) is not { } run) return 2;
        foreach (var yardstick in run.Models) Console.WriteLine(Measure(yardstick, run.Threads, run.Seconds));
        return 0;
    }

    static string Measure(Yardstick yardstick, int threads, double seconds)
    {
        using var model = yardstick.Create(threads);
        var step = yardstick.Step(model);
        var times = new List<double>();
        var loss = 0d;
        // As torch_bench.py: the first two steps warm up (here: compile kernels), then until the time is over, at least three.
        for (int i = 0; i < 2; i++) loss = step().Loss;
        var before = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();
        long allocated = 0;
        while (times.Count < 3 || clock.Elapsed.TotalSeconds < seconds)
        {
            before = GC.GetAllocatedBytesForCurrentThread();
            var start = Stopwatch.GetTimestamp();
            step();
            allocated = Math.Max(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds); // the list grows now and then, which is no step's fault
        }
        times.Sort();
        var plan = model.Instance.Session.PlanOf("train_step");
        return JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["model"] = yardstick.Name,
            ["ms_per_step"] = Math.Round(times[times.Count / 2], 3),
            ["min"] = Math.Round(times[0], 3),
            ["steps"] = times.Count,
            ["params"] = model.Parameters.ParameterCount,
            ["threads"] = threads,
            ["peak_rss_mb"] = PeakResidentMegabytes(),
            ["state_bytes"] = plan.StateBytes,
            ["arena_bytes"] = plan.ArenaBytes,
            ["arena_lower_bound"] = plan.LowerBound,
            ["flops"] = plan.Flops,
            ["bytes_moved"] = plan.Traffic,
            ["alloc_bytes_per_step"] = allocated,
            ["launches"] = plan.Function.Launches.Length,
            ["first_loss"] = loss,
        });
    }

    static long PeakResidentMegabytes()
    {
        const string status = "/proc/self/status";
        if (!File.Exists(status)) return Process.GetCurrentProcess().PeakWorkingSet64 >> 20;
        var line = File.ReadLines(status).First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.AsSpan(6).Trim().TrimEnd("kB ").Trim(), CultureInfo.InvariantCulture) / 1024;
    }
}
