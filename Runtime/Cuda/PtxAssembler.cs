using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;

namespace Graph.Runtime.Cuda;

/// <summary>NVIDIA's assembler, where somebody has it: it says how many registers kernels take. Nothing but reports needs it.</summary>
static partial class PtxAssembler
{
    /// <summary>The program: what <c>PTXAS</c> names, itself or its folder, or ptxas on the path; null when there is none.</summary>
    public static string? Find()
    {
        var file = OperatingSystem.IsWindows() ? "ptxas.exe" : "ptxas";
        if (Environment.GetEnvironmentVariable("PTXAS") is { Length: > 0 } named) return File.Exists(named) ? named : File.Exists(Path.Combine(named, file)) ? Path.Combine(named, file) : null;
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);
    }

    /// <summary>Registers of a thread, by function; null when there is no assembler, or it takes the module for that card not.</summary>
    public static IReadOnlyDictionary<string, int>? Registers(string module, Sm card)
    {
        if (Find() is not { } program) return null;
        var source = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N") + ".ptx");
        try
        {
            File.WriteAllText(source, module);
            var start = new ProcessStartInfo(program) { RedirectStandardError = true, RedirectStandardOutput = true };
            foreach (var argument in (string[])["--verbose", "--gpu-name", "sm_" + ((int)card).ToString(CultureInfo.InvariantCulture), "--output-file", source + ".cubin", source]) start.ArgumentList.Add(argument);
            using var process = Process.Start(start)!;
            process.OutputDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            var log = process.StandardError.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0) return null;
            // Of each function: "Compiling entry function 'NAME' …", then "Used N registers, …".
            return Entry().Matches(log).ToDictionary(m => m.Groups["name"].Value, m => int.Parse(m.Groups["registers"].Value, CultureInfo.InvariantCulture), StringComparer.Ordinal);
        }
        catch (Win32Exception)
        {
            return null; // no program that can be started
        }
        finally
        {
            File.Delete(source);
            File.Delete(source + ".cubin");
        }
    }

    [GeneratedRegex(@"Compiling entry function '(?<name>[^']+)'.*?Used (?<registers>\d+) registers", RegexOptions.Singleline | RegexOptions.CultureInvariant)]
    private static partial Regex Entry();
}
