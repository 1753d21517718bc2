using System;
using System.Linq;
using System.Threading.Tasks;

namespace Graph.Compiler.Ir.Reference;

/// <summary>Evaluates scalar expressions in double precision, a block of elements at a time, or with 64-bit integers: the reference for every target.</summary>
public static class ScalarEvaluator
{
    const int Block = 512;

    // Blocks that one task takes at a time. Elements do not depend on one another, so neither does the result on how they are cut.
    const int BlocksPerTask = 32;

    /// <summary>Evaluates <paramref name="expression"/> for every element of the node's only result.</summary>
    public static void Run(Scalar expression, Evaluation e)
    {
        var order = expression.Ordered().ToArray();
        if (IntegerScalars.Needed(order))
        {
            IntegerScalars.Run(order, e);
            return;
        }
        var plan = new Plan(order, e);
        const long task = (long)Block * BlocksPerTask;
        var tasks = (e.Output.Size + task - 1) / task;
        void Range(long index)
        {
            var blocks = plan.Blocks();
            for (var start = index * task; start < Math.Min(e.Output.Size, (index + 1) * task); start += Block)
                plan.Run(start, (int)Math.Min(Block, e.Output.Size - start), blocks);
        }
        if (tasks > 4) Parallel.For(0, tasks, Range);
        else
            for (long i = 0; i < tasks; i++) Range(i);
    }

    /// <summary>The expression in order, with everything that is the same for each block.</summary>
    sealed class Plan
    {
        readonly Scalar[] order;
        readonly int[][] arguments;
        readonly TensorData[] inputs;
        readonly TensorData output;
        readonly long[][] strides;
        readonly double[] sizes;

        public Plan(Scalar[] order, Evaluation e)
        {
            this.order = order;
            var slot = order.Select((s, i) => (s, i)).ToDictionary(p => p.s, p => p.i);
            arguments = [.. order.Select(s => s.Arguments.Select(a => slot[a]).ToArray())];
            inputs = e.Inputs;
            output = e.Output;
            strides = [.. inputs.Select(x => BroadcastStrides(x, output.Shape))];
            sizes = [.. order.Select(s => s.Op == ScalarOp.Dimension ? s.Size!.Evaluate(e.Binding) : 0.0)];
        }

        public double[][] Blocks() => [.. order.Select(_ => new double[Block])];

        public void Run(long start, int count, double[][] blocks)
        {
            for (var s = 0; s < order.Length; s++) Evaluate(s, start, count, blocks);
            Store(blocks[order.Length - 1], start, count);
        }

        void Evaluate(int s, long start, int count, double[][] blocks)
        {
            var scalar = order[s];
            var to = blocks[s];
            switch (scalar.Op)
            {
                case ScalarOp.Input:
                    Load(inputs[scalar.Index], strides[scalar.Index], start, count, to);
                    break;
                case ScalarOp.Constant:
                    Fill(to, count, Rounding.Round(scalar.Constant, scalar.Type));
                    break;
                case ScalarOp.Dimension:
                    Fill(to, count, sizes[s]);
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
                    ScalarBlocks.Apply(scalar, a, b, c, to, count);
                    Rounding.Round(to, 0, count, scalar.Type);
                    break;
            }
        }

        static void Fill(double[] to, int count, double value)
        {
            for (var i = 0; i < count; i++) to[i] = value;
        }

        // Runs along the innermost axis, where an operand goes one by one or stands still.
        void Load(TensorData x, long[] stride, long start, int count, double[] to)
        {
            if (x.Size == output.Size)
            {
                Copy(x, start, to, 0, count);
                return;
            }
            if (x.Size == 1)
            {
                Fill(to, count, x[0]);
                return;
            }
            var rank = output.Rank;
            var (inner, step) = (output.Shape[rank - 1], stride[rank - 1]);
            for (var done = 0; done < count;)
            {
                var rest = start + done;
                var first = rest % inner;
                var offset = first * step;
                rest /= inner;
                for (var axis = rank - 2; axis >= 0; axis--)
                {
                    offset += rest % output.Shape[axis] * stride[axis];
                    rest /= output.Shape[axis];
                }
                var run = (int)Math.Min(inner - first, count - done);
                if (step == 1) Copy(x, offset, to, done, run);
                else
                {
                    var value = x[offset];
                    for (var i = 0; i < run; i++) to[done + i] = value;
                }
                done += run;
            }
        }

