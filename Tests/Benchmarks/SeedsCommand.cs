using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;

namespace Graph.Benchmarks;

/// <summary>
/// <c>seeds [--seeds N] [--metric NAME] EXAMPLE.dll [ARGUMENT…]</c>: an example in float32, float16 and bfloat16 from N seeds each, every run a process of its own: means and deviations of a figure that it reports, and whether
/// those of 16 bits differ from float32's by no more than two standard errors of the difference; last a table of it.
/// </summary>
static class SeedsCommand
{
    public static int Run(string[] args)
    {
        var rest = args.ToList();
        string Option(string name, string otherwise)
        {
            if (rest.IndexOf(name) is not (>= 0 and var at) || at + 1 >= rest.Count) return otherwise;
            var value = rest[at + 1];
            rest.RemoveRange(at, 2);
            return value;
        }
        var (seeds, metric) = (int.Parse(Option("--seeds", "5"), CultureInfo.InvariantCulture), Option("--metric", "validation_loss"));
        if (rest.Count == 0 || !File.Exists(rest[0]) || seeds < 2)
        {
            Console.Error.WriteLine("seeds takes the assembly of a built example, and at least 2 of them");
            return 2;
        }
        double[] single = [];
        List<string> table = [$"| precision | {metric}, mean ± deviation | difference | standard error | within two |", "|---|---:|---:|---:|---|"];
        foreach (var precision in new[] { "fp32", "fp16", "bf16" })
        {
            double[] figures = [.. Enumerable.Range(1, seeds).Select(seed => Figure(rest, precision, seed, metric))];
            if (precision == "fp32") single = figures;
            var (difference, error) = (figures.Average() - single.Average(), Math.Sqrt((Variance(figures) + Variance(single)) / seeds));
            table.Add(FormattableString.Invariant($"| {precision} | {figures.Average():0.0000} ± {Math.Sqrt(Variance(figures)):0.0000} |") + (precision == "fp32" ? " | | |" : FormattableString.Invariant($" {difference:0.0000} | {error:0.0000} | {(Math.Abs(difference) <= 2 * error ? "yes" : "no")} |")));
            Console.WriteLine(JsonSerializer.Serialize(new Dictionary<string, object>
            {
                ["precision"] = precision,
                [metric] = figures,
                ["mean"] = figures.Average(),
                ["deviation"] = Math.Sqrt(Variance(figures)),
                ["difference"] = difference,
                ["standard_error"] = error,
                ["within_two"] = Math.Abs(difference) <= 2 * error,
            }));
        }
        Console.WriteLine($"\n{Path.GetFileNameWithoutExtension(rest[0])}{string.Concat(rest.Skip(1).Select(a => " " + a))}, {seeds} seeds:\n\n{string.Join("\n", table)}");
        return 0;
    }

    static double Variance(double[] figures) => figures.Sum(f => (f - figures.Average()) * (f - figures.Average())) / (figures.Length - 1);

    static double Figure(List<string> example, string precision, int seed, string metric)
    {
        var folder = Directory.CreateTempSubdirectory("graph-seeds-").FullName;
        try
        {
            var file = Path.Combine(folder, "metrics.json");
            using var process = Process.Start(new ProcessStartInfo("dotnet", [.. example, "--precision", precision, "--seed", seed.ToString(CultureInfo.InvariantCulture), "--metrics", file, "--out", folder]) { RedirectStandardOutput = true })!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0) throw new FormatException($"{example[0]} ended with {process.ExitCode}.");
            using var document = JsonDocument.Parse(File.ReadAllText(file));
            return document.RootElement.GetProperty(metric).GetDouble();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
