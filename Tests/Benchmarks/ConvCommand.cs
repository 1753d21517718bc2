using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.Json;
using Graph.Compiler.Kernels;
using Graph.Runtime.Cpu;

namespace Graph.Benchmarks;

/// <summary>
/// <c>conv [--threads N] [--rounds R] [--peer COMMAND] [BATCH CHANNELS SIZE FILTERS KERNEL STRIDE]…</c>: milliseconds (the best of several runs, of all rounds) of a square convolution padded to
/// keep its size, and of its two gradients, one JSON object a shape; without shapes those of the yardsticks cnn and resnet18. The peer (torch_conv.py beside this file) gets the threads and the
/// six numbers of a shape and prints such an object of its own; it is asked in turn with ours, and the ratios of our times to its are printed too, with their geometric mean in the end.
/// </summary>
static unsafe class ConvCommand
{
    static readonly long[][] shapes =
    [
        [64, 1, 28, 32, 3, 1], [64, 32, 14, 64, 3, 1], [32, 3, 32, 64, 3, 1], [32, 64, 32, 64, 3, 1], [32, 64, 32, 128, 3, 2], [32, 64, 32, 128, 1, 2], [32, 128, 16, 128, 3, 1],
        [32, 128, 16, 256, 3, 2], [32, 128, 16, 256, 1, 2], [32, 256, 8, 256, 3, 1], [32, 256, 8, 512, 3, 2], [32, 256, 8, 512, 1, 2], [32, 512, 4, 512, 3, 1],
    ];

    static readonly ConvolutionKind[] kinds = [ConvolutionKind.Forward, ConvolutionKind.ImageGradient, ConvolutionKind.WeightGradient];

    static readonly string[] names = ["forward", "image_gradient", "weight_gradient"];

    public static int Run(string[] args)
    {
        int threads = Environment.ProcessorCount, rounds = 1;
        string? peer = null;
        var numbers = new List<long>();
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--threads" && i + 1 < args.Length) threads = int.Parse(args[++i], CultureInfo.InvariantCulture);
            else if (args[i] == "--rounds" && i + 1 < args.Length) rounds = int.Parse(args[++i], CultureInfo.InvariantCulture);
            else if (args[i] == "--peer" && i + 1 < args.Length) peer = args[++i];
            else numbers.Add(long.Parse(args[i], CultureInfo.InvariantCulture));
        }
        if (numbers.Count % 6 != 0 || rounds < 1)
        {
            Console.Error.WriteLine("usage: Benchmarks conv [--threads N] [--rounds R] [--peer COMMAND] [BATCH CHANNELS SIZE FILTERS KERNEL STRIDE]...");
            return 2;
        }
        using var pool = new WorkerPool(threads);
        var ratios = new List<double>();
        foreach (long[] shape in numbers.Count == 0 ? shapes : numbers.Chunk(6)) Print(pool, shape, rounds, peer, ratios);
        if (ratios.Count > 0)
            Console.WriteLine(JsonSerializer.Serialize(new Dictionary<string, object> { ["ratios"] = ratios.Count, ["geometric_mean"] = Math.Round(Math.Exp(ratios.Average(Math.Log)), 3), ["worst"] = Math.Round(ratios.Max(), 3) }));
        return 0;
    }

    static void Print(WorkerPool pool, long[] shape, int rounds, string? peer, List<double> ratios)
    {
        double[] ours = [double.MaxValue, double.MaxValue, double.MaxValue], theirs = [.. ours];
        for (int round = 0; round < rounds; round++)
        {
            Least(ours, Measure(pool, shape));
            if (peer is not null) Least(theirs, Ask(peer, pool.Threads, shape));
        }
        long map = (shape[2] - 1) / shape[5] + 1;
        double work = 2e-6 * shape[0] * shape[3] * map * map * shape[1] * shape[4] * shape[4];
        var line = new Dictionary<string, object>
        {
            ["batch"] = shape[0], ["channels"] = shape[1], ["size"] = shape[2], ["filters"] = shape[3], ["kernel"] = shape[4], ["stride"] = shape[5], ["threads"] = pool.Threads,
        };
        for (int i = 0; i < names.Length; i++)
        {
            line[names[i] + "_ms"] = Math.Round(ours[i], 3);
            line[names[i] + "_gflops"] = Math.Round(work / ours[i], 1);
            if (peer is null) continue;
            line[names[i] + "_peer_ms"] = Math.Round(theirs[i], 3);
            line[names[i] + "_ratio"] = Math.Round(ours[i] / theirs[i], 3);
            // The gradient of a first layer's image is nobody's.
            if (shape[1] > 3 || kinds[i] != ConvolutionKind.ImageGradient) ratios.Add(ours[i] / theirs[i]);
        }
        Console.WriteLine(JsonSerializer.Serialize(line));
    }

    static void Least(double[] least, double[] times)
    {
        for (int i = 0; i < least.Length; i++) least[i] = Math.Min(least[i], times[i]);
    }

    static double[] Ask(string peer, int threads, long[] shape)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"{peer} {threads} {string.Join(' ', shape)}"]) { RedirectStandardOutput = true })!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new FormatException($"the peer '{peer}' ended with status {process.ExitCode}");
        using var answer = JsonDocument.Parse(text);
        return [.. names.Select(name => answer.RootElement.GetProperty(name + "_ms").GetDouble())];
    }

    static double[] Measure(WorkerPool pool, long[] shape)
    {
        long batch = shape[0], channels = shape[1], size = shape[2], filters = shape[3], kernel = shape[4], stride = shape[5];
        long padding = kernel / 2, map = (size + 2 * padding - kernel) / stride + 1;
        var call = (ConvolutionCall*)NativeMemory.Alloc((nuint)sizeof(ConvolutionCall));
        *call = new ConvolutionCall
        {
            Batch = batch, Channels = channels, Height = size, Width = size, Filters = filters, KernelHeight = kernel, KernelWidth = kernel,
            MapHeight = map, MapWidth = map, StrideHeight = stride, StrideWidth = stride, PaddingTop = padding, PaddingLeft = padding,
            DilationHeight = 1, DilationWidth = 1, Groups = 1,
            Image = Timing.Fill(batch * channels * size * size), Weight = Timing.Fill(filters * channels * kernel * kernel), Map = Timing.Fill(batch * filters * map * map),
        };
        call->LayDense();
        foreach (var kind in kinds) call->WorkspaceFloats = Math.Max(call->WorkspaceFloats, Convolution.WorkspaceFloats(call, kind));
        call->Workspace = Timing.Fill(call->WorkspaceFloats);
        double[] times =
        [
            1e3 * Timing.Best(() => Convolution.Forward(pool, call)),
            1e3 * Timing.Best(() => Convolution.ImageGradient(pool, call)),
            1e3 * Timing.Best(() => Convolution.WeightGradient(pool, call)),
        ];
        NativeMemory.AlignedFree(call->Image);
        NativeMemory.AlignedFree(call->Weight);
        NativeMemory.AlignedFree(call->Map);
        NativeMemory.AlignedFree(call->Workspace);
        NativeMemory.Free(call);
        return times;
    }
}
