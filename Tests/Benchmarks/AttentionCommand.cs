using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;
using Graph.Runtime.Cpu;

namespace Graph.Benchmarks;

/// <summary>
/// <c>attention [--threads N] [--queries N] [BATCH HEADS KEY_HEADS LENGTH WIDTH]…</c>: milliseconds (the best of several runs) of a causal self-attention and of its gradient with one thread and with all, and 10⁹ operations a
/// second of the products over what is seen, beside the machine's measured multiply-add peak;
/// one JSON object a shape. <c>--queries</c>: so many behind keys of that length, forward. <c>flags</c> says why the figures should not be believed.
/// </summary>
static unsafe class AttentionCommand
{
    // nanogpt and gpt2 at the yardsticks' lengths and at 1024, and eight heads on two.
    static readonly long[][] shapes = [[12, 4, 4, 64, 32], [4, 4, 4, 1024, 32], [4, 12, 12, 64, 64], [1, 12, 12, 1024, 64], [1, 8, 2, 2048, 128]];

    public static int Run(string[] args)
    {
        int threads = Environment.ProcessorCount;
        long queries = 0;
        var numbers = new List<long>();
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--queries" && i + 1 < args.Length) queries = long.Parse(args[++i], CultureInfo.InvariantCulture);
            else if (args[i] == "--threads" && i + 1 < args.Length) threads = int.Parse(args[++i], CultureInfo.InvariantCulture);
            else numbers.Add(long.Parse(args[i], CultureInfo.InvariantCulture));
        }
        if (numbers.Count % 5 != 0)
        {
            Console.Error.WriteLine("usage: Benchmarks attention [--threads N] [--queries N] [BATCH HEADS KEY_HEADS LENGTH WIDTH]...");
            return 2;
        }
        using var one = new WorkerPool(1);
        using var all = new WorkerPool(threads);
        var conditions = Conditions.Measure(threads);
        if (numbers.Count == 0)
            foreach (long[] shape in shapes) Console.WriteLine(Measure(one, all, conditions, shape, queries));
        for (int i = 0; i < numbers.Count; i += 5) Console.WriteLine(Measure(one, all, conditions, [.. numbers.GetRange(i, 5)], queries));
        return 0;
    }

    static string Measure(WorkerPool one, WorkerPool all, Conditions conditions, long[] shape, long queries)
    {
        var (batch, heads, keyHeads, length, width) = (shape[0], shape[1], shape[2], shape[3], shape[4]);
        AttentionView View(long count) => new() { At = Timing.Fill(batch * count * length * width), Batch = count * length * width, Head = length * width, Row = width, Column = 1 };
        var tiles = KnownTargets.Cpu.Attention!;
        var call = (AttentionCall*)NativeMemory.AllocZeroed((nuint)sizeof(AttentionCall));
        *call = new AttentionCall
        {
            Sizes = new(batch, heads, keyHeads, queries > 0 ? queries : length, length, width, width), IsCausal = queries == 0, Scale = 1 / Math.Sqrt(width),
            Query = View(heads), Key = View(keyHeads), Value = View(keyHeads), Output = View(heads), OutputGradient = View(heads), QueryGradient = View(heads), KeyGradient = View(keyHeads), ValueGradient = View(keyHeads),
            Normalizer = new() { At = Timing.Fill(2 * batch * heads * length), Batch = 2 * heads * length, Head = 2 * length, Row = 2, Column = 1 },
        };
        call->PartCount = tiles.Parts(call->Sizes);
        call->Parts = Timing.Fill(tiles.PartBytes(call->Sizes, sizeof(float)) / sizeof(float));
        var load = new ForeignLoad();
        var row = new Dictionary<string, object> { ["shape"] = string.Join("x", shape) };
        foreach (var (kind, name, products) in new[] { (AttentionKind.Forward, "forward", 2), (AttentionKind.Gradient, "gradient", 5) })
        {
            (call->KeyTile, call->QueryTile) = kind == AttentionKind.Forward ? (tiles.Keys, 0) : (tiles.GradientKeys, tiles.GradientQueries);
            // A few queries write text: nothing is trained on them.
            if (queries > 0 && kind == AttentionKind.Gradient) break;
            var flops = queries > 0 ? 2.0 * products * batch * heads * width * queries * length : 2.0 * products * batch * heads * width * length * (length + 1) / 2;
            foreach (var (pool, peak, threads) in new[] { (one, conditions.PeakOne, "1"), (all, conditions.PeakAll, "all") })
            {
                pool.EnsureScratch(Attention<Float32Elements, float, float, Float32Attention>.ScratchBytes(kind, call));
                call->Scratch = pool.ScratchTable;
                var run = Attention<Float32Elements, float, float, Float32Attention>.Kernel(kind);
                var seconds = Timing.Best(() => run(pool, call));
                row[$"{name}_ms_{threads}"] = Math.Round(seconds * 1e3, 3);
                row[$"{name}_gflops_{threads}"] = Math.Round(flops / seconds / 1e9, 1);
                row[$"{name}_of_peak_{threads}"] = Math.Round(flops / seconds / 1e9 / peak, 3);
            }
        }
        row["flags"] = conditions.Flags(load.Share, []);
        foreach (var view in new[] { call->Query, call->Key, call->Value, call->Output, call->OutputGradient, call->QueryGradient, call->KeyGradient, call->ValueGradient, call->Normalizer }) NativeMemory.AlignedFree(view.At);
        NativeMemory.AlignedFree(call->Parts);
        NativeMemory.Free(call);
        return JsonSerializer.Serialize(row);
    }
}
