using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.Json;

namespace Graph.Benchmarks;

/// <summary>
/// <c>profile [--device cpu|cuda|cuda:N] [--precision fp32|fp16|bf16] [--batch N] [--threads N] [--seconds S] [MODEL…]</c>: where the time of a training step goes, dearest launch first: milliseconds a step, the least of any step, the share of it, and what the
/// launch achieves. On a card the times are by its own clock, kernel by kernel without the graph, and the exit code is 3 where there is none.
/// </summary>
static class ProfileCommand
{
    public static int Run(string[] args)
    {
        var rest = args.ToList();
        var device = Device.Parse(Take(rest, "--device") ?? "cpu");
        int? batch = Take(rest, "--batch") is { } rows ? int.Parse(rows, CultureInfo.InvariantCulture) : null;
        if (InPrecision.Take(rest) is not { } precision || Yardstick.Parse([.. rest]) is not { } run) return 2;
        try
        {
            foreach (var yardstick in run.Models) Print(yardstick, precision, batch, run.Threads, run.Seconds, device);
            return 0;
        }
        catch (PlatformNotSupportedException e)
        {
            Console.Error.WriteLine("error: " + e.Message);
            return 3;
        }
    }

    // What stands behind an option, which is taken out; null without it.
    static string? Take(List<string> arguments, string option)
    {
        if (arguments.IndexOf(option) is not (>= 0 and var at) || at + 1 >= arguments.Count) return null;
        var value = arguments[at + 1];
        arguments.RemoveRange(at, 2);
        return value;
    }

    static void Print(Yardstick yardstick, string precision, int? batch, int threads, double seconds, Device device)
    {
        using var model = InPrecision.Create(yardstick, precision, threads, device);
        var step = yardstick.At(model, batch ?? yardstick.Batch);
        var session = model.Instance.Session;
        // Without any time one step warms up and one is measured.
        var (warm, enough) = seconds > 0 ? (2, 3) : (1, 1);
        for (int i = 0; i < warm; i++) step();
        session.Profiling = true;
        int steps = 0;
        double[] times = [], least = [];
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); steps < enough || clock.Elapsed.TotalSeconds < seconds; steps++)
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
