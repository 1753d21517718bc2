using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Ir.Reference;

/// <summary>Evaluates scalar expressions with 64-bit integers in them one element at a time: a double, in which <see cref="ScalarEvaluator"/> computes blocks, holds integers up to 2^53.</summary>
sealed class IntegerScalars
{
    readonly ElementScalars scalars;
    readonly TensorData[] inputs;
    readonly TensorData output;
    readonly long[][] strides;
    readonly long[] sizes;

    IntegerScalars(Scalar[] order, Evaluation e)
    {
        scalars = new(order);
        inputs = e.Inputs;
        output = e.Output;
        strides = [.. inputs.Select(x => ScalarEvaluator.BroadcastStrides(x, output.Shape))];
        sizes = [.. order.Select(s => s.Op == ScalarOp.Dimension ? s.Size!.Evaluate(e.Binding) : 0)];
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
        for (var s = 0; s < scalars.Order.Length; s++) Evaluate(s, element);
        var last = scalars.Order.Length - 1;
        if (output.Real is { } to) to[element] = Rounding.Round(scalars.Real(last), output.DType);
        else output.Int[element] = scalars.Whole(last);
    }

    void Evaluate(int s, long element)
    {
        var scalar = scalars.Order[s];
        switch (scalar.Op)
        {
            case ScalarOp.Input:
                var place = Place(strides[scalar.Index], element);
                if (inputs[scalar.Index].Real is { } reals) scalars.Set(s, reals[place]);
                else scalars.Set(s, inputs[scalar.Index].Int[place]);
                break;
            case ScalarOp.Dimension: scalars.Set(s, sizes[s]); break;
            case ScalarOp.LinearIndex: scalars.Set(s, element); break;
            case ScalarOp.AxisIndex:
                long below = 1;
                for (var axis = output.Rank - 1; axis > scalar.Index; axis--) below *= output.Shape[axis];
                scalars.Set(s, element / below % output.Shape[scalar.Index]);
                break;
            default: scalars.Compute(s); break;
        }
    }

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
