using System;
using System.Collections.Generic;
using Graph.Compiler.Kernels;
using Graph.Runtime.Cpu;
using Xunit;

namespace Graph.Tests.Cpu;

/// <summary>Where a convolution's operands come from: in any order in memory, or made by a body. The bits are those of the same numbers lying dense, and padding is 0 whatever a body makes of 0.</summary>
public unsafe class ConvolutionSourceTests
{
    // 2·x + 1 of a dense tensor of [batch, rows, columns]: p[0] = numbers, d[0] = rows, d[1] = columns.
    static void Make(void** p, long* d, float* tile, long stride, long batch, long row, long rows, long column, long columns)
    {
        float* from = (float*)p[0];
        for (long i = 0; i < rows; i++)
        {
            for (long j = 0; j < columns; j++) tile[i * stride + j] = 2 * from[(batch * d[0] + row + i) * d[1] + column + j] + 1;
        }
    }

    static float[] Made(NativeArray numbers)
    {
        var made = numbers.Span.ToArray();
        for (int i = 0; i < made.Length; i++) made[i] = 2 * made[i] + 1;
        return made;
    }

    // A convolution of the given kind with its result in a new array.
    static float[] Result(WorkerPool pool, ConvolutionCall call, int kind)
    {
        using var result = new NativeArray(kind == 0 ? ConvolutionTests.MapFloats(call) : kind == 1 ? ConvolutionTests.ImageFloats(call) : ConvolutionTests.WeightFloats(call));
        if (kind == 0) call.Map = result.Pointer;
        else if (kind == 1) call.Image = result.Pointer;
        else call.Weight = result.Pointer;
        Workspaces.Run(pool, &call, (ConvolutionKind)kind);
        return result.Span.ToArray();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void What_bodies_make_gives_the_bits_of_the_same_numbers_in_memory(int kind)
    {
        using var pool = new WorkerPool(2);
        void** p = stackalloc void*[3];
        long* d = stackalloc long[6];
        foreach (var template in ConvolutionTests.calls)
        {
            using var image = NativeArray.Random(ConvolutionTests.ImageFloats(template), 1);
            using var weight = NativeArray.Random(ConvolutionTests.WeightFloats(template), 2);
            using var map = NativeArray.Random(ConvolutionTests.MapFloats(template), 3);
            p[0] = image.Pointer;
            p[1] = weight.Pointer;
            p[2] = map.Pointer;
            (d[0], d[1], d[2], d[3], d[4], d[5]) = (
                template.Channels, template.Height * template.Width, template.Filters, weight.Count / template.Filters, template.Filters, template.MapHeight * template.MapWidth);
            fixed (float* madeImage = Made(image), madeWeight = Made(weight), madeMap = Made(map))
            {
                var expected = Result(pool, template with { Image = madeImage, Weight = madeWeight, Map = madeMap }, kind);
                var call = template;
                if (kind != 1) call.ImageMaker = new() { Function = &Make, Pointers = p, Dims = d };
                if (kind != 2) call.WeightMaker = new() { Function = &Make, Pointers = p + 1, Dims = d + 2 };
                if (kind != 0) call.MapMaker = new() { Function = &Make, Pointers = p + 2, Dims = d + 4 };
                Assert.True(Result(pool, call, kind).AsSpan().SequenceEqual(expected), $"{template.Channels}→{template.Filters} {template.Height}×{template.Width}");
            }
        }
    }

    public static IEnumerable<object[]> Layouts() => [["channels last"], ["in a wider tensor"], ["mirrored"], ["every second column"], ["one image for all"]];

    // The strides of a layout, where its first element lies, and how many floats it takes.
    static (PlaneStrides Strides, long First, long Floats) Lay(string layout, long batch, long channels, long height, long width) => layout switch
    {
        "channels last" => (new() { Image = channels * height * width, Channel = 1, Row = width * channels, Column = channels }, 0, batch * channels * height * width),
        "in a wider tensor" => (new() { Image = (channels + 1) * (height + 2) * (width + 3), Channel = (height + 2) * (width + 3), Row = width + 3, Column = 1 }, 2, batch * (channels + 1) * (height + 2) * (width + 3)),
        "mirrored" => (new() { Image = channels * height * width, Channel = height * width, Row = -width, Column = -1 }, height * width - 1, batch * channels * height * width),
        "every second column" => (new() { Image = channels * height * width * 2, Channel = height * width * 2, Row = width * 2, Column = 2 }, 1, batch * channels * height * width * 2),
        "one image for all" => (new() { Image = 0, Channel = height * width, Row = width, Column = 1 }, 0, channels * height * width),
        _ => throw new ArgumentOutOfRangeException(nameof(layout)),
    };

    // Random numbers in a layout, with NaN between them, and the same numbers dense.
    static (NativeArray Laid, NativeArray Dense, PlaneStrides Strides, long First) Planes(string layout, long batch, long channels, long height, long width, int seed)
    {
        var (strides, first, floats) = Lay(layout, batch, channels, height, width);
        var (laid, dense) = (NativeArray.Filled(floats, float.NaN), new NativeArray(batch * channels * height * width));
        var random = new Random(seed);
        long at = 0;
        for (long n = 0; n < batch; n++)
        for (long c = 0; c < channels; c++)
        for (long y = 0; y < height; y++)
        for (long x = 0; x < width; x++)
        {
            float* to = laid.Pointer + first + n * strides.Image + c * strides.Channel + y * strides.Row + x * strides.Column;
            if (float.IsNaN(*to)) *to = (float)(random.NextDouble() - 0.5);
            dense.Pointer[at++] = *to;
        }
        return (laid, dense, strides, first);
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Strides_change_no_bit(string layout)
    {
        using var pool = new WorkerPool(2);
        foreach (var template in ConvolutionTests.calls)
        {
            var (image, denseImage, imageStrides, imageFirst) = Planes(layout, template.Batch, template.Channels, template.Height, template.Width, 1);
            var (map, denseMap, mapStrides, mapFirst) = Planes(layout, template.Batch, template.Filters, template.MapHeight, template.MapWidth, 2);
            using var weight = NativeArray.Random(ConvolutionTests.WeightFloats(template), 3);
            using (image)
            using (denseImage)
            using (map)
            using (denseMap)
            {
                for (var kind = 0; kind < 3; kind++)
                {
                    var call = template with { Weight = weight.Pointer };
                    var expected = Result(pool, call with { Image = denseImage.Pointer, Map = denseMap.Pointer }, kind);
                    var actual = Result(pool, call with { Image = image.Pointer + imageFirst, Map = map.Pointer + mapFirst, ImageStrides = imageStrides, MapStrides = mapStrides }, kind);
                    Assert.True(actual.AsSpan().SequenceEqual(expected), $"{kind} {template.Channels}→{template.Filters} {template.Height}×{template.Width}");
                }
            }
        }
    }
}
