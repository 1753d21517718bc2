using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.Json;
using Graph.Yardsticks;

namespace Graph.Benchmarks;

/// <summary>
/// <c>inference [--threads N] [--seconds S] [--peer COMMAND] [--profile] [MODEL | MODEL:BATCH]…</c>: one call of an entry of a yardstick model, in three rounds: median and least milliseconds, and what it allocates. A peer
/// (<see cref="Peer"/>; ort_inference.py beside this file) has its rounds in turn with ours. It gets the model's name, the batch, the threads, the seconds of a round, and the paths of a file of the model's weights (safetensors),
/// of one with the input and of one for its output: raw numbers. The ratios are its times over ours, and <c>difference</c> is how far apart the outputs are, relative to the largest. The last line has the geometric means. <c>--profile</c> prints
/// the mean milliseconds of each launch instead.
/// </summary>
static class InferenceCommand
{
    const int Rounds = 3;

    /// <summary>A model's entry on a batch of random numbers.</summary>
    /// <param name="Name">The yardstick's name.</param>
    /// <param name="Batches">The batches that are measured when none is named.</param>
    /// <param name="Entry">Draws an input and gives it, where the output goes, and the call.</param>
    sealed record Model(string Name, int[] Batches, Func<IModel, int, (Array Input, float[] Output, Action Call)> Entry);

    static readonly Model[] models =
    [
        new("mlp", [1, 32], (m, b) => { var (x, y) = (Normal(b * 784), new float[b * 10]); return (x, y, () => ((Mlp)m).Logits(x, y)); }),
        new("cnn", [1, 32], (m, b) => { var (x, y) = (Normal(b * 784), new float[b * 10]); return (x, y, () => ((Cnn)m).Logits(x, y)); }),
        new("resnet18", [1, 32], (m, b) => { var (x, y) = (Normal(b * 3 * 32 * 32), new float[b * 10]); return (x, y, () => ((ResNet18)m).Logits(x, y)); }),
        new("nanogpt", [1], (m, b) => { var (x, y) = (Tokens(b * 64), new float[b * 64 * 65]); return (x, y, () => ((NanoGpt)m).Logits(x, y, b)); }),
    ];

    public static int Run(string[] args)
    {
        int threads = Math.Min(2, Environment.ProcessorCount);
        double seconds = 3;
        string? peer = null;
        var profile = false;
        var cases = new List<(Model Model, int Batch)>();
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--threads" && i + 1 < args.Length) threads = int.Parse(args[++i], CultureInfo.InvariantCulture);
            else if (args[i] == "--seconds" && i + 1 < args.Length) seconds = double.Parse(args[++i], CultureInfo.InvariantCulture);
            else if (args[i] == "--peer" && i + 1 < args.Length) peer = args[++i];
            else if (args[i] == "--profile") profile = true;
            else
            {
                var parts = args[i].Split(':');
                if (models.FirstOrDefault(m => m.Name == parts[0]) is not { } model)
                {
                    Console.Error.WriteLine($"unknown model {parts[0]}; there are {string.Join(", ", models.Select(m => m.Name))}");
                    return 2;
                }
                cases.AddRange((parts.Length > 1 ? [int.Parse(parts[1], CultureInfo.InvariantCulture)] : model.Batches).Select(batch => (model, batch)));
            }
        }
        if (cases.Count == 0) cases.AddRange(models.SelectMany(m => m.Batches.Select(batch => (m, batch))));
        if (profile)
        {
            foreach (var (model, batch) in cases) Profile(model, batch, threads, seconds);
            return 0;
        }
        var conditions = Conditions.Measure(threads);
        List<double> medians = [], minima = [];
        var folder = Directory.CreateTempSubdirectory("inference");
        try
        {
            foreach (var (model, batch) in cases) Console.WriteLine(Measure(model, batch, threads, seconds, peer, conditions, folder.FullName, medians, minima));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
        if (medians.Count > 1) Console.WriteLine(JsonSerializer.Serialize(new Dictionary<string, object> { ["ratios"] = medians.Count, ["geometric_mean"] = Mean(medians), ["geometric_mean_of_minima"] = Mean(minima), ["least_of_minima"] = minima.Min() }));
        return 0;

        static double Mean(List<double> ratios) => Math.Round(Math.Exp(ratios.Average(Math.Log)), 3);
    }

