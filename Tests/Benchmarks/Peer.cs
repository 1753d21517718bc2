using System;
using System.Diagnostics;
using System.Text.Json;

namespace Graph.Benchmarks;

/// <summary>
/// Another program that makes the same steps: a command line that prints a JSON object with <c>ms_per_step</c> and <c>min</c>, as its last line, for the model that is put behind it. It runs in turn with ours, so that
/// both see the same machine.
/// </summary>
static class Peer
{
    /// <exception cref="FormatException">The command failed, or printed something else.</exception>
    public static (double Median, double Min) Run(string command, string model)
    {
        var start = OperatingSystem.IsWindows() ? new ProcessStartInfo("cmd") { ArgumentList = { "/c", $"{command} {model}" } } : new ProcessStartInfo("/bin/sh") { ArgumentList = { "-c", $"{command} {model}" } };
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new FormatException($"the peer '{command} {model}' ended with {process.ExitCode}: {(output + errors.Result).Trim()}");
        try
        {
            using var line = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
            return (line.RootElement.GetProperty("ms_per_step").GetDouble(), line.RootElement.GetProperty("min").GetDouble());
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or System.Collections.Generic.KeyNotFoundException)
        {
            throw new FormatException($"the peer '{command} {model}' must print a JSON object with ms_per_step and min as its last line, but printed: {output}", e);
        }
    }
}
