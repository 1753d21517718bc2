using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>Evaluates scalar expressions in double precision, a block of elements at a time: the reference for every target.</summary>
public static class ScalarEvaluator
{
    const int Block = 512;

    /// <summary>Evaluates <paramref name="expression"/> for every element of the node's only result.</summary>
    public static void Run(Scalar expression, Evaluation e)
    {
        var output = e.Output;
        var order = expression.Ordered();
        var slot = order.Select((s, i) => (s, i)).ToDictionary(p => p.s, p => p.i);
        var blocks = order.Select(_ => new double[Block]).ToArray();
        var arguments = order.Select(s => s.Arguments.Select(a => slot[a]).ToArray()).ToArray();
        var strides = e.Inputs.Select(x => BroadcastStrides(x, output.Shape)).ToArray();
        var dense = e.Inputs.Select((x, i) => x.Size == output.Size).ToArray();
        var index = new long[output.Rank];
        for (long start = 0; start < output.Size; start += Block)
        {
            var count = (int)Math.Min(Block, output.Size - start);
            for (var s = 0; s < order.Length; s++)
            {
                var scalar = order[s];
                var to = blocks[s];
                switch (scalar.Op)
                {
                    case ScalarOp.Input:
                        Load(e.Inputs[scalar.Index], dense[scalar.Index], strides[scalar.Index], output.Shape, index, start, count, to);
                        break;
                    case ScalarOp.Constant:
                        var constant = Rounding.Round(scalar.Constant, scalar.Type);
                        for (var i = 0; i < count; i++) to[i] = constant;
                        break;
                    case ScalarOp.Dimension:
                        double size = scalar.Size!.Evaluate(e.Binding);
                        for (var i = 0; i < count; i++) to[i] = size;
                        break;
                    case ScalarOp.LinearIndex:
                        for (var i = 0; i < count; i++) to[i] = start + i;
                        break;
                    case ScalarOp.AxisIndex:
                        long below = 1;
                        for (var axis = output.Rank - 1; axis > scalar.Index; axis--) below *= output.Shape[axis];
                        for (var i = 0; i < count; i++) to[i] = (start + i) / below % output.Shape[scalar.Index];
                        break;
                    default:
                        var a = blocks[arguments[s][0]];
                        var b = arguments[s].Length > 1 ? blocks[arguments[s][1]] : a;
                        var c = arguments[s].Length > 2 ? blocks[arguments[s][2]] : a;
                        for (var i = 0; i < count; i++) to[i] = Apply(scalar, a[i], b[i], c[i]);
                        if (scalar.Type.IsFloat() && scalar.Type != DType.F64)
                            for (var i = 0; i < count; i++) to[i] = Rounding.Round(to[i], scalar.Type);
                        break;
                }
            }
            var result = blocks[order.Length - 1];
            for (var i = 0; i < count; i++) output[start + i] = result[i];
        }
        output.RoundTo(output.DType);
    }

    static long[] BroadcastStrides(TensorData x, long[] shape)
    {
        var mine = x.Strides();
        var strides = new long[shape.Length];
        for (var i = 1; i <= x.Rank; i++)
            strides[shape.Length - i] = x.Shape[x.Rank - i] == 1 ? 0 : mine[x.Rank - i];
        return strides;
    }

    static void Load(TensorData x, bool dense, long[] strides, long[] shape, long[] index, long start, int count, double[] to)
    {
        if (dense)
        {
            for (var i = 0; i < count; i++) to[i] = x[start + i];
            return;
        }
        var rest = start;
        for (var axis = shape.Length - 1; axis >= 0; axis--)
        {
            index[axis] = rest % shape[axis];
            rest /= shape[axis];
        }
        long offset = 0;
        for (var axis = 0; axis < shape.Length; axis++) offset += index[axis] * strides[axis];
        for (var i = 0; i < count; i++)
        {
            to[i] = x[offset];
            for (var axis = shape.Length - 1; axis >= 0; axis--)
            {
                offset += strides[axis];
                if (++index[axis] < shape[axis]) break;
                offset -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }
    }

    /// <summary>One scalar operation in double precision.</summary>
    public static double Apply(Scalar s, double a, double b, double c) => s.Op switch
    {
        ScalarOp.Add => a + b,
        ScalarOp.Sub => a - b,
        ScalarOp.Mul => a * b,
        ScalarOp.Div => s.Type.IsFloat() ? a / b : b == 0 ? throw new DivideByZeroException("Integer division by zero.") : Math.Truncate(a / b),
        ScalarOp.Neg => -a,
        ScalarOp.Abs => Math.Abs(a),
        // A NaN operand wins, as in PyTorch.
        ScalarOp.Min => double.IsNaN(a) || a < b ? a : b,
        ScalarOp.Max => double.IsNaN(a) || a > b ? a : b,
        ScalarOp.Fma => a * b + c,
        ScalarOp.Exp => Math.Exp(a),
        ScalarOp.Log => Math.Log(a),
        ScalarOp.Sqrt => Math.Sqrt(a),
        ScalarOp.Rsqrt => 1 / Math.Sqrt(a),
        ScalarOp.Tanh => Math.Tanh(a),
        ScalarOp.Erf => SpecialFunctions.Erf(a),
        ScalarOp.Sigmoid => a >= 0 ? 1 / (1 + Math.Exp(-a)) : Math.Exp(a) / (1 + Math.Exp(a)),
        ScalarOp.Sin => Math.Sin(a),
        ScalarOp.Cos => Math.Cos(a),
        ScalarOp.Pow => Math.Pow(a, b),
        ScalarOp.Floor => Math.Floor(a),
        ScalarOp.Ceil => Math.Ceiling(a),
        ScalarOp.Round => Math.Round(a, MidpointRounding.ToEven),
        ScalarOp.Equal => a == b ? 1 : 0,
        ScalarOp.Less => a < b ? 1 : 0,
        ScalarOp.LessEqual => a <= b ? 1 : 0,
        ScalarOp.And => a != 0 && b != 0 ? 1 : 0,
        ScalarOp.Or => a != 0 || b != 0 ? 1 : 0,
        ScalarOp.Not => a == 0 ? 1 : 0,
        ScalarOp.Select => a != 0 ? b : c,
        ScalarOp.Cast => s.Type.IsFloat() ? a : s.Type == DType.Bool ? (a != 0 ? 1 : 0) : Math.Truncate(a),
        ScalarOp.Uniform => Philox.Uniform((ulong)(long)a, (ulong)s.Constant, (ulong)(long)b),
        _ => throw new InvalidOperationException($"{s.Op} is not a function of arguments."),
    };
}
