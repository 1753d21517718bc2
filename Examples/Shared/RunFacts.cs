using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Graph.Examples;

/// <summary>What a report says about how its run came about.</summary>
static class RunFacts
{
    /// <summary>Data, seed, device, date and the options that were given.</summary>
    /// <param name="checkpoint">The file that the run wrote, which knows its configuration.</param>
    public static (string Name, string Value)[] Of(ExampleOptions options, string data, string checkpoint) =>
    [
        ("data", data),
        .. Configuration(RunDescription.Read(checkpoint)),
        ("seed", options.Seed.ToString(CultureInfo.InvariantCulture)),
        ("device", options.Device.ToString() is var device && device.StartsWith("cuda", StringComparison.Ordinal) ? device : string.Create(CultureInfo.InvariantCulture, $"{Processor()}, vectors of {Vectors} bits, {(options.Threads == 0 ? Environment.ProcessorCount : options.Threads)} {(options.Threads == 1 ? "thread" : "threads")}")),
        ("system", $"{RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}"),
        ("command line", string.Join(" ", Environment.GetCommandLineArgs().Skip(1)) is { Length: > 0 } line ? line : "none given"),
        ("date", DateTimeOffset.Now.ToString("yyyy-MM-dd HH:mm zzz", CultureInfo.InvariantCulture)),
    ];

    static IEnumerable<(string, string)> Configuration(RunDescription? run) => run is null ? [] :
    [
        ("model", run.Model), ("compiled program", run.Plan), ("learning rate", run.Schedule ?? "the optimizer's own"),
        ("batches", string.Create(CultureInfo.InvariantCulture, $"{run.Batches:N0} of {run.BatchSize} an epoch")),
    ];

    static int Vectors => Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    // Linux has its name in a file.
    static string Processor()
    {
        const string file = "/proc/cpuinfo", field = "model name";
        try
        {
            if (File.Exists(file) && File.ReadLines(file).FirstOrDefault(l => l.StartsWith(field, StringComparison.Ordinal)) is { } line && line.Split(':', 2) is [_, var name]) return name.Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The kind of processor has to do.
        }
        return $"{RuntimeInformation.ProcessArchitecture} processor";
    }
}
