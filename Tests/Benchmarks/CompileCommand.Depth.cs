using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Graph.Benchmarks;

static partial class CompileCommand
{
    // Pairs of runs: at most so many, or until so many in a row in which the JIT compiled no more than so many methods.
    const int MostPairs = 100, StillPairs = 3, StillMethods = 20;
    const int FreshRuns = 3;

    /// <summary>
    /// GPT-2 with 12 and with 48 layers, in turn. The least processor seconds of the process, in which the JIT compiles again in threads of its own what runs often: it hardly ever comes to rest, and a longer run has more of that
    /// in it, so <c>still</c> says whether it did, and <c>without_jit_s</c> is the least of what the runtime does not count as the JIT's. The least of the generator's own thread, collections of garbage included and the JIT's threads not. The bytes that the generator allocates. The least seconds of the generator
    /// as fresh compiler processes report them, JIT and all. Characters of the texts that the generator embeds. And how much more the deep one takes. Then GPT-2 XL in a fresh compiler.
    /// </summary>
    static void Depth()
    {
        var source = Source(Path.Combine(GeneratorHost.Root, "Tests", "Yardsticks", "Gpt.cs"), "Gpt2");
        string Of(int layers, int heads = 12, int width = 768)
        {
            const string written = "Layers: 12, Heads: 12, Width: 768";
            if (!source.Contains(written, StringComparison.Ordinal)) throw new InvalidOperationException($"Gpt.cs has no \"{written}\" to change.");
            return source.Replace(written, FormattableString.Invariant($"Layers: {layers}, Heads: {heads}, Width: {width}"), StringComparison.Ordinal);
        }
        static (double Process, double WithoutJit, double Thread, long Bytes) Measure(string text)
        {
            // Of its own: the generator remembers what it made of a project.
            var compilation = Compilation(text, "Gpt.cs");
            compilation.GetDiagnostics();
            var (process, thread, jit) = (Processor(), OwnThread(), JitInfo.GetCompilationTime());
            var (bytes, _) = Generate(compilation);
            var took = (Processor() - process).TotalSeconds;
            return (took, took - (JitInfo.GetCompilationTime() - jit).TotalSeconds, OwnThread() - thread, bytes);
        }
        static object Both(double shallow, double deep) => new[] { Math.Round(shallow, 3), Math.Round(deep, 3) };
        static double Times(double shallow, double deep) => Math.Round(deep / shallow, 2);

        var runs = new List<((double Process, double WithoutJit, double Thread, long Bytes) Shallow, (double Process, double WithoutJit, double Thread, long Bytes) Deep)>();
        var still = 0;
        while (runs.Count < MostPairs && still < StillPairs)
        {
            var methods = JitInfo.GetCompiledMethodCount();
            runs.Add((Measure(Of(12)), Measure(Of(48))));
            still = JitInfo.GetCompiledMethodCount() - methods <= StillMethods ? still + 1 : 0;
        }
        var fresh = Enumerable.Range(0, FreshRuns).Select(_ => (Shallow: RunCompiler(Of(12)).Generator, Deep: RunCompiler(Of(48)).Generator)).ToArray();
        var process = (Shallow: runs.Min(r => r.Shallow.Process), Deep: runs.Min(r => r.Deep.Process));
        var without = (Shallow: runs.Min(r => r.Shallow.WithoutJit), Deep: runs.Min(r => r.Deep.WithoutJit));
        var thread = (Shallow: runs.Min(r => r.Shallow.Thread), Deep: runs.Min(r => r.Deep.Thread));
        var bytes = (Shallow: runs.Min(r => r.Shallow.Bytes), Deep: runs.Min(r => r.Deep.Bytes));
        var first = (Shallow: fresh.Min(r => r.Shallow), Deep: fresh.Min(r => r.Deep));
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            model = "gpt2, 12 and 48 layers",
            pairs = runs.Count,
            still = still == StillPairs,
            generator_s = Both(process.Shallow, process.Deep),
            without_jit_s = Both(without.Shallow, without.Deep),
            thread_s = Both(thread.Shallow, thread.Deep),
            fresh_s = Both(first.Shallow, first.Deep),
            generator_alloc_bytes = new[] { bytes.Shallow, bytes.Deep },
            times_seconds = Times(process.Shallow, process.Deep),
            times_without_jit = Times(without.Shallow, without.Deep),
            times_thread = Times(thread.Shallow, thread.Deep),
            times_fresh = Times(first.Shallow, first.Deep),
            times_bytes = Times(bytes.Shallow, bytes.Deep),
            text_chars = Texts(Of(12)).Zip(Texts(Of(48)), (a, b) => (a.Name, new[] { a.Length, b.Length })).ToDictionary(),
        }));
        var xl = Of(48, heads: 25, width: 1600);
        var (total, generator, _) = RunCompiler(xl);
        Console.WriteLine(JsonSerializer.Serialize(new { model = "gpt2-xl", total_s = Math.Round(total, 3), generator_s = Math.Round(generator, 3), generator_alloc_bytes = Measure(xl).Bytes }));
    }

    // The texts that the generator embeds, from their first line to their sum.
    static IEnumerable<(string Name, int Length)> Texts(string source)
    {
        var kernels = Driver().RunGenerators(Compilation(source, "Gpt.cs")).GetRunResult().GeneratedTrees.Select(tree => tree.ToString()).Where(text => text.Contains("\nstarted version ", StringComparison.Ordinal)).ToList();
        foreach (var what in (string[])["started", "lowered", "planned"])
            yield return (what, kernels.Sum(text => text.IndexOf("\n" + what + " version ", StringComparison.Ordinal) is >= 0 and var at ? text.IndexOf("\nend ", at, StringComparison.Ordinal) - at : 0));
    }

    /// <summary>Processor seconds of the calling thread; those of the process where the system does not tell.</summary>
    static double OwnThread() => OperatingSystem.IsLinux() && ClockGetTime(3, out var time) == 0 ? time.Seconds + time.Nanoseconds / 1e9 : Processor().TotalSeconds;

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    readonly record struct TimeSpec(long Seconds, long Nanoseconds);

    static TimeSpan Processor()
    {
        using var process = Process.GetCurrentProcess();
        return process.UserProcessorTime;
    }
}
