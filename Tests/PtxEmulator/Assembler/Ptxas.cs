using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Text.RegularExpressions;

namespace Graph.PtxEmulator;

/// <summary>What NVIDIA's assembler says about one kernel.</summary>
public sealed record KernelResources(string Name, int Registers, int StackFrame, int SpillStores, int SpillLoads, int SharedBytes, int ConstantBytes);

/// <summary>An assembler run: whether it accepted the text, all that it wrote, the resources of each kernel, and the machine code (empty if it did not accept).</summary>
public sealed record Assembly(bool Success, string Log, IReadOnlyList<KernelResources> Kernels, byte[] Cubin);

/// <summary>NVIDIA's ptxas, if there is one: an independent opinion on whether text is PTX, and on what a kernel needs.</summary>
public sealed partial class Ptxas
{
    Ptxas(string path) => Path = path;

    /// <summary>The program.</summary>
    public string Path { get; }

    /// <summary>The program that the variable <c>PTXAS</c> names (the file or its folder), or the one on the path; null if there is none.</summary>
    public static Ptxas? Find()
    {
        var name = OperatingSystem.IsWindows() ? "ptxas.exe" : "ptxas";
        if (Environment.GetEnvironmentVariable("PTXAS") is { Length: > 0 } named)
        {
            if (File.Exists(named)) return new Ptxas(named);
            var inside = System.IO.Path.Combine(named, name);
            return File.Exists(inside) ? new Ptxas(inside) : throw new FileNotFoundException($"PTXAS names '{named}', which is neither a program nor a folder with {name}.", named);
        }
        foreach (var folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(System.IO.Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            if (File.Exists(System.IO.Path.Combine(folder, name))) return new Ptxas(System.IO.Path.Combine(folder, name));
        return null;
    }

    /// <summary>Assembles a module for a target (80 for sm_80), which may be newer than the one that the text names.</summary>
    /// <exception cref="TimeoutException">It took longer than <paramref name="limit"/> (a minute unless given); the process is ended.</exception>
    public Assembly Assemble(string text, int sm, TimeSpan? limit = null)
    {
        var folder = Directory.CreateTempSubdirectory("ptxas-");
        try
        {
            var source = System.IO.Path.Combine(folder.FullName, "module.ptx");
            File.WriteAllText(source, text);
            var start = new ProcessStartInfo(Path) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = folder.FullName };
            var cubin = System.IO.Path.Combine(folder.FullName, "module.cubin");
            foreach (var argument in new[] { "-v", "-arch", string.Create(CultureInfo.InvariantCulture, $"sm_{sm}"), "-o", cubin, source }) start.ArgumentList.Add(argument);
            using var process = Process.Start(start) ?? throw new InvalidOperationException($"'{Path}' does not start.");
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            var most = limit ?? TimeSpan.FromMinutes(1);
            if (!process.WaitForExit(most))
            {
                process.Kill(entireProcessTree: true);
                throw new TimeoutException(string.Create(CultureInfo.InvariantCulture, $"ptxas did not end within {most.TotalSeconds} s."));
            }
            var log = output.GetAwaiter().GetResult() + errors.GetAwaiter().GetResult();
            return new Assembly(process.ExitCode == 0, log, Parse(log), process.ExitCode == 0 ? File.ReadAllBytes(cubin) : []);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Reads what <c>-v</c> prints.</summary>
    public static IReadOnlyList<KernelResources> Parse(string log)
    {
        var kernels = new List<KernelResources>();
        string? entry = null;
        (int Stack, int Stores, int Loads) memory = default;
        var properties = false;
        foreach (var line in log.Split('\n'))
        {
            if (EntryLine().Match(line) is { Success: true } begins) entry = begins.Groups[1].Value;
            else if (PropertiesLine().Match(line) is { Success: true } function) properties = function.Groups[1].Value == entry;
            else if (MemoryLine().Match(line) is { Success: true } spill && properties) memory = (Number(spill, 1), Number(spill, 2), Number(spill, 3));
            else if (UsedLine().Match(line) is { Success: true } used && entry is not null)
            {
                int Bytes(string of) => Regex.Match(line, @"(\d+)(?:\+\d+)? bytes " + of) is { Success: true } bytes ? Number(bytes, 1) : 0;
                kernels.Add(new KernelResources(entry, Number(used, 1), memory.Stack, memory.Stores, memory.Loads, Bytes("smem"), Bytes(@"cmem\[0\]")));
                (entry, memory, properties) = (null, default, false);
            }
        }
        return kernels;
    }

    static int Number(Match match, int group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Compiling entry function '([^']+)'")]
    private static partial Regex EntryLine();
    [GeneratedRegex(@"Function properties for (\S+)")]
    private static partial Regex PropertiesLine();
    [GeneratedRegex(@"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")]
    private static partial Regex MemoryLine();
    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex UsedLine();
}
