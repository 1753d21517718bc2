using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Text.Json;
using Graph.Yardsticks;

namespace Graph.Benchmarks;

/// <summary>
/// <c>decode [--threads N] [--seconds S] [KEPT]…</c>: GPT-2 that writes token by token, keys and values of so many tokens kept: milliseconds a token, median and least, and tokens a second by the least; one JSON
/// object for each count.
/// </summary>
static class DecodeCommand
{
    public static int Run(string[] args)
    {
        var (threads, seconds) = (Math.Min(2, Environment.ProcessorCount), 3.0);
        var counts = new List<int>();
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i] == "--threads" && i + 1 < args.Length) threads = int.Parse(args[++i], CultureInfo.InvariantCulture);
            else if (args[i] == "--seconds" && i + 1 < args.Length) seconds = double.Parse(args[++i], CultureInfo.InvariantCulture);
            else counts.Add(int.Parse(args[i], CultureInfo.InvariantCulture));
        }
        if (counts.Count == 0) counts.AddRange([0, 255, 1023]);
        using var all = Gpt2Writer.Create(seed: 1, threads: threads);
        using var model = all.NewSession(threads); // what is kept is a session's
        var scores = new float[50257];
        foreach (var kept in counts) Console.WriteLine(Measure(model, kept, seconds, threads, scores));
        return 0;
    }

    static string Measure(Gpt2Writer model, int kept, double seconds, int threads, float[] scores)
    {
        // What is kept are numbers like any: the time does not depend on them.
        int[] token = [1], at = [kept];
        for (var i = 0; i < 2; i++) model.Next(token, at, scores);
        var (times, load, clock) = (new List<double>(), new ForeignLoad(), Stopwatch.StartNew());
        while (times.Count < 5 || clock.Elapsed.TotalSeconds < seconds)
        {
            var start = Stopwatch.GetTimestamp();
            model.Next(token, at, scores);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        times.Sort();
        var line = new Dictionary<string, object>
        {
            ["model"] = "gpt2", ["kept"] = kept, ["threads"] = threads, ["ms_per_token"] = Math.Round(times[times.Count / 2], 3), ["min"] = Math.Round(times[0], 3), ["tokens_per_second"] = Math.Round(1e3 / times[0], 1),
        };
        if (load.Share is { } share) line["foreign_load"] = Math.Round(share, 3);
        return JsonSerializer.Serialize(line);
    }
}