        static void Copy(TensorData x, long from, double[] to, int place, int count)
        {
            if (x.Real is { } real) Array.Copy(real, from, to, place, count);
            else
                for (var i = 0; i < count; i++) to[place + i] = x.Int[from + i];
        }

        void Store(double[] result, long start, int count)
        {
            if (output.Real is { } real)
            {
                Rounding.Round(result, 0, count, output.DType);
                Array.Copy(result, 0, real, start, count);
            }
            else
                for (var i = 0; i < count; i++) output.Int[start + i] = (long)result[i];
        }
    }

    internal static long[] BroadcastStrides(TensorData x, long[] shape)
    {
        var mine = x.Strides();
        var strides = new long[shape.Length];
        for (var i = 1; i <= x.Rank; i++)
            strides[shape.Length - i] = x.Shape[x.Rank - i] == 1 ? 0 : mine[x.Rank - i];
        return strides;
    }

    // As .NET converts: the nearest number that the type has, 0 for not a number; to i8 by way of i32.
    static double Truncated(double value, DType type)
    {
        if (double.IsNaN(value)) return 0;
        return type == DType.I64 ? Math.Truncate(value) : Math.Max(int.MinValue, Math.Min(int.MaxValue, Math.Truncate(value)));
    }

    // With the sign of the divisor.
    static double Remainder(double a, double b, DType type)
    {
        if (b == 0 && !type.IsFloat()) throw new DivideByZeroException("The remainder of an integer by 0.");
        var rest = a % b;
        return rest != 0 && rest < 0 != b < 0 ? rest + b : rest;
    }

    /// <summary>One scalar operation in double precision.</summary>
    public static double Apply(Scalar s, double a, double b, double c) => s.Op switch
    {
        ScalarOp.Add => a + b,
        ScalarOp.Sub => a - b,
        ScalarOp.Mul => a * b,
        ScalarOp.Div => a / b,
        ScalarOp.Remainder => Remainder(a, b, s.Type),
        ScalarOp.Neg => -a,
        ScalarOp.Abs => Math.Abs(a),
        // A NaN operand wins, as in PyTorch.
        ScalarOp.Min => double.IsNaN(a) || a < b ? a : b,
        ScalarOp.Max => double.IsNaN(a) || a > b ? a : b,
        ScalarOp.Fma => a * b + c,
        ScalarOp.Equal => a == b ? 1 : 0,
        ScalarOp.Less => a < b ? 1 : 0,
        ScalarOp.LessEqual => a <= b ? 1 : 0,
        ScalarOp.And => a != 0 && b != 0 ? 1 : 0,
        ScalarOp.Or => a != 0 || b != 0 ? 1 : 0,
        ScalarOp.Not => a == 0 ? 1 : 0,
        ScalarOp.Select => a != 0 ? b : c,
        ScalarOp.Cast => s.Type.IsFloat() ? a : s.Type == DType.Bool ? (a != 0 ? 1 : 0) : s.Arguments[0].Type.IsFloat() ? Truncated(a, s.Type) : a,
        ScalarOp.BitCast => s.Type == DType.F32 ? BitConverter.ToSingle(BitConverter.GetBytes((int)a), 0) : BitConverter.ToInt32(BitConverter.GetBytes((float)a), 0),
        ScalarOp.ShiftLeft => (int)a << (int)b,
        ScalarOp.ShiftRight => (int)a >> (int)b,
        ScalarOp.BitAnd => (int)a & (int)b,
        ScalarOp.BitOr => (int)a | (int)b,
        ScalarOp.BitXor => (int)a ^ (int)b,
        _ => ScalarFunctions.Find(s.Op) is { } function ? function.Value(a, b) : throw new InvalidOperationException($"{s.Op} is not a function of arguments."),
    };
}
