using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Lowering;

/// <summary>Makes scalar expressions of which equal ones are one object, with operands of one type and the identities that cost nothing folded.</summary>
public sealed class ScalarPool
{
    readonly Dictionary<(ScalarOp, DType, long, int, int, int, int), Scalar> known = [];
    readonly Dictionary<Scalar, int> numbers = [];

    public Scalar Input(int index, DType type) => Intern(Scalar.Input(index, type));
    public Scalar Constant(double value, DType type) => Intern(Scalar.Of(Rounding.Round(value, type), type));
    public Scalar AxisIndex(int axis) => Intern(Scalar.AxisIndex(axis));
    public Scalar Place(Scalar index) => Intern(Scalar.Place(index));
    public Scalar Add(Scalar a, Scalar b) => Binary(a + b);
    public Scalar Mul(Scalar a, Scalar b) => Binary(a * b);

    public Scalar Cast(Scalar a, DType type)
    {
        if (a.Type == type) return a;
        if (a.Op == ScalarOp.Constant && type != DType.Bool) return Constant(type.IsFloat() ? a.Constant : System.Math.Truncate(a.Constant), type);
        return Intern(Scalar.Cast(a, type));
    }

    Scalar Binary(Scalar s) => Make(s, s.Arguments);

    /// <summary>The operation of <paramref name="s"/> on pooled arguments.</summary>
    public Scalar Make(Scalar s, ImmutableArray<Scalar> arguments)
    {
        switch (s.Op)
        {
            case ScalarOp.Add or ScalarOp.Sub or ScalarOp.Mul or ScalarOp.Div or ScalarOp.Min or ScalarOp.Max or ScalarOp.Remainder or ScalarOp.Fma:
            case var function when ScalarFunctions.Find(function) is not null:
                arguments = [.. arguments.Select(a => Cast(a, s.Type))];
                break;
            case ScalarOp.Equal or ScalarOp.Less or ScalarOp.LessEqual:
                var common = DTypes.Promote(arguments[0].Type, arguments[1].Type);
                // Indices and small constants compare as 32-bit integers, of which a vector holds twice as many.
                arguments = [.. arguments.Select(a => Cast(a, common))];
                if (s.Op == ScalarOp.Less) arguments = [arguments[0], Deciding(arguments[0], arguments[1])];
                if (s.Op != ScalarOp.Equal && BeforeRounding(s.Op, arguments) is { } unrounded) return unrounded;
                break;
            case ScalarOp.And or ScalarOp.Or or ScalarOp.Not:
                arguments = [.. arguments.Select(a => Cast(a, DType.Bool))];
                break;
            case ScalarOp.Select:
                arguments = [Cast(arguments[0], DType.Bool), Cast(arguments[1], s.Type), Cast(arguments[2], s.Type)];
                break;
            case ScalarOp.Cast:
                return Cast(arguments[0], s.Type);
        }
        // x·1, x/1 and x + 0 for integers; x + 0 is not x for a float that is -0.
        if (s.Op is ScalarOp.Mul or ScalarOp.Div && arguments[1] is { Op: ScalarOp.Constant, Constant: 1 }) return arguments[0];
        if (s.Op is ScalarOp.Mul && arguments[0] is { Op: ScalarOp.Constant, Constant: 1 }) return arguments[1];
        if (s.Op is ScalarOp.Add && s.Type.IsInteger() && arguments[0] is { Op: ScalarOp.Constant, Constant: 0 }) return arguments[1];
        if (s.Op is ScalarOp.Add && s.Type.IsInteger() && arguments[1] is { Op: ScalarOp.Constant, Constant: 0 }) return arguments[0];
        // A division by a power of two is an exact multiplication.
        if (s.Op is ScalarOp.Div && s.Type.IsFloat() && arguments[1] is { Op: ScalarOp.Constant } c && IsPowerOfTwo(c.Constant))
            return Make(Scalar.Of(0, s.Type) * Scalar.Of(0, s.Type), [arguments[0], Constant(1 / c.Constant, s.Type)]);
        return Intern(s.With(arguments));
    }

    // A constant is less than the larger of two numbers, one of which is no larger than it, if it is less than the other: so a ReLU and its gradient meet in one comparison.
    static Scalar Deciding(Scalar constant, Scalar other)
    {
        bool IsNoLarger(Scalar a) => a.Op == ScalarOp.Constant && a.Constant <= constant.Constant;
        if (constant.Op != ScalarOp.Constant || other.Op != ScalarOp.Max) return other;
        return IsNoLarger(other.Arguments[0]) ? other.Arguments[1] : IsNoLarger(other.Arguments[1]) ? other.Arguments[0] : other;
    }

    // The comparison of a constant with what is rounded to 16 bits, made with what is rounded; null where it is none.
    Scalar? BeforeRounding(ScalarOp op, ImmutableArray<Scalar> arguments)
    {
        static Scalar? Unrounded(Scalar a) => a.Op == ScalarOp.Cast && a.Type.IsNarrowFloat() && a.Arguments[0].Type == DType.F32 ? a.Arguments[0] : null;
        var (a, b) = (arguments[0], arguments[1]);
        // Of a NaN both are false, as all comparisons are.
        if (a.Op == ScalarOp.Constant && Unrounded(b) is { } larger && RoundedComparison.Least(a.Constant, orAt: op == ScalarOp.LessEqual, b.Type) is { } from)
            return Intern(Scalar.LessEqual(Constant(from, DType.F32), larger));
        if (b.Op == ScalarOp.Constant && Unrounded(a) is { } smaller && RoundedComparison.Least(b.Constant, orAt: op == ScalarOp.Less, a.Type) is { } to)
            return Intern(Scalar.Less(smaller, Constant(to, DType.F32)));
        return null;
    }

    static bool IsPowerOfTwo(double value)
    {
        var magnitude = System.Math.Abs(value);
        for (var p = 1.0; p <= 1 << 20; p *= 2)
            if (magnitude == p || magnitude == 1 / p) return true;
        return false;
    }

    Scalar Intern(Scalar s)
    {
        int Number(int i) => i < s.Arguments.Length ? numbers[s.Arguments[i]] : -1;
        var (a, b) = (Number(0), Number(1));
        // Sums and products do not depend on the order of two operands, so the second of two that differ in it is the first.
        if (s.Op is ScalarOp.Add or ScalarOp.Mul && a > b) (a, b) = (b, a);
        // By bits: -0 is not 0.
        var key = (s.Op, s.Type, System.BitConverter.DoubleToInt64Bits(s.Constant), s.Index, a, b, Number(2));
        if (known.TryGetValue(key, out var same)) return same;
        known.Add(key, s);
        numbers.Add(s, numbers.Count);
        return s;
    }
}
