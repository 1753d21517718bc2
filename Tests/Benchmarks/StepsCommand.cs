using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using Graph.Compiler.Ir;
using Graph.Yardsticks;

namespace Graph.Benchmarks;

/// <summary>
/// <c>steps [--threads N] [--seconds S] [MODEL…]</c>: one training step of each yardstick model, on random batches: median and least milliseconds, and what the plan says of memory and work.
/// </summary>
static class StepsCommand
{
    sealed record Yardstick(string Name, Func<int, IModel> Create, Func<IModel, Func<StepResult>> Step, int Batch, int Length);

    static readonly Yardstick[] yardsticks =
    [
        new("mlp", threads => Mlp.Create(seed: 1, threads: threads), m => { var x = Normal(128 * 784); var y = Labels(128, 10); return () => ((Mlp)m).TrainStep(x, y); }, 128, 0),
        new("cnn", threads => Cnn.Create(seed: 1, threads: threads), m => { var x = Normal(64 * 784); var y = Labels(64, 10); return () => ((Cnn)m).TrainStep(x, y); }, 64, 0),
        new("nanogpt", threads => NanoGpt.Create(seed: 1, threads: threads), m => { var x = Labels(12 * 64, 65); var y = Labels(12 * 64, 65); return () => ((NanoGpt)m).TrainStep(x, y, 12); }, 12, 64),
        new("resnet18", threads => ResNet18.Create(seed: 1, threads: threads), m => { var x = Normal(32 * 3 * 32 * 32); var y = Labels(32, 10); return () => ((ResNet18)m).TrainStep(x, y); }, 32, 0),
        new("gpt2", threads => Gpt2.Create(seed: 1, threads: threads), m => { var x = Labels(4 * 64, 50257); var y = Labels(4 * 64, 50257); return () => ((Gpt2)m).TrainStep(x, y, 4); }, 4, 64),
    ];

    public static int Run(string[] args)
    {
        int threads = Math.Min(2, Environment.ProcessorCount);
        double seconds = 5;
        var names = new List<string>();
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--threads" && i + 1 < args.Length) threads = int.Parse(args[++i], CultureInfo.InvariantCulture);
            else if (args[i] == "--seconds" && i + 1 < args.Length) seconds = double.Parse(args[++i], CultureInfo.InvariantCulture);
            else names.Add(args[i]);
        }
        foreach (var name in names)
        {
            if (yardsticks.Any(y => y.Name == name)) continue;
            Console.Error.WriteLine($"unknown model {name}; there are {string.Join(", ", yardsticks.Select(y => y.Name))}");
            return 2;
        }
        foreach (var yardstick in yardsticks.Where(y => names.Count == 0 || names.Contains(y.Name)))
            Console.WriteLine(Measure(yardstick, threads, seconds));
        return 0;
    }

    static string Measure(Yardstick yardstick, int threads, double seconds)
    {
        using var model = yardstick.Create(threads);
        var step = yardstick.Step(model);
        var times = new List<double>();
        var loss = 0f;
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
        var binding = new DimBinding([new("B", yardstick.Batch), .. yardstick.Length > 0 ? [new("T", yardstick.Length)] : Array.Empty<KeyValuePair<string, long>>()]);
        var plan = model.Instance.Plan("train_step", binding);
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

    static float[] Normal(int count)
    {
        var random = new Random(1);
        // Box and Muller.
        return [.. Enumerable.Range(0, count).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }

    static int[] Labels(int count, int classes)
    {
        var random = new Random(2);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(classes))];
    }
}
