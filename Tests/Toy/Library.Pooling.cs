using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Tests.Toy;

// Pools over planes of [images, channels, height, width].
static partial class Library
{
    // Elements of the map with the elements of the image that their windows see.
    static IEnumerable<(long Map, IEnumerable<long> Image)> Windows(LibraryCall call, int image, int map)
    {
        var (images, maps) = (call.Shape(image), call.Shape(map));
        var ((kernelHeight, kernelWidth), (strideHeight, strideWidth), (top, left)) = (call.Pair("kernel", 1), call.Pair("stride", 1), call.Pair("padding", 0));
        for (long i = 0; i < maps.Aggregate(1L, (x, y) => x * y); i++)
        {
            var (x, y, plane) = (i % maps[3], i / maps[3] % maps[2], i / maps[3] / maps[2]);
            yield return (i,
                from row in Range(y * strideHeight - top, kernelHeight, images[2])
                from column in Range(x * strideWidth - left, kernelWidth, images[3])
                select (plane * images[2] + row) * images[3] + column);
        }
    }

    static IEnumerable<long> Range(long start, long count, long below)
    {
        for (var at = Math.Max(0, start); at < Math.Min(start + count, below); at++) yield return at;
    }

    static void MaxPool(LibraryCall call)
    {
        var plane = call.Shape(0)[2] * call.Shape(0)[3];
        foreach (var (map, image) in Windows(call, 0, 1))
        {
            var best = -1L;
            foreach (var at in image)
                if (best < 0 || call.Real(0, at) > call.Real(0, best) || (double.IsNaN(call.Real(0, at)) && !double.IsNaN(call.Real(0, best)))) best = at;
            call[1].Store(map, call.Element(0, best));
            if (call.Results > 1) call[2].Store(map, Number.Of(best % plane));
        }
    }

    static void MaxPoolGradient(LibraryCall call)
    {
        var (map, image) = (call.Shape(0)[2] * call.Shape(0)[3], call.Shape(2)[2] * call.Shape(2)[3]);
        var sums = new Sums(call[2], call.Size(2));
        for (long i = 0; i < call.Size(0); i++) sums.Add(i / map * image + call[1].Load(i).Whole, call.Real(0, i));
        sums.Store();
    }

    static void AveragePool(LibraryCall call)
    {
        foreach (var (map, image) in Windows(call, 0, 1))
        {
            var sum = 0.0;
            foreach (var at in image) sum = Rounding.Round(sum + call.Real(0, at), call[0].Type.Accumulator());
            call[1].Store(map, Rounding.Round(sum * Share(call), call[0].Type.Accumulator()));
        }
    }

    static void AveragePoolGradient(LibraryCall call)
    {
        var sums = new Sums(call[1], call.Size(1));
        foreach (var (map, image) in Windows(call, 1, 0))
            foreach (var at in image) sums.Add(at, Rounding.Round(call.Real(0, map) * Share(call), call[0].Type.Accumulator()));
        sums.Store();
    }

    // Of an element of a window in its mean.
    static double Share(LibraryCall call) => call.Pair("kernel", 1) is var (height, width) ? Rounding.Round(1.0 / (height * width), call[0].Type.Accumulator()) : 0;

    // Sums in the type of sums, which are rounded to that of their elements once.
    sealed class Sums(Pointer to, long count)
    {
        readonly double[] values = new double[count];

        public double this[long at] { set => values[at] = value; }

        public void Add(long at, double value) => values[at] = Rounding.Round(values[at] + value, to.Type.Accumulator());

        public void Store()
        {
            for (long i = 0; i < count; i++) to.Store(i, values[i]);
        }
    }
}
