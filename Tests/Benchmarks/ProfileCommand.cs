using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;

namespace Graph.Benchmarks;

/// <summary>
/// <c>profile [--precision fp32|fp16|bf16] [--threads N] [--seconds S] [MODEL…]</c>: where the time of a training step goes, dearest launch first: milliseconds a step, the least of any step, the share of it, and what the launch achieves.
/// </summary>
static class ProfileCommand
{
    public static int Run(string[] args)
    {
        var rest = args.ToList();
        if (InPrecision.Take(rest) is not { } precision || Yardstick.Parse([.. rest]) is not { } run) return 2;
        foreach (var yardstick in run.Models) Print(yardstick, precision, run.Threads, run.Seconds);
        return 0;
    }

    static void Print(Yardstick yardstick, string precision, int threads, double seconds)
    {
        using var model = InPrecision.Create(yardstick, precision, threads);
        var step = yardstick.Step(model);
        var session = model.Instance.Session;
        for (int i = 0; i < 2; i++) step();
        session.Profiling = true;
        int steps = 0;
        double[] times = [], least = [];
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); steps < 3 || clock.Elapsed.TotalSeconds < seconds; steps++)
        {
            step();
            var (before, now) = (times, session.Profile("train_step"));
            least = steps == 0 ? now : [.. now.Select((t, i) => Math.Min(least[i], t - before[i]))];
            times = now;
        }
        var plan = session.PlanOf("train_step");
        var all = times.Sum();
        foreach (int i in Enumerable.Range(0, times.Length).OrderByDescending(i => times[i]))
        {
            var launch = plan.Function.Launches[i];
            var time = times[i] / steps;
            Console.WriteLine(JsonSerializer.Serialize(new Dictionary<string, object>
            {
                ["model"] = yardstick.Name,
                ["launch"] = i,
                ["kernel"] = launch.Title,
                ["ms"] = Math.Round(time * 1e3, 3),
                ["least_ms"] = Math.Round(least[i] * 1e3, 3),
                ["share"] = Math.Round(times[i] / all, 4),
                ["gflops"] = Math.Round(launch.Flops.Evaluate(plan.Binding) / time / 1e9, 1),
                ["gbytes_per_second"] = Math.Round(launch.Traffic.Evaluate(plan.Binding) / time / 1e9, 1),
                ["origin"] = string.Join(", ", launch.Origins.Take(3)),
            }));
        }
    }
}
