using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using Graph.Compiler.Planning;

namespace Graph.Benchmarks;

/// <summary>
/// <c>memory [--batch N] [--threads N] [--seconds S] [--svg FILE] [MODEL]</c>: a training step within smaller and smaller budgets, down to the smallest that a plan is found for: bytes of the arena, what runs again, whether
/// the losses keep their bits, and milliseconds, taken in turns. The picture shows time over memory.
/// </summary>
static class MemoryCommand
{
    const int Rounds = 5, Compared = 3;

    static readonly double[] shares = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2];

    sealed record Point(long Budget, MemoryPlan Plan, IModel Model, Func<StepResult> Step, double[] Losses, double PlanningMilliseconds)
    {
        public List<double> Times { get; } = [];
    }

    public static int Run(string[] args)
    {
        var rest = args.ToList();
        string? Option(string name)
        {
            if (rest.IndexOf(name) is not (>= 0 and var at) || at + 1 >= rest.Count) return null;
            var value = rest[at + 1];
            rest.RemoveRange(at, 2);
            return value;
        }
        var (batch, svg) = (Option("--batch"), Option("--svg"));
        if (Yardstick.Parse([.. rest]) is not { } run) return 2;
        foreach (var yardstick in run.Models)
        {
            var rows = batch is null ? yardstick.Batch : int.Parse(batch, CultureInfo.InvariantCulture);
            var points = Measure(yardstick, rows, run.Threads, run.Seconds);
            if (svg is not null) File.WriteAllText(svg, MemoryPicture.Draw($"{yardstick.Name}, batch {rows}", [.. points.Select(p => (p.Plan.ArenaBytes, p.Times.Min()))]));
            foreach (var point in points) point.Model.Dispose();
        }
        return 0;
    }

    static List<Point> Measure(Yardstick yardstick, int rows, int threads, double seconds)
    {
        var free = At(yardstick, rows, threads, null);
        var clock = Stopwatch.StartNew();
        var smallest = Rematerializer.Smallest(free.Plan.Source, free.Plan.Binding);
        var search = clock.Elapsed.TotalMilliseconds;
        var largest = Planner.LargestLaunchBytes(free.Plan.Source, free.Plan.Binding);
        List<Point> points = [free, .. shares.Skip(1).Select(s => (long)(s * free.Plan.ArenaBytes)).Where(b => b > 1.03 * smallest.Budget).Append(smallest.Budget!.Value).Select(b => At(yardstick, rows, threads, b))];
        for (var round = 0; round < Rounds; round++)
            foreach (var point in points)
                for (var took = Stopwatch.StartNew(); took.Elapsed.TotalSeconds < seconds / Rounds;)
                {
                    var start = Stopwatch.GetTimestamp();
                    point.Step();
                    point.Times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                }
        foreach (var point in points)
        {
            point.Times.Sort();
            Console.WriteLine(JsonSerializer.Serialize(new Dictionary<string, object>
            {
                ["model"] = yardstick.Name,
                ["batch"] = rows,
                ["budget"] = point.Budget,
                ["arena_bytes"] = point.Plan.ArenaBytes,
                ["share"] = Math.Round((double)point.Plan.ArenaBytes / free.Plan.ArenaBytes, 3),
                ["launches"] = point.Plan.Source.Launches.Length,
                ["again"] = point.Plan.Repeated,
                ["flops_ratio"] = Math.Round((double)point.Plan.Flops / free.Plan.Flops, 3),
                ["traffic_ratio"] = Math.Round((double)point.Plan.Traffic / free.Plan.Traffic, 3),
                ["same_losses"] = point.Losses.SequenceEqual(free.Losses),
                ["min"] = Math.Round(point.Times[0], 3),
                ["median"] = Math.Round(point.Times[point.Times.Count / 2], 3),
                ["min_ratio"] = Math.Round(point.Times[0] / free.Times[0], 3),
                ["planning_ms"] = Math.Round(point.PlanningMilliseconds, 1),
                ["largest_launch"] = largest,
                ["search_ms"] = Math.Round(search, 1),
            }));
        }
        return points;
    }

    static Point At(Yardstick yardstick, int rows, int threads, long? arena)
    {
        var model = yardstick.Create(threads);
        var step = yardstick.At(model, rows);
        var first = step().Loss;
        var plan = model.Instance.Session.PlanOf("train_step");
        if (arena is null) return new(plan.ArenaBytes, plan, model, step, [first, .. Enumerable.Range(1, Compared - 1).Select(_ => step().Loss)], 0);
        model.Dispose();
        model = yardstick.Create(threads);
        step = yardstick.At(model, rows);
        var clock = Stopwatch.StartNew();
        _ = Rematerializer.Plan(plan.Source, plan.Binding, arena.Value, out _, plan);
        var planning = clock.Elapsed.TotalMilliseconds;
        model.MemoryBudget = arena + plan.StateBytes;
        double[] losses = [.. Enumerable.Range(0, Compared).Select(_ => step().Loss)];
        return new(arena.Value, model.Instance.Session.PlanOf("train_step"), model, step, losses, planning);
    }
}
