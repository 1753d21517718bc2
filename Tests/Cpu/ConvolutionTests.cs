using System;
using System.Collections.Generic;
using Graph.Compiler.Kernels;
using Graph.Runtime.Cpu;
using Xunit;

namespace Graph.Tests.Cpu;

public unsafe class ConvolutionTests
{
    public static IEnumerable<object[]> Widths() => ContractTests.Widths();

    static ConvolutionCall Call(
        long batch, long channels, long height, long width, long filters, long kernelHeight, long kernelWidth,
        long stride = 1, long padding = 0, long dilation = 1, long groups = 1, long strideWidth = 0, long paddingLeft = -1)
    {
        ConvolutionCall call = new()
        {
            Batch = batch, Channels = channels, Height = height, Width = width, Filters = filters, KernelHeight = kernelHeight, KernelWidth = kernelWidth,
            StrideHeight = stride, StrideWidth = strideWidth == 0 ? stride : strideWidth, PaddingTop = padding, PaddingLeft = paddingLeft < 0 ? padding : paddingLeft,
            DilationHeight = dilation, DilationWidth = dilation, Groups = groups,
            MapHeight = (height + 2 * padding - dilation * (kernelHeight - 1) - 1) / stride + 1,
            MapWidth = (width + 2 * (paddingLeft < 0 ? padding : paddingLeft) - dilation * (kernelWidth - 1) - 1) / (strideWidth == 0 ? stride : strideWidth) + 1,
        };
        call.LayDense();
        return call;
    }

    // A map that reaches over the image below and to the right, which is padding.
    static ConvolutionCall WithMap(ConvolutionCall call, long height, long width)
    {
        (call.MapHeight, call.MapWidth) = (height, width);
        call.LayDense();
        return call;
    }

    internal static readonly ConvolutionCall[] calls =
    [
        Call(2, 3, 8, 8, 5, 3, 3, padding: 1),
        Call(1, 1, 5, 7, 1, 1, 1),
        Call(3, 4, 9, 9, 6, 3, 3, stride: 2, padding: 1),
        Call(2, 5, 8, 8, 7, 1, 1, stride: 2),
        Call(2, 4, 11, 6, 8, 3, 2, stride: 3, padding: 2, groups: 2),
        Call(2, 6, 10, 10, 6, 3, 3, padding: 2, dilation: 2, groups: 6),
        Call(1, 3, 20, 20, 16, 7, 7, stride: 2, padding: 3),
        Call(5, 50, 4, 4, 40, 3, 3, padding: 1),
        Call(2, 130, 7, 7, 20, 3, 3, padding: 1),
        Call(2, 16, 14, 28, 33, 5, 3, padding: 2, paddingLeft: 0, strideWidth: 2),
        Call(1, 2, 3, 600, 3, 3, 3, padding: 1),
        Call(1, 2, 4, 601, 3, 3, 3, padding: 1, stride: 2),
        Call(2, 40, 32, 32, 20, 3, 3, padding: 1),
        Call(33, 20, 2, 2, 30, 3, 3, padding: 1),
        Call(1, 2, 6, 6, 2, 4, 4, stride: 2, padding: 1, dilation: 3),
        // Small maps of many images, pixel by pixel: groups of images that are and are not full, several blocks of channels, strides, dilation.
        Call(32, 16, 4, 4, 20, 3, 3, padding: 1),
        Call(35, 48, 4, 5, 15, 3, 3, padding: 1),
        Call(20, 32, 8, 8, 40, 3, 3, stride: 2, padding: 1),
        Call(16, 140, 3, 3, 18, 1, 1, stride: 2),
        WithMap(Call(16, 70, 5, 5, 18, 1, 1, stride: 2), 4, 5),
        Call(31, 34, 6, 5, 32, 3, 3, padding: 2, dilation: 2, groups: 2),
        Call(17, 8, 7, 7, 8, 5, 5, padding: 2),
        // One image, and some: what a packed weight multiplies line by line, or pixel by pixel over images; lines longer than a tile, strides, dilation, groups, several blocks of channels and of filters.
        Call(1, 64, 16, 31, 33, 3, 3, padding: 1),
        Call(1, 130, 4, 4, 66, 3, 3, padding: 1),
        Call(3, 24, 9, 33, 40, 5, 3, stride: 2, padding: 2),
        Call(6, 44, 5, 6, 17, 3, 3, padding: 3, dilation: 2),
        Call(9, 96, 3, 2, 64, 2, 3, stride: 2, padding: 1, groups: 2),
        // The gradient of the weight of few channels is computed as its transpose, where filters fill vectors.
        Call(3, 1, 9, 11, 33, 3, 3, padding: 1),
        Call(5, 3, 10, 9, 64, 3, 3, stride: 2, padding: 1),
        Call(4, 2, 7, 31, 64, 2, 3, padding: 1, groups: 2),
        // What the packed loops have no room for: long strides, windows of thousands of elements, windows that reach over more of the image than lies in the caches.
        Call(2, 4, 40, 37, 6, 3, 2, stride: 32, padding: 1, groups: 2),
        Call(1, 2, 70, 68, 3, 65, 66, padding: 1),
        Call(1, 2, 420, 431, 2, 3, 3, dilation: 200, padding: 2),
        Call(1, 1, 3, 2500, 2, 2, 2, strideWidth: 20, padding: 1),
    ];

