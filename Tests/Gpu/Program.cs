using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using Graph.Runtime.Cuda;

namespace Graph.Gpu;

/// <summary>
/// <c>Gpu [--device N] [--seconds S] [--first F] [--count C] [--out FILE] [SECTION]…</c>: what was shown on the emulator, on a card. Each section prints one JSON object a finding; the exit code is 1 where one failed, 2 for a wrong command line,
/// 3 without a card.
/// </summary>
static class Program
{
    static readonly (string Name, Action<Card> Run)[] sections =
        [
            ("device", DeviceSection.Run), ("functions", FunctionsSection.Run), ("kernels", KernelsSection.Run), ("programs", ProgramsSection.Run), ("load", LoadSection.Run), ("occupancy", OccupancySection.Run), ("models", ModelsSection.Run), ("profile", ProfileSection.Run), ("speed", SpeedSection.Run), ("tensor", TensorSpeedSection.Run),
            ("sanitizer", SanitizerSection.Run),
        ];

    static int Main(string[] args)
    {
        var (device, seconds, first, count, file, names) = (0, 420.0, 0, 1000, (string?)null, new List<string>());
        for (var i = 0; i < args.Length; i++)
        {
            string? Next() => i + 1 < args.Length ? args[++i] : null;
            switch (args[i])
            {
                case "--device" when int.TryParse(Next(), NumberStyles.None, CultureInfo.InvariantCulture, out device): break;
                case "--seconds" when double.TryParse(Next(), NumberStyles.Float, CultureInfo.InvariantCulture, out seconds): break;
                case "--first" when int.TryParse(Next(), NumberStyles.None, CultureInfo.InvariantCulture, out first): break;
                case "--count" when int.TryParse(Next(), NumberStyles.None, CultureInfo.InvariantCulture, out count): break;
                case "--out" when Next() is { } path: file = path; break;
                case var name when sections.Any(s => s.Name == name): names.Add(name); break;
                default:
                    Console.Error.WriteLine($"usage: Gpu [--device N] [--seconds S] [--first F] [--count C] [--out FILE] [{string.Join('|', sections.Select(s => s.Name))}]...");
                    return 2;
            }
        }
        using var lines = file is null ? null : new StreamWriter(file) { AutoFlush = true };
        var failed = false;
        try
        {
            foreach (var (name, run) in sections.Where(s => names.Count == 0 || names.Contains(s.Name)))
            {
                var began = Stopwatch.StartNew();
                void Report(Finding finding)
                {
                    failed |= !finding.IsFine;
                    var line = finding.Json(name, began.Elapsed);
                    Console.WriteLine(line);
                    lines?.WriteLine(line);
                }
                try
                {
                    run(new(() => CudaDrivers.Open(device), TimeSpan.FromSeconds(seconds), device, first, count, Report));
                }
                catch (Exception e) when (e is not PlatformNotSupportedException)
                {
                    // What one section meets is a finding, and the others have their turn.
                    Report(new("ended", false, ("error", e.ToString())));
                }
            }
        }
        catch (PlatformNotSupportedException e)
        {
            Console.Error.WriteLine("error: " + e.Message);
            return 3;
        }
        return failed ? 1 : 0;
    }
}
