using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;

namespace Graph.Operations.Reference;

/// <summary>Reductions along axes, reading the operand once in its own order: the reference of every <see cref="Accumulation"/>.</summary>
static class Accumulating
{
    /// <summary>Reduces <paramref name="x"/> along the axes into <paramref name="result"/>.</summary>
    public static void Run(Accumulation accumulation, TensorData x, int[] axes, TensorData result)
    {
        if (accumulation.Operation is not { } op)
        {
            TupleAccumulating.Run(accumulation, x, axes, result);
            return;
        }
        var neutral = accumulation.Neutral[0].Constant;
        for (long i = 0; i < result.Size; i++)
            if (result.Real is { } real) real[i] = neutral;
            else result.Int[i] = Whole(neutral);
        if (x.Size == 0) return;
        // A scalar is a vector of one: then there is always an innermost axis.
        var rank = Math.Max(x.Rank, 1);
        var sizes = x.Rank == 0 ? [1] : x.Shape;
        var strides = new long[rank];
        long stride = 1;
        for (var axis = rank - 1; axis >= 0; axis--)
        {
            if (x.Rank == 0 || axes.Contains(axis)) continue;
            strides[axis] = stride;
            stride *= sizes[axis];
        }
        if (x.Real is { } reals) Run(reals, result.Real, sizes, strides, Real(op, accumulation.Combine[0]));
        else Run(x.Int, result.Int, sizes, strides, Integer(op));
    }

    // ±∞ is the end of a type of integers.
    static long Whole(double neutral) => double.IsNegativeInfinity(neutral) ? long.MinValue : double.IsPositiveInfinity(neutral) ? long.MaxValue : (long)neutral;

    static Func<double, double, double> Real(ScalarOp op, Scalar combine) => op switch
    {
        // The frequent ones without a detour.
        ScalarOp.Add => (a, b) => a + b,
        ScalarOp.Max => (a, b) => double.IsNaN(a) || a > b ? a : b,
        _ => (a, b) => ScalarEvaluator.Apply(combine, a, b, 0),
    };

    static Func<long, long, long> Integer(ScalarOp op) => op switch
    {
        ScalarOp.Add => (a, b) => unchecked(a + b),
        ScalarOp.Mul => (a, b) => unchecked(a * b),
        ScalarOp.Max => Math.Max,
        ScalarOp.Min => Math.Min,
        _ => throw new NotSupportedException($"The interpreter does not reduce integers by {op}."),
    };

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
