using System;
using Graph.Compiler.Ir;

namespace Graph.Tests.Toy;

/// <summary>Scalar operations: each computes in double precision, or with 64-bit integers, and gives the nearest number of its type.</summary>
static class Arithmetic
{
    /// <summary>A constant; ±∞ among integers stands for the end of the type.</summary>
    public static Number Constant(double value, DType type)
    {
        if (type.IsFloat()) return Number.Of(Rounding.Round(value, type));
        if (!double.IsInfinity(value)) return Number.Of((long)value);
        (long low, long high) = type switch
        {
            DType.I64 => (long.MinValue, long.MaxValue),
            DType.Bool => (0L, 1L),
            _ => type.Range(),
        };
        return Number.Of(value > 0 ? high : low);
    }

    /// <summary>One operation on its arguments.</summary>
    public static Number Apply(Scalar s, Number a, Number b, Number c)
    {
        DType Of(int i) => s.Arguments[i].Type;
        switch (s.Op)
        {
            case ScalarOp.Place: return a;
            case ScalarOp.Uniform: throw new InvalidOperationException("A random number has four arguments.");
            case ScalarOp.Select: return IsTrue(a, Of(0)) ? b : c;
            case ScalarOp.And: return Number.Of(a.Whole != 0 && b.Whole != 0);
            case ScalarOp.Or: return Number.Of(a.Whole != 0 || b.Whole != 0);
            case ScalarOp.Not: return Number.Of(a.Whole == 0);
            case ScalarOp.Equal or ScalarOp.Less or ScalarOp.LessEqual: return Number.Of(Of(0).IsFloat() || Of(1).IsFloat() ? Compare(s.Op, a.As(Of(0)), b.As(Of(1))) : Compare(s.Op, a.Whole, b.Whole));
            case ScalarOp.Cast: return Cast(a, Of(0), s.Type);
            case ScalarOp.BitCast: return s.Type == DType.F32 ? Number.Of((double)BitConverter.Int32BitsToSingle((int)a.Whole)) : Number.Of((long)BitConverter.SingleToInt32Bits((float)a.Real));
        }
        if (!s.Type.IsFloat()) return Number.Of(s.Type.Wrap(Whole(s.Op, a.Whole, b.Whole)));
        var (x, y, z) = (a.As(Of(0)), s.Arguments.Length > 1 ? b.As(Of(1)) : 0, s.Arguments.Length > 2 ? c.As(Of(2)) : 0);
        return Number.Of(s.Op == ScalarOp.Fma ? MultiplyAdd(x, y, z, s.Type) : Rounding.Round(Real(s.Op, x, y), s.Type));
    }

    /// <summary>x·y + z, rounded once to the type; integers wrap around.</summary>
    public static double MultiplyAdd(double x, double y, double z, DType type) =>
        type == DType.F32 ? MathF.FusedMultiplyAdd((float)x, (float)y, (float)z)
        : type.IsFloat() ? Rounding.Round(Math.FusedMultiplyAdd(x, y, z), type)
        : type.Wrap(unchecked((long)x * (long)y + (long)z));

    static bool IsTrue(Number a, DType type) => type.IsFloat() ? a.Real != 0 : a.Whole != 0;

    static bool Compare<T>(ScalarOp op, T a, T b)
        where T : IComparable<T>, System.Numerics.IComparisonOperators<T, T, bool> => op switch
    {
        ScalarOp.Equal => a == b,
        ScalarOp.Less => a < b,
        ScalarOp.LessEqual => a <= b,
        _ => throw new InvalidOperationException($"{op} is no comparison."),
    };

    static Number Cast(Number a, DType from, DType to)
    {
        if (to == DType.Bool) return Number.Of(IsTrue(a, from));
        if (to.IsFloat()) return Number.Of(!from.IsFloat() && to == DType.F32 ? (float)a.Whole : Rounding.Round(a.As(from), to));
        if (!from.IsFloat()) return Number.Of(to.Wrap(a.Whole));
        // Towards 0, to the nearest end of the type where there is no such number, 0 for not a number; to 8 bits by way of 32.
        return Number.Of(to == DType.I64 ? (long)a.Real : to.Wrap((int)a.Real));
    }

    static long Whole(ScalarOp op, long a, long b) => unchecked(op switch
    {
        ScalarOp.Add => a + b,
        ScalarOp.Sub => a - b,
        ScalarOp.Mul => a * b,
        ScalarOp.Neg => -a,
        ScalarOp.Abs => a < 0 ? -a : a,
        ScalarOp.Min => Math.Min(a, b),
        ScalarOp.Max => Math.Max(a, b),
        ScalarOp.ShiftLeft => (int)a << (int)b,
        ScalarOp.ShiftRight => (int)a >> (int)b,
        ScalarOp.BitAnd => a & b,
        ScalarOp.BitOr => a | b,
        ScalarOp.BitXor => a ^ b,
        ScalarOp.Remainder => b == -1 ? 0 : a % b is var rest && rest != 0 && (rest ^ b) < 0 ? rest + b : a % b,
        _ => throw new NotSupportedException($"The toy has no {op} of integers."),
    });

    static double Real(ScalarOp op, double a, double b) => op switch
    {
        ScalarOp.Add => a + b,
        ScalarOp.Sub => a - b,
        ScalarOp.Mul => a * b,
        ScalarOp.Div => a / b,
        ScalarOp.Remainder => a % b is var rest && rest != 0 && rest < 0 != b < 0 ? rest + b : a % b,
        ScalarOp.Neg => -a,
        ScalarOp.Abs => Math.Abs(a),
        // Not a number wins.
        ScalarOp.Min => b < a || double.IsNaN(b) ? b : a,
        ScalarOp.Max => b > a || double.IsNaN(b) ? b : a,
        ScalarOp.Exp => Math.Exp(a),
        ScalarOp.Log => Math.Log(a),
        ScalarOp.Sqrt => Math.Sqrt(a),
        ScalarOp.Rsqrt => 1 / Math.Sqrt(a),
        ScalarOp.Tanh => Math.Tanh(a),
        ScalarOp.Erf => SpecialFunctions.Erf(a),
        ScalarOp.Sigmoid => SpecialFunctions.Sigmoid(a),
        ScalarOp.Sin => Math.Sin(a),
        ScalarOp.Cos => Math.Cos(a),
        ScalarOp.Atan => Math.Atan(a),
        ScalarOp.Pow => Math.Pow(a, b),
        ScalarOp.Floor => Math.Floor(a),
        ScalarOp.Ceil => Math.Ceiling(a),
        ScalarOp.Round => Math.Round(a, MidpointRounding.ToEven),
        _ => throw new NotSupportedException($"The toy has no {op} of real numbers."),
    };
}
