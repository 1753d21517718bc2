using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;

namespace Graph.Operations.Reference;

/// <summary>Reductions with accumulators of several numbers, an element at a time in the operand's own order.</summary>
sealed class TupleAccumulating
{
    readonly int components;
    readonly Part element, combine, result;

    TupleAccumulating(Accumulation accumulation)
    {
        components = accumulation.Components;
        (element, combine, result) = (new([.. accumulation.Element]), new([.. accumulation.Combine]), new([accumulation.Result]));
    }

    /// <summary>Reduces <paramref name="x"/> along the axes into <paramref name="to"/>.</summary>
    public static void Run(Accumulation accumulation, TensorData x, int[] axes, TensorData to)
    {
        var run = new TupleAccumulating(accumulation);
        var (kept, reduced) = (Strides(x, axes, isReduced: false), Strides(x, axes, isReduced: true));
        var current = Enumerable.Range(0, (int)to.Size).Select(_ => accumulation.Neutral.Select(n => Number.Of(n)).ToArray()).ToArray();
        for (long i = 0; i < x.Size; i++)
        {
            long place = 0, number = 0, rest = i;
            for (var axis = x.Rank - 1; axis >= 0; axis--)
            {
                place += rest % x.Shape[axis] * kept[axis];
                number += rest % x.Shape[axis] * reduced[axis];
                rest /= x.Shape[axis];
            }
            run.Add(current[place], x.Real is { } real ? new(real[i], 0) : new(0, x.Int[i]), number);
        }
        for (long i = 0; i < to.Size; i++)
        {
            var value = run.result.Compute(index => current[i][index])[0];
            if (to.Real is { } real) real[i] = value.Real;
            else to.Int[i] = value.Whole;
        }
    }

    void Add(Number[] sum, Number x, long number)
    {
        var next = element.Compute(input => input == 0 ? x : new(number, number));
        combine.Compute(input => input < components ? sum[input] : next[input - components]).CopyTo(sum, 0);
    }

    // Row-major over the axes that are reduced, or over the others.
    static long[] Strides(TensorData x, int[] axes, bool isReduced)
    {
        var strides = new long[x.Rank];
        long stride = 1;
        for (var axis = x.Rank - 1; axis >= 0; axis--)
        {
            if (axes.Contains(axis) != isReduced) continue;
            strides[axis] = stride;
            stride *= x.Shape[axis];
        }
        return strides;
    }

    /// <summary>A number of an accumulator: the one that its type says.</summary>
    readonly record struct Number(double Real, long Whole)
    {
        // ±∞ is the end of a type of integers.
        public static Number Of(Scalar neutral)
        {
            var value = neutral.Constant;
            if (neutral.Type.IsFloat()) return new(value, 0);
            if (!double.IsInfinity(value)) return new(0, (long)value);
            return new(0, neutral.Type == DType.I64 ? value > 0 ? long.MaxValue : long.MinValue : value > 0 ? int.MaxValue : int.MinValue);
        }
    }

    /// <summary>Some expressions of the same inputs.</summary>
    sealed class Part(Scalar[] roots)
    {
        readonly ElementScalars scalars = new(Scalar.Order(roots));

        public Number[] Compute(System.Func<int, Number> input)
        {
            for (var s = 0; s < scalars.Order.Length; s++)
            {
                var scalar = scalars.Order[s];
                if (scalar.Op != ScalarOp.Input) scalars.Compute(s);
                else if (scalar.Type.IsFloat()) scalars.Set(s, input(scalar.Index).Real);
                else scalars.Set(s, input(scalar.Index).Whole);
            }
            return [.. roots.Select(r => System.Array.IndexOf(scalars.Order, r)).Select(s => new Number(scalars.Real(s), scalars.Whole(s)))];
        }
    }
}
