using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;

namespace Graph.Benchmarks;

static partial class CompileCommand
{
    const int DepthRuns = 20;

    /// <summary>GPT-2 with 12 and with 48 layers, in turn: the least processor seconds of the generator once the JIT has come to rest, as in a compiler that stays, the bytes that it allocates, and how much more the deep one takes.</summary>
    static void Depth()
    {
        var source = Source(Path.Combine(GeneratorHost.Root, "Tests", "Yardsticks", "Gpt.cs"), "Gpt2");
        (double Seconds, long Bytes) Measure(int layers)
        {
            const string twelve = "Layers: 12";
            if (!source.Contains(twelve, StringComparison.Ordinal)) throw new InvalidOperationException($"Gpt.cs has no \"{twelve}\" to change.");
            // Of its own: the generator remembers what it made of a project.
            var compilation = Compilation(source.Replace(twelve, FormattableString.Invariant($"Layers: {layers}"), StringComparison.Ordinal), "Gpt.cs");
            compilation.GetDiagnostics();
            var before = Processor();
            var (bytes, _) = Generate(compilation);
            return ((Processor() - before).TotalSeconds, bytes);
        }
        var runs = Enumerable.Range(0, DepthRuns).Select(_ => (Shallow: Measure(12), Deep: Measure(48))).ToArray();
        var (shallow, deep) = (runs.Min(r => r.Shallow), runs.Min(r => r.Deep));
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            model = "gpt2, 12 and 48 layers",
            generator_s = new[] { Math.Round(shallow.Seconds, 3), Math.Round(deep.Seconds, 3) },
            generator_alloc_bytes = new[] { shallow.Bytes, deep.Bytes },
            times_seconds = Math.Round(deep.Seconds / shallow.Seconds, 2),
            times_bytes = Math.Round((double)deep.Bytes / shallow.Bytes, 2),
        }));
    }

    static TimeSpan Processor()
    {
        using var process = Process.GetCurrentProcess();
        return process.UserProcessorTime;
    }
}
