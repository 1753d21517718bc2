using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Graph.Runtime.Cuda;

namespace Graph.Gpu;

/// <summary>NVIDIA's compute-sanitizer over a part of the other sections, where it is installed: memory with each buffer an allocation of its own, and races in shared memory.</summary>
static partial class SanitizerSection
{
    /// <summary>The variable that says where the tool is; otherwise it is looked for on the path and where the toolkit puts it.</summary>
    public const string Variable = "COMPUTE_SANITIZER";

    const string Name = "compute-sanitizer";

    // What the tool is told to end with when it has found something: none of this program's own codes.
    const int Found = 9;

    static readonly (string Tool, string[] Arguments)[] runs =
    [
        ("memcheck", ["kernels"]), ("memcheck", ["--count", "10", "programs"]), ("racecheck", ["--count", "10", "programs"]), ("memcheck", ["--count", "10", "models"]), ("racecheck", ["--count", "10", "models"]),
    ];

    public static void Run(Card card)
    {
        if (Find() is not { } path)
        {
            card.Report(new("all", true, ("skipped", $"{Name} is not installed: it is not on the path, and {Variable} does not say where it is")));
            return;
        }
        var made = 0;
        foreach (var (tool, arguments) in runs)
        {
            if (!card.HasTime) break;
            One(card, path, tool, arguments);
            made++;
        }
        card.ReportAll(made, runs.Length);
    }

    static void One(Card card, string path, string tool, string[] arguments)
    {
        var start = new ProcessStartInfo(path) { RedirectStandardOutput = true, RedirectStandardError = true };
        string Text(double number) => number.ToString("0", CultureInfo.InvariantCulture);
        foreach (var word in (IEnumerable<string>)["--tool", tool, "--error-exitcode", Text(Found), "--print-limit", "20", .. Self(), "--device", Text(card.Device), "--seconds", Text(card.Left.TotalSeconds), .. arguments]) start.ArgumentList.Add(word);
        start.Environment[CudaDebug.Variable] = "guards";
        var name = tool + " " + string.Join(' ', arguments);
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            card.Report(new(name, false, ("error", $"{path} cannot be started: {e.Message}")));
            return;
        }
        using (process)
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            // The program ends by itself when its time is over; the tool makes each kernel slower than anything that looks at a clock between them.
            var isOver = !process.WaitForExit(card.Left + TimeSpan.FromSeconds(30));
            if (isOver) process.Kill(entireProcessTree: true);
            process.WaitForExit();
            var lines = (output.Result + "\n" + errors.Result).Split('\n').Select(l => l.TrimEnd('\r')).ToList();
            var said = lines.Where(l => l.StartsWith("=========", StringComparison.Ordinal)).ToList();
            var (findings, program) = (Findings(said), lines.Where(l => l.StartsWith('{')).ToList());
            // Nothing found by a program that got nowhere says nothing: its own findings have to be there, and fine, as its exit code is.
            var isFine = !isOver && process.ExitCode == 0 && findings == 0 && program.Count > 0;
            card.Report(new(
                name, isFine, ("exit", process.ExitCode), ("findings", findings is { } n ? n : (object)"the tool said none of its summaries"), ("lines", program.Count), ("timed_out", isOver), ("said", string.Join('\n', said.TakeLast(40))),
                ("program", isFine ? "" : string.Join('\n', lines.Except(said).Where(l => l.Length > 0 && !l.Contains("\"ok\":true", StringComparison.Ordinal)).TakeLast(20)))));
        }
    }

    /// <summary>How many errors and hazards the tool's summary counts, warnings among them; null where it printed none, as when it could not run at all.</summary>
    public static int? Findings(IEnumerable<string> said)
    {
        int? all = null;
        foreach (var line in said)
            if (Summary().Match(line) is { Success: true } match) all = (all ?? 0) + match.Groups["n"].Captures.Sum(c => int.Parse(c.ValueSpan, CultureInfo.InvariantCulture));
        return all;
    }

    // "========= ERROR SUMMARY: 2 errors", "========= RACECHECK SUMMARY: 3 hazards displayed (2 errors, 1 warning)": hazards are errors and warnings, and are counted once.
    [GeneratedRegex(@"^=+ (?:ERROR SUMMARY: (?<n>\d+) errors?\b|RACECHECK SUMMARY: (?<n>\d+) hazards? displayed|LEAK SUMMARY: \d+ bytes leaked in (?<n>\d+) allocations?)")]
    private static partial Regex Summary();

    // This program: one file, or what dotnet runs.
    static string[] Self()
    {
        var process = Environment.ProcessPath!;
        return Path.GetFileNameWithoutExtension(process) is "dotnet" or "testhost" ? [process, Path.Combine(AppContext.BaseDirectory, "Graph.Gpu.dll")] : [process];
    }

    static string? Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } said) return said;
        var file = OperatingSystem.IsWindows() ? Name + ".exe" : Name;
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Concat(new[] { Environment.GetEnvironmentVariable("CUDA_PATH"), Environment.GetEnvironmentVariable("CUDA_HOME"), OperatingSystem.IsWindows() ? null : "/usr/local/cuda" }
                .Where(root => !string.IsNullOrEmpty(root)).SelectMany(root => new[] { Path.Combine(root!, "bin"), Path.Combine(root!, "compute-sanitizer") }));
        return folders.Where(f => f.Length > 0).Select(f => Path.Combine(f, file)).FirstOrDefault(File.Exists);
    }
}
