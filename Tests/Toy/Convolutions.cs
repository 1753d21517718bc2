using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Tests.Toy;

/// <summary>Convolutions and their gradients as their kernels say, with sums in the order stated.</summary>
sealed class Convolutions
{
    readonly ConvolutionKernel kernel;
    readonly long images, channels, height, width, filters, kernelHeight, kernelWidth, mapHeight, mapWidth;
    readonly long taps, groupChannels, groupFilters;

    Convolutions(ConvolutionLaunch launch, Func<Dim, long> size)
    {
        kernel = launch.Kernel;
        var shape = launch.Shape;
        (images, channels, height, width) = (size(shape.Batch), size(shape.Channels), size(shape.Height), size(shape.Width));
        (filters, kernelHeight, kernelWidth, mapHeight, mapWidth) = (size(shape.Filters), size(shape.KernelHeight), size(shape.KernelWidth), size(shape.MapHeight), size(shape.MapWidth));
        (taps, groupChannels, groupFilters) = (kernelHeight * kernelWidth, channels / kernel.Window.Groups, filters / kernel.Window.Groups);
    }

    /// <summary>Runs a launch.</summary>
    /// <param name="launch">What it computes.</param>
    /// <param name="pointers">All operands.</param>
    /// <param name="size">The value of a size.</param>
    public static void Run(ConvolutionLaunch launch, Pointer[] pointers, Func<Dim, long> size)
    {
        var run = new Convolutions(launch, size);
        long[] image = [run.images, run.channels, run.height, run.width], weight = [run.filters, run.groupChannels, run.kernelHeight, run.kernelWidth], map = [run.images, run.filters, run.mapHeight, run.mapWidth];
        double[] Read(int operand, long[] shape)
        {
            // Of an image or a map, a matrix of channels and pixels for each image; of a weight, one of filters and the rest.
            if (launch.Maker(operand) is { } makes)
                return shape == weight ? Products.Make(makes, pointers, size, 0, shape[0], shape[1] * shape[2] * shape[3])
                    : [.. Enumerable.Range(0, (int)shape[0]).SelectMany(n => Products.Make(makes, pointers, size, n, shape[1], shape[2] * shape[3]))];
            var values = new double[shape.Aggregate(1L, (x, y) => x * y)];
            Visit(launch.View(operand)!, shape, (i, place, at) => values[i] = place.Real(at));
            return values;
        }
        void Visit(PlanesView view, long[] shape, Action<long, Pointer, long> visit)
        {
            long[] strides = [.. view.Strides.Select(size)];
            for (long i = 0; i < shape.Aggregate(1L, (x, y) => x * y); i++)
            {
                var (rest, place) = (i, 0L);
                for (var axis = 3; axis >= 0; rest /= shape[axis], axis--) place += rest % shape[axis] * strides[axis];
                visit(i, pointers[view.Operand], place);
            }
        }
        var (result, to) = launch.Kind switch
        {
            ConvolutionKind.Forward => (run.Forward(Read(0, image), Read(1, weight)), map),
            ConvolutionKind.ImageGradient => (run.ImageGradient(Read(0, map), Read(1, weight)), image),
            ConvolutionKind.WeightGradient => (run.WeightGradient(Read(0, image), Read(1, map)), weight),
            _ => throw new NotSupportedException($"The toy has no convolution of the kind {launch.Kind}."),
        };
        if (launch.Epilogue is not { } takes) Visit(launch.View(2)!, to, (i, place, at) => place.Store(at, result[i]));
        else
            for (long n = 0; n < to[0]; n++) Products.Take(takes, pointers, size, result[(int)(n * to[1] * to[2] * to[3])..(int)((n + 1) * to[1] * to[2] * to[3])], n, to[1], to[2] * to[3]);
    }

    // The sum of blocks of a summed extent.
    double Blocks(long depth, Func<long, (double, double)> factors)
    {
        double sum = 0;
        for (long block = 0; block < kernel.Sums.Blocks(depth); block++)
        {
            double chain = 0;
            for (var k = kernel.Sums.Start(block, depth); k < kernel.Sums.Start(block + 1, depth); k++)
            {
                var (x, y) = factors(k);
                chain = Arithmetic.MultiplyAdd(x, y, chain, kernel.Accumulator);
            }
            sum = block == 0 ? chain : Rounding.Round(sum + chain, kernel.Accumulator);
        }
        return sum;
    }

    // The sum of blocks of channels, each a chain over its channels and the taps that reach the pixel.
    double Sum(long channels, long most, long taps, Func<long, long, (double, double)> factors)
    {
        var block = kernel.Sums.Channels(channels, most);
        double sum = 0;
        // A pixel that no tap reaches is 0.
        for (long first = 0; first < channels && taps > 0; first += block)
        {
            double chain = 0;
            for (var c = first; c < Math.Min(first + block, channels); c++)
                for (long t = 0; t < taps; t++)
                {
                    var (x, y) = factors(c, t);
                    chain = Arithmetic.MultiplyAdd(x, y, chain, kernel.Accumulator);
                }
            sum = first == 0 ? chain : Rounding.Round(sum + chain, kernel.Accumulator);
        }
        return sum;
    }

    double Pixel(double[] image, long n, long channel, long y, long x) => y < 0 || y >= height || x < 0 || x >= width ? 0 : image[((n * channels + channel) * height + y) * width + x];

    (long Y, long X) Seen(long y, long x, long tap)
    {
        var w = kernel.Window;
        return (y * w.StrideHeight + tap / kernelWidth * w.DilationHeight - w.PaddingTop, x * w.StrideWidth + tap % kernelWidth * w.DilationWidth - w.PaddingLeft);
    }

