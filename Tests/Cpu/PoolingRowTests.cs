using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Runtime.Cpu;
using Xunit;

namespace Graph.Tests.Cpu;

/// <summary>Pooling of float32 goes by groups of windows; every bit must be that of windows one by one, in their order.</summary>
public unsafe class PoolingRowTests
{
    // Kernel, stride and padding, down and across.
    static readonly (long KernelHeight, long KernelWidth, long StrideHeight, long StrideWidth, long Top, long Left)[] windows =
    [
        (2, 2, 2, 2, 0, 0), (3, 3, 2, 2, 1, 1), (3, 3, 1, 1, 1, 1), (3, 3, 2, 2, 0, 0), (2, 2, 1, 1, 0, 0), (1, 2, 1, 2, 0, 0), (5, 4, 2, 1, 2, 1), (3, 5, 1, 2, 0, 2), (3, 3, 3, 3, 0, 0),
        (1, 1, 2, 2, 0, 0), (4, 4, 4, 4, 1, 1), (2, 2, 2, 2, 1, 1), (2, 7, 2, 2, 0, 3),
    ];

    static IEnumerable<PoolingCall> Calls()
    {
        long[] sizes = [1, 2, 3, 4, 5, 7, 8, 9, 11, 14, 15, 16, 17, 18, 19, 28, 33];
        foreach (var w in windows)
            foreach (var width in sizes)
                foreach (var height in (long[])[2, 5, 8])
                {
                    long mapHeight = (height + 2 * w.Top - w.KernelHeight) / w.StrideHeight + 1, mapWidth = (width + 2 * w.Left - w.KernelWidth) / w.StrideWidth + 1;
                    if (height + 2 * w.Top < w.KernelHeight || width + 2 * w.Left < w.KernelWidth) continue;
                    yield return new()
                    {
                        Planes = 3, Height = height, Width = width, MapHeight = mapHeight, MapWidth = mapWidth, KernelHeight = w.KernelHeight, KernelWidth = w.KernelWidth,
                        StrideHeight = w.StrideHeight, StrideWidth = w.StrideWidth, PaddingTop = w.Top, PaddingLeft = w.Left,
                    };
                }
    }

    // Ties, zeros of both signs, infinities, and NaNs with something in them.
    static float Special(int i, float x) => (i * 7 % 23) switch
    {
        3 => float.NaN,
        5 => -0f,
        6 => 0f,
        8 or 9 => float.NegativeInfinity,
        11 => float.PositiveInfinity,
        _ => MathF.Round(x * 3),
    };

    static NativeArray Numbers(long count, int seed)
    {
        var array = NativeArray.Random(count, seed);
        for (int i = 0; i < count; i++) array.Span[i] = Special(i + seed, array.Span[i]);
        return array;
    }

    static IEnumerable<(long Output, long Row, long Column)> Places(PoolingCall c) =>
        from o in Range(c.Planes * c.MapHeight * c.MapWidth) select (o, o / c.MapWidth % c.MapHeight, o % c.MapWidth);

    static IEnumerable<long> Range(long count) => Enumerable.Range(0, (int)count).Select(i => (long)i);

    static long Plane(in PoolingCall c, long output) => output / (c.MapHeight * c.MapWidth) * c.Height * c.Width;

    // The pixels of a window in their order.
    static IEnumerable<long> Window(PoolingCall c, long row, long column) =>
        from i in Range(c.KernelHeight) let y = row * c.StrideHeight - c.PaddingTop + i where y >= 0 && y < c.Height
        from j in Range(c.KernelWidth) let x = column * c.StrideWidth - c.PaddingLeft + j where x >= 0 && x < c.Width
        select y * c.Width + x;

