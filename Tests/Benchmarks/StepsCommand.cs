using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;

namespace Graph.Benchmarks;

/// <summary>
/// <c>steps [--threads N] [--seconds S] [--peer COMMAND] [MODEL…]</c>: one training step of each yardstick model, on random batches, in three rounds: median and least milliseconds, what the plan says of memory
/// and work, and the floor under it. A peer (<see cref="Peer"/>) has its rounds in turn with ours, and the ratios are its times over ours. <c>flags</c> says why the figures should not be believed.
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
        if (Yardstick.Parse([.. rest]) is not { } run) return 2;
        var conditions = Conditions.Measure(run.Threads);
        foreach (var yardstick in run.Models) Console.WriteLine(Measure(yardstick, run.Threads, run.Seconds, peer, conditions));
        return 0;
    }

    static string Measure(Yardstick yardstick, int threads, double seconds, string? peer, Conditions conditions)
    {
        using var model = yardstick.Create(threads);
        var step = yardstick.Step(model);
        var times = new List<double>();
        var loss = 0d;
        // As torch_bench.py: the first two steps warm up (here: compile kernels), then until the time is over, at least three.
        for (int i = 0; i < 2; i++) loss = step().Loss;
        long allocated = 0;
        double foreign = 0;
        var isKnown = true;
        var (rounds, peers) = (new List<double>(), new List<(double Median, double Min)>());
        for (var round = 0; round < Rounds; round++)
        {
            var (first, load, clock) = (times.Count, new ForeignLoad(), Stopwatch.StartNew());
            while (times.Count == first || clock.Elapsed.TotalSeconds < seconds / Rounds)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                var start = Stopwatch.GetTimestamp();
                step();
                allocated = Math.Max(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
                times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds); // the list grows now and then, which is no step's fault
            }
            if (load.Share is { } share) foreign = Math.Max(foreign, share);
            else isKnown = false;
            rounds.Add(times.Skip(first).Min());
            if (peer is not null) peers.Add(Peer.Run(peer, yardstick.Name));
        }
        times.Sort();
        var plan = model.Instance.Session.PlanOf("train_step");
        var line = new Dictionary<string, object>
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
            ["floor_ms"] = Math.Round(Floor.Milliseconds(plan, conditions), 3),
            ["over_floor"] = Math.Round(times[0] / Floor.Milliseconds(plan, conditions), 3),
            ["peak_1"] = Math.Round(conditions.PeakOne, 1),
            ["peak_all"] = Math.Round(conditions.PeakAll, 1),
            ["bandwidth"] = Math.Round(conditions.BandwidthAll, 1),
        };
        if (isKnown) line["foreign_load"] = Math.Round(foreign, 3);
        if (peer is not null)
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
