using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using Graph.Compiler.Ir;
using Graph.Compiler.Planning;

namespace Graph.Benchmarks;

/// <summary>
/// <c>steps [--precision fp32|fp16|bf16] [--threads N] [--seconds S] [--peer COMMAND] [MODEL…]</c>: one training step of each yardstick model, on random batches, in three rounds: median and least milliseconds, what the plan
/// says of memory and work, and the floor under it. A precision of 16 bits is measured in turn with float32, and beside it. A peer (<see cref="Peer"/>) has its rounds in turn with ours, and the ratios are its times over ours;
/// for a model on which it fails <c>peer_error</c> says why. <c>flags</c> says why the figures should not be believed.
/// </summary>
static class StepsCommand
{
    const int Rounds = 3;

    public static int Run(string[] args)
    {
        var rest = args.ToList();
        string? peer = null;
        if (rest.IndexOf("--peer") is >= 0 and var at && at + 1 < rest.Count)
        {
            peer = rest[at + 1];
            rest.RemoveRange(at, 2);
        }
        if (InPrecision.Take(rest) is not { } precision || Yardstick.Parse([.. rest]) is not { } run) return 2;
        var conditions = Conditions.Measure(run.Threads);
        foreach (var yardstick in run.Models) Console.WriteLine(Measure(yardstick, precision, run.Threads, run.Seconds, peer, conditions));
        return 0;
    }

    // A model whose step is taken again and again.
    sealed class Series : IDisposable
    {
        readonly IModel model;
        readonly Func<StepResult> step;

        public Series(Yardstick yardstick, string precision, int threads)
        {
            (model, Times) = (InPrecision.Create(yardstick, precision, threads), []);
            step = yardstick.Step(model);
            // As torch_bench.py: the first two steps warm up (here: compile kernels), then until the time is over, at least three.
            for (var i = 0; i < 2; i++) FirstLoss = step().Loss;
        }

        public List<double> Times { get; }

        public double FirstLoss { get; }

        public long Allocated { get; private set; }

        public MemoryPlan Plan => model.Instance.Session.PlanOf("train_step");

        public long Parameters => model.Parameters.ParameterCount;

        /// <summary>Takes steps for a time, at least one, and gives the least milliseconds.</summary>
        public double Round(double seconds)
        {
            var (first, clock) = (Times.Count, Stopwatch.StartNew());
            while (Times.Count == first || clock.Elapsed.TotalSeconds < seconds)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                var start = Stopwatch.GetTimestamp();
                step();
                Allocated = Math.Max(Allocated, GC.GetAllocatedBytesForCurrentThread() - before);
                Times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds); // the list grows now and then, which is no step's fault
            }
            return Times.Skip(first).Min();
        }

        public void Dispose() => model.Dispose();
    }

    static string Measure(Yardstick yardstick, string precision, int threads, double seconds, string? peer, Conditions conditions)
    {
        using var series = new Series(yardstick, precision, threads);
        using var single = precision == Precisions.Float32 ? null : new Series(yardstick, Precisions.Float32, threads);
        double foreign = 0;
        var isKnown = true;
        string? without = null;
        var (rounds, peers) = (new List<double>(), new List<(double Median, double Min)>());
        for (var round = 0; round < Rounds; round++)
        {
            var load = new ForeignLoad();
            rounds.Add(series.Round(seconds / Rounds));
            single?.Round(seconds / Rounds);
            if (load.Share is { } share) foreign = Math.Max(foreign, share);
            else isKnown = false;
            if (peer is null || without is not null) continue;
            try
            {
                peers.Add(Peer.Run(peer, yardstick.Name));
            }
            catch (FormatException e)
            {
                // One that does not know this model may know the next one.
                without = e.Message;
            }
        }
        var (times, plan) = (series.Times, series.Plan);
        times.Sort();
        var line = new Dictionary<string, object>
        {
            ["model"] = yardstick.Name,
            ["ms_per_step"] = Math.Round(times[times.Count / 2], 3),
            ["min"] = Math.Round(times[0], 3),
            ["steps"] = times.Count,
            ["params"] = series.Parameters,
            ["threads"] = threads,
            ["peak_rss_mb"] = PeakResidentMegabytes(),
            ["state_bytes"] = plan.StateBytes,
            ["arena_bytes"] = plan.ArenaBytes,
            ["arena_lower_bound"] = plan.LowerBound,
            ["flops"] = plan.Flops,
            ["bytes_moved"] = plan.Traffic,
            ["alloc_bytes_per_step"] = series.Allocated,
            ["launches"] = plan.Function.Launches.Length,
            ["first_loss"] = series.FirstLoss,
            ["floor_ms"] = Math.Round(Floor.Milliseconds(plan, conditions), 3),
            ["over_floor"] = Math.Round(times[0] / Floor.Milliseconds(plan, conditions), 3),
            ["peak_1"] = Math.Round(conditions.PeakOne, 1),
            ["peak_all"] = Math.Round(conditions.PeakAll, 1),
            ["bandwidth"] = Math.Round(conditions.BandwidthAll, 1),
        };
        if (isKnown) line["foreign_load"] = Math.Round(foreign, 3);
        if (single is not null)
        {
            single.Times.Sort();
            line["precision"] = InPrecision.Option(precision);
            line["state_bytes_per_parameter"] = Math.Round((double)plan.StateBytes / series.Parameters, 3);
            line["fp32_ms_per_step"] = Math.Round(single.Times[single.Times.Count / 2], 3);
            line["fp32_min"] = Math.Round(single.Times[0], 3);
            line["fp32_arena_bytes"] = single.Plan.ArenaBytes;
            line["arena_to_fp32"] = Math.Round((double)plan.ArenaBytes / single.Plan.ArenaBytes, 3);
            line["time_to_fp32"] = Math.Round(times[times.Count / 2] / single.Times[single.Times.Count / 2], 3);
            line["min_to_fp32"] = Math.Round(times[0] / single.Times[0], 3);
        }
        if (without is not null) line["peer_error"] = without;
        else if (peer is not null)
        {
            var medians = peers.Select(p => p.Median).Order().ToList();
            line["peer_ms_per_step"] = medians[medians.Count / 2];
            line["peer_min"] = peers.Min(p => p.Min);
            line["ratio"] = Math.Round(medians[medians.Count / 2] / times[times.Count / 2], 3);
            line["ratio_of_minima"] = Math.Round(peers.Min(p => p.Min) / times[0], 3);
        }
        line["flags"] = conditions.Flags(isKnown ? foreign : null, rounds);
        return JsonSerializer.Serialize(line);
    }

    static long PeakResidentMegabytes()
    {
        const string status = "/proc/self/status";
        if (!File.Exists(status)) return Process.GetCurrentProcess().PeakWorkingSet64 >> 20;
        var line = File.ReadLines(status).First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.AsSpan(6).Trim().TrimEnd("kB ").Trim(), CultureInfo.InvariantCulture) / 1024;
    }
}