    internal static long ImageFloats(in ConvolutionCall c) => c.Batch * c.Channels * c.Height * c.Width;

    internal static long MapFloats(in ConvolutionCall c) => c.Batch * c.Filters * c.MapHeight * c.MapWidth;

    internal static long WeightFloats(in ConvolutionCall c) => c.Filters * c.Channels / c.Groups * c.KernelHeight * c.KernelWidth;

    // Calls visit(image index, weight index, map index) for every product of a convolution.
    static void Products(in ConvolutionCall c, Action<long, long, long> visit)
    {
        long perGroup = c.Channels / c.Groups, filters = c.Filters / c.Groups;
        for (long n = 0; n < c.Batch; n++)
        for (long f = 0; f < c.Filters; f++)
        for (long k = 0; k < perGroup; k++)
        for (long ky = 0; ky < c.KernelHeight; ky++)
        for (long kx = 0; kx < c.KernelWidth; kx++)
        for (long y = 0; y < c.MapHeight; y++)
        for (long x = 0; x < c.MapWidth; x++)
        {
            long iy = y * c.StrideHeight + ky * c.DilationHeight - c.PaddingTop, ix = x * c.StrideWidth + kx * c.DilationWidth - c.PaddingLeft;
            if (iy < 0 || ix < 0 || iy >= c.Height || ix >= c.Width) continue;
            visit(
                ((n * c.Channels + f / filters * perGroup + k) * c.Height + iy) * c.Width + ix,
                ((f * perGroup + k) * c.KernelHeight + ky) * c.KernelWidth + kx,
                ((n * c.Filters + f) * c.MapHeight + y) * c.MapWidth + x);
        }
    }

