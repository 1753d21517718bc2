using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Threading;

namespace Graph.Benchmarks.Fuzz;

/// <summary>
/// <c>fuzz safetensors|idx|csv|sources|programs [--count N] [--seed S]</c>: damages sound inputs and tries them. One JSON object for the run, one for each kind of outcome, one for each of the first failures with the
/// seed that repeats it (<c>--count 1 --seed S</c>). The exit code is 1 when anything failed: an exception that is not documented, an input that was taken although it cannot be right, memory or time
/// out of proportion.
/// </summary>
static partial class FuzzCommand
{
    const int MostFailures = 10, MostKinds = 30, StuckAfter = 20;

    static readonly Dictionary<string, Func<IFuzzTarget>> targets = new()
    {
        ["safetensors"] = () => new SafetensorsTarget(),
        ["idx"] = () => new IdxTarget(),
        ["csv"] = () => new CsvTarget(),
        ["sources"] = () => new SourcesTarget(),
        ["programs"] = () => new ProgramsTarget(),
    };

    public static int Run(string[] args)
    {
        if (args.Length == 0 || !targets.TryGetValue(args[0], out var make)) throw new FormatException($"fuzz needs one of {string.Join(", ", targets.Keys)}.");
        var (count, seed) = (1000, 1);
        for (var i = 1; i < args.Length; i += 2)
        {
            var value = i + 1 < args.Length ? int.Parse(args[i + 1], CultureInfo.InvariantCulture) : throw new FormatException($"{args[i]} needs a number.");
            if (args[i] == "--count" && value > 0) count = value;
            else if (args[i] == "--seed") seed = value;
            else throw new FormatException($"{args[i]} {value} is none of --count N (at least 1) and --seed S.");
        }
        using var target = make();
        return Run(args[0], target, count, seed) == 0 ? 0 : 1;
    }

    static int Run(string name, IFuzzTarget target, int count, int seed)
    {
        var outcomes = new Dictionary<string, int>();
        var failures = new List<(int Seed, string What)>();
        var failed = 0;
        var clock = Stopwatch.StartNew();
        var current = (Seed: 0, Worked: TimeSpan.MaxValue, Since: TimeSpan.MaxValue);
        var gate = new Lock();
        // An input that never ends cannot be stopped, but it can be named. What counts is the processor's time: others may want the machine too.
        using var watch = new Timer(_ =>
        {
            lock (gate)
            {
                if (current.Since == TimeSpan.MaxValue) return;
                var (worked, waited) = (Worked - current.Worked, clock.Elapsed - current.Since);
                if (worked < target.MostTime && waited < StuckAfter * target.MostTime) return;
                Print(new { failure = $"was not done after {worked.TotalSeconds:0} s of work in {waited.TotalSeconds:0} s", seed = current.Seed });
            }
            Environment.Exit(1);
        }, null, 1000, 1000);
        for (var i = 0; i < count; i++)
        {
            var mine = unchecked(seed + i);
            lock (gate) current = (mine, Worked, clock.Elapsed);
            string outcome;
            try
            {
                outcome = Kind(target.Try(new Random(mine)));
            }
            catch (Exception e)
            {
                outcome = "FAILURE";
                failed++;
                if (failures.Count < MostFailures) failures.Add((mine, e is FuzzFailure ? e.Message : e.ToString()));
            }
            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
        }
        lock (gate) current = (0, TimeSpan.MaxValue, TimeSpan.MaxValue);
        Print(new { target = name, count, seed, failures = failed, seconds = Math.Round(clock.Elapsed.TotalSeconds, 1) });
        foreach (var (outcome, times) in outcomes.OrderByDescending(p => p.Value).Take(MostKinds)) Print(new { outcome, times });
        if (outcomes.Count > MostKinds) Print(new { outcome = $"{outcomes.Count - MostKinds} rarer ones", times = outcomes.Values.OrderDescending().Skip(MostKinds).Sum() });
        foreach (var (at, what) in failures) Print(new { failure = what, seed = at });
        return failed;
    }

    static TimeSpan Worked => Environment.CpuUsage.TotalTime;

    static readonly JsonSerializerOptions options = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    static void Print(object line) => Console.WriteLine(JsonSerializer.Serialize(line, options));

    // Messages that differ in a number, a path or a name are of one kind.
    static string Kind(string outcome)
    {
        outcome = Quoted().Replace(outcome, "'…'");
        outcome = Numbers().Replace(outcome, "#");
        return outcome.Length <= 120 ? outcome : outcome[..120] + "…";
    }

    [GeneratedRegex("""'[^']*'|\[[^\]]*\]|"[^"]*" """)]
    private static partial Regex Quoted();

    [GeneratedRegex(@"(?<![A-Za-z]\d*)-?[0-9A-F]*\d[0-9A-Fa-f.]*(E[+-])?|\b([0-9A-F]{2})+\b")]
    private static partial Regex Numbers();
}