    double[] Forward(double[] image, double[] weight)
    {
        var map = new double[images * filters * mapHeight * mapWidth];
        for (long i = 0; i < map.Length; i++)
        {
            var (x, y, f, n) = (i % mapWidth, i / mapWidth % mapHeight, i / mapWidth / mapHeight % filters, i / mapWidth / mapHeight / filters);
            var first = f / groupFilters * groupChannels;
            (double, double) Factors(long c, long t)
            {
                var (row, column) = Seen(y, x, t);
                return (weight[(f * groupChannels + c) * taps + t], Pixel(image, n, first + c, row, column));
            }
            map[i] = kernel.Sums.HasPlainConvolutions ? Blocks(groupChannels * taps, k => Factors(k / taps, k % taps)) : Sum(groupChannels, taps, taps, Factors);
        }
        return map;
    }

    double[] ImageGradient(double[] map, double[] weight)
    {
        var w = kernel.Window;
        // The taps that reach the pixels of each residue of the stride, and where they come from.
        var reaching = new Dictionary<(long, long), List<(long Tap, long Y, long X)>>();
        for (long y = 0; y < w.StrideHeight; y++)
            for (long x = 0; x < w.StrideWidth; x++)
                reaching[(y, x)] = [.. from tap in Enumerable.Range(0, (int)taps)
                    let fromY = y + w.PaddingTop - tap / kernelWidth * w.DilationHeight
                    let fromX = x + w.PaddingLeft - tap % kernelWidth * w.DilationWidth
                    where fromY % w.StrideHeight == 0 && fromX % w.StrideWidth == 0
                    select ((long)tap, fromY / w.StrideHeight, fromX / w.StrideWidth)];
        var most = reaching.Values.Max(r => r.Count);
        var image = new double[images * channels * height * width];
        for (long i = 0; i < image.Length; i++)
        {
            var (x, y, c, n) = (i % width, i / width % height, i / width / height % channels, i / width / height / channels);
            var from = reaching[(y % w.StrideHeight, x % w.StrideWidth)];
            var first = c / groupChannels * groupFilters;
            (double, double) Factors(long f, (long Tap, long Y, long X) tap)
            {
                var (row, column) = (y / w.StrideHeight + tap.Y, x / w.StrideWidth + tap.X);
                var seen = row < 0 || row >= mapHeight || column < 0 || column >= mapWidth ? 0 : map[((n * filters + first + f) * mapHeight + row) * mapWidth + column];
                return (weight[((first + f) * groupChannels + c % groupChannels) * taps + tap.Tap], seen);
            }
            // A plain sum runs over all taps: those that do not reach the pixel see padding.
            image[i] = kernel.Sums.HasPlainConvolutions
                ? Blocks(groupFilters * taps, k => Factors(k / taps, from.Where(r => r.Tap == k % taps).DefaultIfEmpty((k % taps, -height, -width)).First()))
                : Sum(groupFilters, most, from.Count, (f, t) => Factors(f, from[(int)t]));
        }
        return image;
    }

    double[] WeightGradient(double[] image, double[] map)
    {
        var weight = new double[filters * groupChannels * taps];
        if (images * mapHeight * mapWidth == 0) return weight;
        if (kernel.Sums.HasPlainConvolutions)
        {
            for (long i = 0; i < weight.Length; i++)
            {
                var (tap, c, f) = (i % taps, i / taps % groupChannels, i / taps / groupChannels);
                weight[i] = Blocks(images * mapHeight * mapWidth, k =>
                {
                    var (x, y, n) = (k % mapWidth, k / mapWidth % mapHeight, k / mapWidth / mapHeight);
                    var (row, column) = Seen(y, x, tap);
                    return (map[((n * filters + f) * mapHeight + y) * mapWidth + x], Pixel(image, n, f / groupFilters * groupChannels + c, row, column));
                });
            }
            return weight;
        }
        var block = kernel.Sums.Pixels(images, mapHeight, mapWidth);
        var blocks = (from n in Starts(images, block.Images) from y in Starts(mapHeight, block.Rows) from x in Starts(mapWidth, block.Columns) select (n, y, x)).ToArray();
        var slices = kernel.Sums.Shares(kernel.Window.Groups, groupChannels, blocks.Length);
        for (long i = 0; i < weight.Length; i++)
        {
            var (tap, c, f) = (i % taps, i / taps % groupChannels, i / taps / groupChannels);
            var channel = f / groupFilters * groupChannels + c;
            for (long slice = 0; slice < slices; slice++)
            {
                var (sum, from) = (0.0, slice * blocks.Length / slices);
                for (var b = from; b < (slice + 1) * blocks.Length / slices; b++)
                {
                    double chain = 0;
                    for (var n = blocks[b].n; n < Math.Min(blocks[b].n + block.Images, images); n++)
                        for (var y = blocks[b].y; y < Math.Min(blocks[b].y + block.Rows, mapHeight); y++)
                            for (var x = blocks[b].x; x < Math.Min(blocks[b].x + block.Columns, mapWidth); x++)
                            {
                                var (row, column) = Seen(y, x, tap);
                                chain = Arithmetic.MultiplyAdd(map[((n * filters + f) * mapHeight + y) * mapWidth + x], Pixel(image, n, channel, row, column), chain, kernel.Accumulator);
                            }
                    sum = b == from ? chain : Rounding.Round(sum + chain, kernel.Accumulator);
                }
                weight[i] = slice == 0 ? sum : Rounding.Round(weight[i] + sum, kernel.Accumulator);
            }
        }
        return weight;
    }

    static IEnumerable<long> Starts(long extent, long step)
    {
        for (long at = 0; at < extent; at += step) yield return at;
    }
}