    static void AssertClose(ReadOnlySpan<double> expected, NativeArray actual, string what)
    {
        double scale = 1e-3;
        foreach (double x in expected) scale = Math.Max(scale, Math.Abs(x));
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs(expected[i] - actual.Pointer[i]) <= 3e-6 * scale)) Assert.Fail($"{what} at {i}: {actual.Pointer[i]} instead of {expected[i]}");
        }
    }

    static void With(VectorWidth width, Action action)
    {
        Machine.Override = width;
        try
        {
            action();
        }
        finally
        {
            Machine.Override = null;
        }
    }

    // Doubles what it is given and counts every element once: p[0] = result, d[0] = rows, d[1] = columns.
    static void Twice(void** p, long* d, float* tile, long stride, long batch, long row, long rows, long col, long cols)
    {
        float* result = (float*)p[0];
        for (long i = 0; i < rows; i++)
        {
            for (long j = 0; j < cols; j++) result[(batch * d[0] + row + i) * d[1] + col + j] += 2 * tile[i * stride + j];
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Forward_agrees_with_double_loops(VectorWidth width)
    {
        using var pool = new WorkerPool(2);
        void** p = stackalloc void*[1];
        long* d = stackalloc long[2];
        foreach (var template in calls)
        {
            var call = template;
            using var image = NativeArray.Random(ImageFloats(call), 1);
            using var weight = NativeArray.Random(WeightFloats(call), 2);
            using var map = new NativeArray(MapFloats(call));
            using var twice = NativeArray.Filled(MapFloats(call), 0);
            call.Image = image.Pointer;
            call.Weight = weight.Pointer;
            call.Map = map.Pointer;
            var pointer = &call;
            With(width, () => Workspaces.Run(pool, pointer, ConvolutionKind.Forward));
            double[] expected = new double[map.Count];
            Products(call, (i, w, m) => expected[m] += (double)image.Pointer[i] * weight.Pointer[w]);
            AssertClose(expected, map, $"forward {call.Channels}→{call.Filters} {call.Height}×{call.Width}");

            p[0] = twice.Pointer;
            d[0] = call.Filters;
            d[1] = call.MapHeight * call.MapWidth;
            call.Map = null;
            call.Epilogue = &Twice;
            call.EpiloguePointers = p;
            call.EpilogueDims = d;
            With(width, () => Workspaces.Run(pool, pointer, ConvolutionKind.Forward));
            for (long i = 0; i < map.Count; i++) Assert.Equal(2 * map.Pointer[i], twice.Pointer[i]);
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Image_gradient_agrees_with_double_loops(VectorWidth width)
    {
        using var pool = new WorkerPool(2);
        void** p = stackalloc void*[1];
        long* d = stackalloc long[2];
        foreach (var template in calls)
        {
            var call = template;
            using var image = new NativeArray(ImageFloats(call));
            using var weight = NativeArray.Random(WeightFloats(call), 2);
            using var map = NativeArray.Random(MapFloats(call), 3);
            using var twice = NativeArray.Filled(ImageFloats(call), 0);
            call.Image = image.Pointer;
            call.Weight = weight.Pointer;
            call.Map = map.Pointer;
            var pointer = &call;
            With(width, () => Workspaces.Run(pool, pointer, ConvolutionKind.ImageGradient));
            double[] expected = new double[image.Count];
            Products(call, (i, w, m) => expected[i] += (double)map.Pointer[m] * weight.Pointer[w]);
            AssertClose(expected, image, $"image gradient {call.Channels}→{call.Filters} {call.Height}×{call.Width}");

            p[0] = twice.Pointer;
            d[0] = call.Channels;
            d[1] = call.Height * call.Width;
            call.Image = null;
            call.Epilogue = &Twice;
            call.EpiloguePointers = p;
            call.EpilogueDims = d;
            With(width, () => Workspaces.Run(pool, pointer, ConvolutionKind.ImageGradient));
            for (long i = 0; i < image.Count; i++) Assert.Equal(2 * image.Pointer[i], twice.Pointer[i]);
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Weight_gradient_agrees_with_double_loops(VectorWidth width)
    {
        using var pool = new WorkerPool(2);
        foreach (var template in calls)
        {
            var call = template;
            using var image = NativeArray.Random(ImageFloats(call), 1);
            using var weight = new NativeArray(WeightFloats(call));
            using var map = NativeArray.Random(MapFloats(call), 3);
            call.Image = image.Pointer;
            call.Weight = weight.Pointer;
            call.Map = map.Pointer;
            var pointer = &call;
            With(width, () => Workspaces.Run(pool, pointer, ConvolutionKind.WeightGradient));
            double[] expected = new double[weight.Count];
            Products(call, (i, w, m) => expected[w] += (double)map.Pointer[m] * image.Pointer[i]);
            AssertClose(expected, weight, $"weight gradient {call.Channels}→{call.Filters} {call.Height}×{call.Width}");
        }
    }

    // As much as a convolution of one filter or channel takes: a panel of them at a time.
    static long Least(ConvolutionCall* call, ConvolutionKind kind)
    {
        var one = *call;
        if (kind == ConvolutionKind.Forward) one.Filters = one.Groups;
        else one.Channels = one.Groups;
        return Convolution.WorkspaceFloats(&one, kind);
    }

    [Fact]
    public void The_bits_depend_on_neither_threads_nor_register_tile_nor_the_size_of_the_workspace()
    {
        foreach (var template in calls)
        {
            var call = template;
            using var image = NativeArray.Random(ImageFloats(call), 1);
            using var weight = NativeArray.Random(WeightFloats(call), 2);
            using var map = NativeArray.Random(MapFloats(call), 3);
            float[]? first = null;
            foreach (object[] width in Widths())
            {
                foreach (int threads in (int[])[1, 2, 5])
                {
                    using var pool = new WorkerPool(threads);
                    using var result = new NativeArray(map.Count + image.Count + weight.Count);
                    With((VectorWidth)width[0], () =>
                    {
                        var local = template with { Image = image.Pointer, Weight = weight.Pointer, Map = result.Pointer };
                        Workspaces.Run(pool, &local, ConvolutionKind.Forward, threads == 2 ? Least(&local, ConvolutionKind.Forward) : null);
                        local = template with { Image = result.Pointer + map.Count, Weight = weight.Pointer, Map = map.Pointer };
                        Workspaces.Run(pool, &local, ConvolutionKind.ImageGradient, threads == 2 ? Least(&local, ConvolutionKind.ImageGradient) : null);
                        local = template with { Image = image.Pointer, Weight = result.Pointer + map.Count + image.Count, Map = map.Pointer };
                        Workspaces.Run(pool, &local, ConvolutionKind.WeightGradient);
                    });
                    first ??= result.Span.ToArray();
                    Assert.True(result.Span.SequenceEqual(first), $"{call.Channels}→{call.Filters} {call.Height}×{call.Width} {width[0]} {threads} threads");
                }
            }
        }
    }
}
