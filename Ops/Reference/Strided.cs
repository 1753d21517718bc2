using System;
using System.Collections.Generic;
using Graph.Compiler.Ir;

namespace Graph.Operations.Reference;

/// <summary>Copies between index maps: the reference of every operation that only moves numbers.</summary>
static class Strided
{
    /// <summary>Copies a box of <paramref name="shape"/> from one strided place to another.</summary>
    public static void Copy(TensorData from, long fromOffset, long[] fromStrides, TensorData to, long toOffset, long[] toStrides, long[] shape)
    {
        foreach (var size in shape) if (size == 0) return;
        var (sizes, a, b) = Merge(shape, fromStrides, toStrides);
        if (from.Real is { } real) Copy(real, fromOffset, a, to.Real, toOffset, b, sizes);
        else Copy(from.Int, fromOffset, a, to.Int, toOffset, b, sizes);
    }

    // Axes of size 1 go, and neighbours that are contiguous on both sides become one, so that the inner loop is long.
    static (long[] Sizes, long[] A, long[] B) Merge(long[] shape, long[] a, long[] b)
    {
        var (sizes, x, y) = (new List<long>(), new List<long>(), new List<long>());
        for (var axis = 0; axis < shape.Length; axis++)
        {
            if (shape[axis] == 1) continue;
            var last = sizes.Count - 1;
            if (last >= 0 && x[last] == a[axis] * shape[axis] && y[last] == b[axis] * shape[axis])
            {
                sizes[last] *= shape[axis];
                x[last] = a[axis];
                y[last] = b[axis];
                continue;
            }
            sizes.Add(shape[axis]);
            x.Add(a[axis]);
            y.Add(b[axis]);
        }
        return ([.. sizes], [.. x], [.. y]);
    }

    static void Copy<T>(T[] from, long f, long[] fromStrides, T[] to, long t, long[] toStrides, long[] sizes)
    {
        var rank = sizes.Length;
        if (rank == 0)
        {
            to[t] = from[f];
            return;
        }
        var (inner, fs, ts) = (sizes[rank - 1], fromStrides[rank - 1], toStrides[rank - 1]);
        var index = new long[rank];
        while (true)
        {
            if (fs == 1 && ts == 1) Array.Copy(from, f, to, t, inner);
            else
                for (long i = 0, p = f, q = t; i < inner; i++, p += fs, q += ts) to[q] = from[p];
            var axis = rank - 2;
            for (; axis >= 0; axis--)
            {
                f += fromStrides[axis];
                t += toStrides[axis];
                if (++index[axis] < sizes[axis]) break;
                f -= fromStrides[axis] * sizes[axis];
                t -= toStrides[axis] * sizes[axis];
                index[axis] = 0;
            }
            if (axis < 0) return;
        }
    }
}