    static void AssertBits(PoolingCall c, string what, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (float.IsNaN(expected[i]) ? float.IsNaN(actual[i]) : BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i])) continue;
            Assert.Fail($"{what} of {c.Height} × {c.Width} by {c.KernelHeight} × {c.KernelWidth} / {c.StrideHeight}, {c.StrideWidth} + {c.PaddingTop}, {c.PaddingLeft} at {i}: {actual[i]} instead of {expected[i]}");
        }
    }

    [Fact]
    public void Maxima_are_the_first_of_their_windows_in_every_shape()
    {
        using var pool = new WorkerPool(2);
        foreach (var call in Calls())
        {
            var c = call;
            using var image = Numbers(c.Planes * c.Height * c.Width, 1);
            using var map = new NativeArray(c.Planes * c.MapHeight * c.MapWidth);
            using var index = new NativeArray(map.Count);
            c.Image = image.Pointer;
            c.Map = map.Pointer;
            c.Index = (int*)index.Pointer;
            c.LayDense(c.Height, c.Width);
            Pooling.MaxForward(pool, &c);
            var expected = new float[map.Count];
            foreach (var (o, row, column) in Places(c))
            {
                long at = -1;
                float best = 0;
                foreach (var pixel in Window(c, row, column))
                {
                    var value = image.Pointer[Plane(c, o) + pixel];
                    if (at < 0 || value > best || (float.IsNaN(value) && !float.IsNaN(best))) (at, best) = (pixel, value);
                }
                Assert.True(at == c.Index[o], $"{o}: {c.Index[o]} instead of {at}");
                expected[o] = best;
            }
            AssertBits(c, "maxima", expected, map.Span);
            map.Span.Clear();
            var alone = c with { Index = null };
            Pooling.MaxForward(pool, &alone);
            AssertBits(c, "maxima without their places", expected, map.Span);

            using var back = new NativeArray(image.Count);
            using var gradient = Numbers(map.Count, 2);
            c.Image = back.Pointer;
            c.Map = gradient.Pointer;
            c.LayDense(c.MapHeight, c.MapWidth);
            Pooling.MaxGradient(pool, &c);
            var sums = new float[image.Count];
            foreach (var (o, _, _) in Places(c)) sums[Plane(c, o) + c.Index[o]] += gradient.Pointer[o];
            AssertBits(c, "gradient", sums, back.Span);
        }
    }

    // The gradient has no window: an index may point anywhere, several to one place, and squares of 2 × 2 are no promise of where.
    [Theory]
    [InlineData(8, 8, 4, 4), InlineData(9, 11, 4, 5), InlineData(6, 15, 3, 7), InlineData(2, 8, 1, 4), InlineData(7, 9, 4, 4)]
    public void Gradients_go_wherever_the_index_says(long height, long width, long mapHeight, long mapWidth)
    {
        using var pool = new WorkerPool(1);
        for (int strange = -1; strange < mapHeight * mapWidth; strange++)
        {
            using var map = Numbers(mapHeight * mapWidth, 3);
            using var index = new NativeArray(map.Count);
            using var back = new NativeArray(height * width);
            var call = new PoolingCall { Planes = 1, Height = height, Width = width, MapHeight = mapHeight, MapWidth = mapWidth, Image = back.Pointer, Map = map.Pointer, Index = (int*)index.Pointer };
            for (int o = 0; o < map.Count; o++)
            {
                long place = o / mapWidth * 2 * width + o % mapWidth * 2 + o % 2 + o / 2 % 2 * width;
                call.Index[o] = (int)(o == strange ? (place + 2) % (height * width) : Math.Min(place, height * width - 1));
            }
            call.LayDense(call.MapHeight, call.MapWidth);
            Pooling.MaxGradient(pool, &call);
            var sums = new float[back.Count];
            for (int o = 0; o < map.Count; o++) sums[call.Index[o]] += map.Pointer[o];
            AssertBits(call, $"gradient with {strange} elsewhere", sums, back.Span);
        }
    }

    [Fact]
    public void Means_add_up_in_the_order_of_their_windows_in_every_shape()
    {
        using var pool = new WorkerPool(2);
        foreach (var call in Calls())
        {
            var c = call;
            using var image = NativeArray.Random(c.Planes * c.Height * c.Width, 4);
            for (int i = 0; i < image.Count; i += 5) image.Span[i] = -0f;
            using var map = new NativeArray(c.Planes * c.MapHeight * c.MapWidth);
            c.Image = image.Pointer;
            c.Map = map.Pointer;
            c.LayDense(c.Height, c.Width);
            Pooling.AverageForward(pool, &c);
            float share = 1f / (c.KernelHeight * c.KernelWidth);
            var means = new float[map.Count];
            foreach (var (o, row, column) in Places(c))
            {
                float sum = 0;
                foreach (var pixel in Window(c, row, column)) sum += image.Pointer[Plane(c, o) + pixel];
                means[o] = sum * share;
            }
            AssertBits(c, "means", means, map.Span);

            using var back = new NativeArray(image.Count);
            using var gradient = NativeArray.Random(map.Count, 5);
            for (int i = 0; i < map.Count; i += 3) gradient.Span[i] = -0f;
            c.Image = back.Pointer;
            c.Map = gradient.Pointer;
            c.LayDense(c.MapHeight, c.MapWidth);
            Pooling.AverageGradient(pool, &c);
            var sums = new float[image.Count];
            foreach (var (o, row, column) in Places(c))
                foreach (var pixel in Window(c, row, column)) sums[Plane(c, o) + pixel] += gradient.Pointer[o] * share;
            AssertBits(c, "shares", sums, back.Span);
        }
    }
}