    static void Profile(Model of, int batch, int threads, double seconds)
    {
        using var model = Yardstick.All.Single(y => y.Name == of.Name).Create(threads);
        var call = of.Entry(model, batch).Call;
        var session = model.Instance.Session;
        for (var i = 0; i < 3; i++) call();
        session.Profiling = true;
        var (calls, clock) = (0, Stopwatch.StartNew());
        for (; calls < 5 || clock.Elapsed.TotalSeconds < seconds; calls++) call();
        var (launches, times) = (session.PlanOf("logits").Function.Launches, session.Profile("logits"));
        for (var i = 0; i < times.Length; i++)
            Console.WriteLine(JsonSerializer.Serialize(new Dictionary<string, object> { ["model"] = of.Name, ["batch"] = batch, ["launch"] = launches[i].Title, ["ms"] = Math.Round(1e3 * times[i] / calls, 5), ["from"] = string.Join(", ", launches[i].Origins) }));
    }

    static string Measure(Model of, int batch, int threads, double seconds, string? peer, Conditions conditions, string folder, List<double> medians, List<double> minima)
    {
        using var model = Yardstick.All.Single(y => y.Name == of.Name).Create(threads);
        Train(model);
        var (input, output, call) = of.Entry(model, batch);
        string weights = Path.Combine(folder, "weights.safetensors"), inputs = Path.Combine(folder, "input"), outputs = Path.Combine(folder, "output");
        model.Save(weights);
        File.WriteAllBytes(inputs, input is float[] reals ? MemoryMarshal.AsBytes(reals.AsSpan()).ToArray() : MemoryMarshal.AsBytes(((int[])input).AsSpan()).ToArray());
        for (var i = 0; i < 3; i++) call();
        long allocated = 0;
        double foreign = 0;
        var isKnown = true;
        var times = new List<double>();
        var (rounds, peers) = (new List<double>(), new List<(double Median, double Min)>());
        for (var round = 0; round < Rounds; round++)
        {
            var (first, load, clock) = (times.Count, new ForeignLoad(), Stopwatch.StartNew());
            while (times.Count < first + 5 || clock.Elapsed.TotalSeconds < seconds / Rounds)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                var start = Stopwatch.GetTimestamp();
                call();
                var elapsed = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                allocated = Math.Max(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
                times.Add(elapsed); // the list grows now and then, which is no call's fault
            }
            if (load.Share is { } share) foreign = Math.Max(foreign, share);
            else isKnown = false;
            rounds.Add(times.Skip(first).Min());
            if (peer is not null) peers.Add(Peer.Run(peer, string.Create(CultureInfo.InvariantCulture, $"{of.Name} {batch} {threads} {seconds / Rounds} {weights} {inputs} {outputs}")));
        }
        times.Sort();
        var line = new Dictionary<string, object>
        {
            ["model"] = of.Name, ["batch"] = batch, ["threads"] = threads,
            ["ms_per_call"] = Math.Round(times[times.Count / 2], 5), ["min"] = Math.Round(times[0], 5), ["calls"] = times.Count, ["alloc_bytes_per_call"] = allocated,
        };
        if (isKnown) line["foreign_load"] = Math.Round(foreign, 3);
        if (peer is not null)
        {
            var sorted = peers.Select(p => p.Median).Order().ToList();
            var (median, least) = (sorted[sorted.Count / 2] / times[times.Count / 2], peers.Min(p => p.Min) / times[0]);
            medians.Add(median);
            minima.Add(least);
            (line["peer_ms_per_call"], line["peer_min"]) = (sorted[sorted.Count / 2], peers.Min(p => p.Min));
            (line["ratio"], line["ratio_of_minima"]) = (Math.Round(median, 3), Math.Round(least, 3));
            line["difference"] = Difference(output, outputs);
        }
        line["flags"] = conditions.Flags(isKnown ? foreign : null, rounds);
        return JsonSerializer.Serialize(line);
    }

    static double Difference(float[] ours, string path)
    {
        var theirs = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(path)).ToArray();
        if (theirs.Length != ours.Length) throw new FormatException($"the peer wrote {theirs.Length} numbers, but the entry gives {ours.Length}");
        return ours.Zip(theirs).Max(p => Math.Abs((double)p.First - p.Second)) / ours.Max(Math.Abs);
    }

    // Statistics of batch norms as after a training, not those of the start, which change nothing.
    static void Train(IModel model)
    {
        var random = new Random(5);
        foreach (var path in model.Instance.Store.Select(t => t.Path).Where(p => p.Contains("running_", StringComparison.Ordinal)).ToList())
            model.Instance.Store[path].Write<float>(values =>
            {
                foreach (ref var value in values) value = (float)(path.EndsWith("var", StringComparison.Ordinal) ? 0.5 + random.NextDouble() : random.NextDouble() - 0.5);
            });
    }

    static float[] Normal(int count) => Yardstick.Normal(count);

    static int[] Tokens(int count) => Yardstick.Labels(count, 65);
}
