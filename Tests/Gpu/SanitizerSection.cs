using System;
using System.ComponentModel;
using System.Diagnostics;
using System.Linq;
using Graph.Runtime.Cuda;

namespace Graph.Gpu;

/// <summary>NVIDIA's compute-sanitizer over a part of the other sections, where it is installed: memory with each buffer an allocation of its own, and races in shared memory.</summary>
static class SanitizerSection
{
    static readonly (string Tool, string[] Arguments)[] runs =
    [
        ("memcheck", ["kernels"]), ("memcheck", ["--count", "10", "programs"]), ("racecheck", ["--count", "10", "programs"]), ("memcheck", ["--count", "10", "models"]), ("racecheck", ["--count", "10", "models"]),
    ];

    public static void Run(Card card)
    {
        foreach (var (tool, arguments) in runs)
        {
            if (!card.HasTime) break;
            var start = new ProcessStartInfo("compute-sanitizer") { RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (var word in (string[])["--tool", tool, "--error-exitcode", "9", Environment.ProcessPath!, "--device", card.Device.ToString(System.Globalization.CultureInfo.InvariantCulture), .. arguments]) start.ArgumentList.Add(word);
            start.Environment[CudaDebug.Variable] = "guards";
            var name = tool + " " + string.Join(' ', arguments);
            try
            {
                using var process = Process.Start(start)!;
                var errors = process.StandardError.ReadToEndAsync();
                var output = process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                var said = (output + errors.Result).Split('\n').Where(l => l.StartsWith("=========", StringComparison.Ordinal)).ToArray();
                card.Report(new(name, process.ExitCode == 0, ("exit", process.ExitCode), ("said", string.Join('\n', said.TakeLast(40)))));
            }
            catch (Win32Exception)
            {
                card.Report(new(name, true, ("skipped", "compute-sanitizer is not installed")));
                return;
            }
        }
    }
}
