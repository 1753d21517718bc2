using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Tests.Toy;

// What runs along an axis.
static partial class Library
{
    static void Pad(LibraryCall call)
    {
        var before = call.Evaluate(call.Attributes.Dims("before").Single());
        var (_, extent, inner) = call.Around(0);
        var (outer, all, _) = call.Around(1);
        var value = Arithmetic.Constant(call.Attributes.Real("value"), call[1].Type);
        for (long i = 0; i < outer * all * inner; i++)
        {
            var at = i / inner % all - before;
            call[1].Store(i, at < 0 || at >= extent ? value : call.Element(0, (i / inner / all * extent + at) * inner + i % inner));
        }
    }

    // A part in a whole, from a place on.
    static void Place(LibraryCall call)
    {
        var at = call[2].Load(0).Whole;
        var ((_, extent, inner), (outer, count, _)) = (call.Around(0), call.Around(1));
        if (at < 0 || at > extent - count) throw new ArgumentOutOfRangeException(null, $"{at} lies outside of 0 to {extent - count}.");
        for (long i = 0; i < outer * extent * inner; i++)
        {
            var along = i / inner % extent - at;
            call[3].Store(i, along < 0 || along >= count ? call.Element(0, i) : call.Element(1, (i / inner / extent * count + along) * inner + i % inner));
        }
    }

    static IEnumerable<long> Lines(long outer, long extent, long inner)
    {
        for (long line = 0; line < outer * inner; line++) yield return line / inner * extent * inner + line % inner;
    }

    static void CumSum(LibraryCall call)
    {
        var (outer, extent, inner) = call.Around(0);
        foreach (var start in Lines(outer, extent, inner))
        {
            var sum = 0.0;
            for (long k = 0; k < extent; k++)
            {
                var at = start + (call.Attributes.Bool("reverse") ? extent - 1 - k : k) * inner;
                call[1].Store(at, sum = Rounding.Round(sum + call.Real(0, at), call[1].Type.Accumulator()));
            }
        }
    }

    // Not a number is above every number.
    static int Compare(Pointer x, long a, long b) => x.Type.IsFloat() && (double.IsNaN(x.Real(a)) || double.IsNaN(x.Real(b))) ? double.IsNaN(x.Real(a)).CompareTo(double.IsNaN(x.Real(b)))
        : !x.Type.IsFloat() ? x.Load(a).Whole.CompareTo(x.Load(b).Whole) : x.Real(a) < x.Real(b) ? -1 : x.Real(a) > x.Real(b) ? 1 : 0;

    // Operand and results may lie anywhere.
    static void Sort(LibraryCall call)
    {
        var (shape, strides) = (call.Shape(0), Enumerable.Range(0, 3).Select(call.Strides).ToArray());
        var axis = (int)call.Attributes.Int("axis");
        var sign = call.Attributes.Bool("descending") ? -1 : 1;
        var (outer, extent, inner) = call.Around(0);
        foreach (var start in Lines(outer, extent, inner))
        {
            long Place(int operand, long along)
            {
                var (rest, place) = (start, 0L);
                for (var a = shape.Length - 1; a >= 0; rest /= shape[a], a--) place += (a == axis ? along : rest % shape[a]) * strides[operand][a];
                return place;
            }
            long[] order = [.. Enumerable.Range(0, (int)extent).Select(k => (long)k).Order(Comparer<long>.Create((i, k) => sign * Compare(call[0], Place(0, i), Place(0, k))))];
            for (long k = 0; k < extent; k++)
            {
                call[1].Store(Place(1, k), call[0].Load(Place(0, order[k])));
                call[2].Store(Place(2, k), Number.Of(order[k]));
            }
        }
    }
}
