using System;
using Graph.Runtime.Cpu;
using Xunit;

namespace Graph.Tests.Cpu;

public unsafe class PoolingTests
{
    static PoolingCall Call(long planes, long height, long width, long kernel, long stride, long padding) => new()
    {
        Planes = planes, Height = height, Width = width, KernelHeight = kernel, KernelWidth = kernel, StrideHeight = stride, StrideWidth = stride, PaddingTop = padding, PaddingLeft = padding,
        MapHeight = (height + 2 * padding - kernel) / stride + 1, MapWidth = (width + 2 * padding - kernel) / stride + 1,
    };

    public static TheoryData<long, long, long, long, long, long> Shapes => new()
    {
        { 6, 28, 28, 2, 2, 0 }, { 3, 7, 9, 2, 2, 0 }, { 5, 13, 11, 3, 2, 1 }, { 2, 8, 8, 3, 1, 1 }, { 1, 1, 1, 1, 1, 0 }, { 700, 5, 5, 5, 5, 2 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Maxima_and_their_places(long planes, long height, long width, long kernel, long stride, long padding)
    {
        using var pool = new WorkerPool(2);
        var call = Call(planes, height, width, kernel, stride, padding);
        using var image = NativeArray.Random(planes * height * width, 1);
        // Ties and NaNs.
        for (int i = 0; i < image.Count; i++) image.Span[i] = i % 17 == 3 ? float.NaN : MathF.Round(image.Span[i] * 3);
        using var map = new NativeArray(planes * call.MapHeight * call.MapWidth);
        using var index = new NativeArray(map.Count);
        call.Image = image.Pointer;
        call.Map = map.Pointer;
        call.Index = (int*)index.Pointer;
        call.LayDense(height, width);
        Pooling.MaxForward(pool, &call);
        for (long o = 0; o < map.Count; o++)
        {
            long x = o % call.MapWidth * stride - padding, y = o / call.MapWidth % call.MapHeight * stride - padding, plane = o / (call.MapWidth * call.MapHeight);
            float best = 0;
            long at = -1;
            for (long i = Math.Max(0, y); i < Math.Min(height, y + kernel); i++)
            {
                for (long j = Math.Max(0, x); j < Math.Min(width, x + kernel); j++)
                {
                    float value = image.Pointer[(plane * height + i) * width + j];
                    if (at < 0 || value > best || float.IsNaN(value) && !float.IsNaN(best)) (best, at) = (value, i * width + j);
                }
            }
            Assert.Equal(at, call.Index[o]);
            Assert.Equal(best, map.Pointer[o]);
        }

        using var gradient = new NativeArray(image.Count);
        for (int i = 0; i < map.Count; i++) map.Span[i] = i + 1;
        call.Image = gradient.Pointer;
        call.LayDense(call.MapHeight, call.MapWidth);
        Pooling.MaxGradient(pool, &call);
        var expected = new float[image.Count];
        for (long o = 0; o < map.Count; o++) expected[o / (call.MapWidth * call.MapHeight) * height * width + call.Index[o]] += map.Pointer[o];
        Assert.Equal(expected, gradient.Span.ToArray());
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Means_and_their_gradient_are_transposes(long planes, long height, long width, long kernel, long stride, long padding)
    {
        using var pool = new WorkerPool(2);
        var call = Call(planes, height, width, kernel, stride, padding);
        using var image = NativeArray.Random(planes * height * width, 1);
        using var map = new NativeArray(planes * call.MapHeight * call.MapWidth);
        call.Image = image.Pointer;
        call.Map = map.Pointer;
        call.LayDense(height, width);
        Pooling.AverageForward(pool, &call);
        var expected = new double[map.Count];
        for (long o = 0; o < map.Count; o++)
        {
            long x = o % call.MapWidth * stride - padding, y = o / call.MapWidth % call.MapHeight * stride - padding, plane = o / (call.MapWidth * call.MapHeight);
            for (long i = Math.Max(0, y); i < Math.Min(height, y + kernel); i++)
            {
                for (long j = Math.Max(0, x); j < Math.Min(width, x + kernel); j++) expected[o] += image.Pointer[(plane * height + i) * width + j];
            }
            expected[o] /= kernel * kernel;
            Assert.Equal(expected[o], map.Pointer[o], 1e-5);
        }

        // <A x, y> = <x, Aᵀ y>.
        using var y2 = NativeArray.Random(map.Count, 2);
        using var back = new NativeArray(image.Count);
        call.Image = back.Pointer;
        call.Map = y2.Pointer;
        call.LayDense(call.MapHeight, call.MapWidth);
        Pooling.AverageGradient(pool, &call);
        double left = 0, right = 0;
        for (int i = 0; i < map.Count; i++) left += expected[i] * y2.Span[i];
        for (int i = 0; i < image.Count; i++) right += (double)image.Span[i] * back.Span[i];
        Assert.Equal(left, right, 1e-4);
    }
}
