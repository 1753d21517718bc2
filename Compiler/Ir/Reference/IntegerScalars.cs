using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Ir.Reference;

/// <summary>Evaluates scalar expressions with 64-bit integers in them one element at a time: a double, in which <see cref="ScalarEvaluator"/> computes blocks, holds integers up to 2^53.</summary>
sealed class IntegerScalars
{
    readonly Scalar[] order;
    readonly int[][] arguments;
    readonly TensorData[] inputs;
    readonly TensorData output;
    readonly long[][] strides;
    readonly long[] sizes;
    readonly double[] real;
    readonly long[] whole;

    IntegerScalars(Scalar[] order, Evaluation e)
    {
        this.order = order;
        var slot = order.Select((s, i) => (s, i)).ToDictionary(p => p.s, p => p.i);
        arguments = [.. order.Select(s => s.Arguments.Select(a => slot[a]).ToArray())];
        inputs = e.Inputs;
        output = e.Output;
        strides = [.. inputs.Select(x => ScalarEvaluator.BroadcastStrides(x, output.Shape))];
        sizes = [.. order.Select(s => s.Op == ScalarOp.Dimension ? s.Size!.Evaluate(e.Binding) : 0)];
        real = new double[order.Length];
        whole = new long[order.Length];
    }

    /// <summary>Whether doubles could lose a digit: elements of 64 bits, or arithmetic that leaves 53.</summary>
    public static bool Needed(IEnumerable<Scalar> order) => order.Any(s => s.Op switch
    {
        ScalarOp.Input => s.Type == DType.I64,
        ScalarOp.Uniform => true,
        ScalarOp.Add or ScalarOp.Sub or ScalarOp.Mul or ScalarOp.Neg or ScalarOp.Abs or ScalarOp.Remainder => s.Type is DType.I64 or DType.I32,
        _ => false,
    });

    /// <summary>Evaluates the expression for every element of the node's only result.</summary>
    public static void Run(Scalar[] order, Evaluation e)
    {
        var scalars = new IntegerScalars(order, e);
        for (long i = 0; i < e.Output.Size; i++) scalars.Element(i);
    }

    void Element(long element)
    {
        for (var s = 0; s < order.Length; s++) Evaluate(s, element);
        var last = order.Length - 1;
        if (output.Real is { } to) to[element] = Rounding.Round(Real(last), output.DType);
        else output.Int[element] = order[last].Type.IsFloat() ? (long)real[last] : whole[last];
    }

    double Real(int s) => order[s].Type.IsFloat() ? real[s] : whole[s];

    bool Truth(int s) => order[s].Type.IsFloat() ? real[s] != 0 : whole[s] != 0;

    void Evaluate(int s, long element)
    {
        var scalar = order[s];
        var x = arguments[s];
        switch (scalar.Op)
        {
            case ScalarOp.Input:
                var place = Place(strides[scalar.Index], element);
                if (inputs[scalar.Index].Real is { } reals) real[s] = reals[place];
                else whole[s] = inputs[scalar.Index].Int[place];
                return;
            case ScalarOp.Constant when !scalar.Type.IsFloat(): whole[s] = (long)Rounding.Round(scalar.Constant, scalar.Type); return;
            case ScalarOp.Constant: real[s] = Rounding.Round(scalar.Constant, scalar.Type); return;
            case ScalarOp.Dimension: whole[s] = sizes[s]; return;
            case ScalarOp.LinearIndex: whole[s] = element; return;
            case ScalarOp.AxisIndex:
                long below = 1;
                for (var axis = output.Rank - 1; axis > scalar.Index; axis--) below *= output.Shape[axis];
                whole[s] = element / below % output.Shape[scalar.Index];
                return;
            case ScalarOp.Uniform: real[s] = Philox.Uniform((ulong)whole[x[0]], Philox.Stream(whole[x[2]], whole[x[3]]), (ulong)whole[x[1]]); return;
            case ScalarOp.Select when !scalar.Type.IsFloat(): whole[s] = whole[Truth(x[0]) ? x[1] : x[2]]; return;
            case ScalarOp.Select: real[s] = Real(Truth(x[0]) ? x[1] : x[2]); return;
        }
        if (x.All(a => !order[a].Type.IsFloat()) && Integer(scalar, whole[x[0]], x.Length > 1 ? whole[x[1]] : 0) is { } exact)
        {
            whole[s] = Wrapped(exact, scalar.Type);
            return;
        }
        var value = Rounding.Round(ScalarEvaluator.Apply(scalar, Real(x[0]), x.Length > 1 ? Real(x[1]) : 0, x.Length > 2 ? Real(x[2]) : 0), scalar.Type);
        if (scalar.Type.IsFloat()) real[s] = value;
        else whole[s] = (long)value;
    }

    // Null for what gives a real number.
    static long? Integer(Scalar s, long a, long b) => unchecked(s.Op switch
    {
        ScalarOp.Add => a + b,
        ScalarOp.Sub => a - b,
        ScalarOp.Mul => a * b,
        ScalarOp.Neg => -a,
        ScalarOp.Abs => a < 0 ? -a : a,
        ScalarOp.Min => Math.Min(a, b),
        ScalarOp.Max => Math.Max(a, b),
        ScalarOp.Remainder => Remainder(a, b),
        ScalarOp.Equal => a == b ? 1 : 0,
        ScalarOp.Less => a < b ? 1 : 0,
        ScalarOp.LessEqual => a <= b ? 1 : 0,
        ScalarOp.Cast when s.Type == DType.Bool => a != 0 ? 1 : 0,
        ScalarOp.Cast when !s.Type.IsFloat() => a,
        _ => null,
    });

    // With the sign of the divisor; the processor traps at the smallest integer by −1.
    static long Remainder(long a, long b)
    {
        if (b == 0) throw new DivideByZeroException("The remainder of an integer by 0.");
        var rest = b == -1 ? 0 : a % b;
        return rest != 0 && (rest ^ b) < 0 ? rest + b : rest;
    }

    static long Wrapped(long value, DType type) => type switch
    {
        DType.I32 => unchecked((int)value),
        DType.I8 => unchecked((sbyte)value),
        DType.I64 or DType.Bool => value,
        _ => throw new InvalidOperationException($"{type.Name()} is no type of integers."),
    };

    long Place(long[] stride, long element)
    {
        long place = 0;
        for (var axis = output.Rank - 1; axis >= 0; axis--)
        {
            place += element % output.Shape[axis] * stride[axis];
            element /= output.Shape[axis];
        }
        return place;
    }
}
