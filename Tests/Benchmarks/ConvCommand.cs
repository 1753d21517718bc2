using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Graph.Compiler.Kernels;
using Graph.Runtime.Cpu;

namespace Graph.Benchmarks;

/// <summary>
/// <c>conv [--threads N] [BATCH CHANNELS SIZE FILTERS KERNEL STRIDE]…</c>: milliseconds (the best of several runs) of a square convolution padded to keep its size, and of its two gradients,
/// one JSON object a shape.
/// </summary>
static unsafe class ConvCommand
{
    static readonly long[][] shapes =
    [
        [64, 1, 28, 32, 3, 1], [64, 32, 14, 64, 3, 1], [32, 3, 32, 64, 3, 1], [32, 64, 32, 64, 3, 1], [32, 64, 32, 128, 3, 2], [32, 64, 32, 128, 1, 2],
        [32, 128, 16, 128, 3, 1], [32, 128, 16, 256, 3, 2], [32, 256, 8, 256, 3, 1], [32, 256, 8, 512, 3, 2], [32, 512, 4, 512, 3, 1],
    ];

    public static int Run(string[] args)
    {
        int threads = Environment.ProcessorCount;
        var numbers = new List<long>();
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--threads" && i + 1 < args.Length) threads = int.Parse(args[++i], CultureInfo.InvariantCulture);
            else numbers.Add(long.Parse(args[i], CultureInfo.InvariantCulture));
        }
        if (numbers.Count % 6 != 0)
        {
            Console.Error.WriteLine("usage: Benchmarks conv [--threads N] [BATCH CHANNELS SIZE FILTERS KERNEL STRIDE]...");
            return 2;
        }
        using var pool = new WorkerPool(threads);
        if (numbers.Count == 0)
        {
            foreach (long[] shape in shapes) Console.WriteLine(Measure(pool, shape));
        }
        for (int i = 0; i < numbers.Count; i += 6) Console.WriteLine(Measure(pool, [.. numbers.GetRange(i, 6)]));
        return 0;
    }

    static string Measure(WorkerPool pool, long[] shape)
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
        foreach (var kind in (ConvolutionKind[])[ConvolutionKind.Forward, ConvolutionKind.ImageGradient, ConvolutionKind.WeightGradient])
            call->WorkspaceFloats = Math.Max(call->WorkspaceFloats, Convolution.WorkspaceFloats(call, kind));
        call->Workspace = Timing.Fill(call->WorkspaceFloats);
        double work = 2e-9 * batch * filters * map * map * channels * kernel * kernel;
        double forward = Timing.Best(() => Convolution.Forward(pool, call));
        double image = Timing.Best(() => Convolution.ImageGradient(pool, call));
        double weight = Timing.Best(() => Convolution.WeightGradient(pool, call));
        NativeMemory.AlignedFree(call->Image);
        NativeMemory.AlignedFree(call->Weight);
        NativeMemory.AlignedFree(call->Map);
        NativeMemory.AlignedFree(call->Workspace);
        NativeMemory.Free(call);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{{\"batch\": {batch}, \"channels\": {channels}, \"size\": {size}, \"filters\": {filters}, \"kernel\": {kernel}, \"stride\": {stride}, \"threads\": {pool.Threads}, \"forward_ms\": {forward * 1e3:F3}, \"image_gradient_ms\": {image * 1e3:F3}, \"weight_gradient_ms\": {weight * 1e3:F3}, \"forward_gflops\": {work / forward:F1}, \"image_gradient_gflops\": {work / image:F1}, \"weight_gradient_gflops\": {work / weight:F1}}}");
    }
}
