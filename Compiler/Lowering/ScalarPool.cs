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
        // By bits: -0 is not 0.
        var key = (s.Op, s.Type, System.BitConverter.DoubleToInt64Bits(s.Constant), s.Index, Number(0), Number(1), Number(2));
        if (known.TryGetValue(key, out var same)) return same;
        known.Add(key, s);
        numbers.Add(s, numbers.Count);
        return s;
    }
}
