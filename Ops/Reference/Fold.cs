using System;
using Graph.Compiler.Ir;

namespace Graph.Operations.Reference;

/// <summary>Reductions along axes, reading the operand once in its own order.</summary>
static class Fold
{
    /// <summary>Folds <paramref name="x"/> along the axes into <paramref name="result"/>, which holds the neutral element.</summary>
    public static void Run(TensorData x, int[] axes, TensorData result, Func<double, double, double> real, Func<long, long, long> integer)
    {
        if (x.Size == 0) return;
        // A scalar is a vector of one: then there is always an innermost axis.
        var rank = Math.Max(x.Rank, 1);
        var sizes = x.Rank == 0 ? [1] : x.Shape;
        var strides = new long[rank];
        long stride = 1;
        for (var axis = rank - 1; axis >= 0; axis--)
        {
            if (x.Rank == 0 || Array.IndexOf(axes, axis) >= 0) continue;
            strides[axis] = stride;
            stride *= sizes[axis];
        }
        if (x.Real is { } r) Run(r, result.Real, sizes, strides, real);
        else Run(x.Int, result.Int, sizes, strides, integer);
    }

    static void Run<T>(T[] x, T[] result, long[] sizes, long[] strides, Func<T, T, T> step)
    {
        var rank = sizes.Length;
        var index = new long[rank];
        var inner = sizes[rank - 1];
        long place = 0;
        for (long start = 0; start < x.LongLength; start += inner)
        {
            if (strides[rank - 1] == 0)
            {
                var sum = result[place];
                for (var i = start; i < start + inner; i++) sum = step(sum, x[i]);
                result[place] = sum;
            }
            else
                for (long i = 0; i < inner; i++) result[place + i] = step(result[place + i], x[start + i]);
            for (var axis = rank - 2; axis >= 0; axis--)
            {
                place += strides[axis];
                if (++index[axis] < sizes[axis]) break;
                place -= strides[axis] * sizes[axis];
                index[axis] = 0;
            }
        }
    }
}
