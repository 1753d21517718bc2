using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>
/// A scalar expression over an operation's operands: one definition serves the reference interpreter, every target and the cost model.
/// Shared subexpressions are shared objects.
/// </summary>
public sealed class Scalar
{
    Scalar(ScalarOp op, DType type, ImmutableArray<Scalar> arguments, double constant = 0, int index = 0, Dim? size = null)
    {
        Size = size;
        Op = op;
        Type = type;
        Arguments = arguments;
        Constant = constant;
        Index = index;
    }

    public ScalarOp Op { get; }
    public DType Type { get; }
    public ImmutableArray<Scalar> Arguments { get; }
    public double Constant { get; }
    public int Index { get; }

    /// <summary>For <see cref="ScalarOp.Dimension"/>: which size.</summary>
    public Dim? Size { get; }

    public static Scalar Input(int index, DType type) => new(ScalarOp.Input, type, [], 0, index);
    public static Scalar Of(double value, DType type) => new(ScalarOp.Constant, type, [], value);
    /// <summary>Any operation on arguments, of a type that the caller knows: for readers of texts.</summary>
    internal static Scalar Of(ScalarOp op, DType type, ImmutableArray<Scalar> arguments) => new(op, type, arguments);
    public static Scalar AxisIndex(int axis) => new(ScalarOp.AxisIndex, DType.I64, [], 0, axis);
    public static Scalar LinearIndex() => new(ScalarOp.LinearIndex, DType.I64, []);
    public static Scalar Place(Scalar index) => new(ScalarOp.Place, DType.I64, [index]);
    public static Scalar Dimension(Dim size) => new(ScalarOp.Dimension, DType.I64, [], size: size);
    public static Scalar Uniform(Scalar seed, Scalar element, Scalar stream, Scalar iteration) => new(ScalarOp.Uniform, DType.F32, [seed, element, stream, iteration]);

    /// <summary>The same operation on other arguments.</summary>
    public Scalar With(ImmutableArray<Scalar> arguments) => new(Op, Type, arguments, Constant, Index, Size);

    // Constants written as plain numbers take the other operand's type.
    static Scalar Binary(ScalarOp op, Scalar a, Scalar b) => new(op, DTypes.Promote(a.Type, b.Type), [a, b]);
    static Scalar Unary(ScalarOp op, Scalar a) => new(op, a.Type, [a]);
    static Scalar Compare(ScalarOp op, Scalar a, Scalar b) => new(op, DType.Bool, [a, b]);

    public static Scalar operator +(Scalar a, Scalar b) => Binary(ScalarOp.Add, a, b);
    public static Scalar operator -(Scalar a, Scalar b) => Binary(ScalarOp.Sub, a, b);
    public static Scalar operator *(Scalar a, Scalar b) => Binary(ScalarOp.Mul, a, b);
    public static Scalar operator /(Scalar a, Scalar b) => Binary(ScalarOp.Div, a, b);
    public static Scalar operator +(Scalar a, double b) => a + Of(b, a.Type);
    public static Scalar operator +(double a, Scalar b) => Of(a, b.Type) + b;
    public static Scalar operator -(Scalar a, double b) => a - Of(b, a.Type);
    public static Scalar operator -(double a, Scalar b) => Of(a, b.Type) - b;
    public static Scalar operator *(Scalar a, double b) => a * Of(b, a.Type);
    public static Scalar operator *(double a, Scalar b) => Of(a, b.Type) * b;
    public static Scalar operator /(Scalar a, double b) => a / Of(b, a.Type);
    public static Scalar operator /(double a, Scalar b) => Of(a, b.Type) / b;
    public static Scalar operator -(Scalar a) => Unary(ScalarOp.Neg, a);

    public static Scalar Abs(Scalar a) => Unary(ScalarOp.Abs, a);
    public static Scalar Min(Scalar a, Scalar b) => Binary(ScalarOp.Min, a, b);
    public static Scalar Max(Scalar a, Scalar b) => Binary(ScalarOp.Max, a, b);
    public static Scalar Remainder(Scalar a, Scalar b) => Binary(ScalarOp.Remainder, a, b);
    public static Scalar Max(Scalar a, double b) => Max(a, Of(b, a.Type));
    public static Scalar Min(Scalar a, double b) => Min(a, Of(b, a.Type));
    public static Scalar Fma(Scalar a, Scalar b, Scalar c) => new(ScalarOp.Fma, a.Type, [a, b, c]);
    public static Scalar Exp(Scalar a) => Unary(ScalarOp.Exp, a);
    public static Scalar Log(Scalar a) => Unary(ScalarOp.Log, a);
    public static Scalar Sqrt(Scalar a) => Unary(ScalarOp.Sqrt, a);
    public static Scalar Rsqrt(Scalar a) => Unary(ScalarOp.Rsqrt, a);
    public static Scalar Tanh(Scalar a) => Unary(ScalarOp.Tanh, a);
    public static Scalar Erf(Scalar a) => Unary(ScalarOp.Erf, a);
    public static Scalar Sigmoid(Scalar a) => Unary(ScalarOp.Sigmoid, a);
    public static Scalar Sin(Scalar a) => Unary(ScalarOp.Sin, a);
    public static Scalar Cos(Scalar a) => Unary(ScalarOp.Cos, a);
    public static Scalar Pow(Scalar a, Scalar b) => Binary(ScalarOp.Pow, a, b);
    public static Scalar Floor(Scalar a) => Unary(ScalarOp.Floor, a);
    public static Scalar Ceil(Scalar a) => Unary(ScalarOp.Ceil, a);
    public static Scalar Round(Scalar a) => Unary(ScalarOp.Round, a);

    /// <summary>A function of real numbers (<see cref="ScalarFunctions"/>).</summary>
    /// <exception cref="ArgumentException">The operation is none, or takes another number of arguments.</exception>
    public static Scalar Function(ScalarOp op, params ImmutableArray<Scalar> arguments) => ScalarFunctions.Find(op) is { } function && function.Arity == arguments.Length
        ? new(op, arguments.Select(a => a.Type).Aggregate(DTypes.Promote), arguments) : throw new ArgumentException($"{op} is no function of {arguments.Length} real numbers.", nameof(op));

    public static Scalar Equal(Scalar a, Scalar b) => Compare(ScalarOp.Equal, a, b);
    public static Scalar Less(Scalar a, Scalar b) => Compare(ScalarOp.Less, a, b);
    public static Scalar LessEqual(Scalar a, Scalar b) => Compare(ScalarOp.LessEqual, a, b);
    public static Scalar And(Scalar a, Scalar b) => Compare(ScalarOp.And, a, b);
    public static Scalar Or(Scalar a, Scalar b) => Compare(ScalarOp.Or, a, b);
    public static Scalar Not(Scalar a) => new(ScalarOp.Not, DType.Bool, [a]);
    public static Scalar Select(Scalar condition, Scalar yes, Scalar no) => new(ScalarOp.Select, DTypes.Promote(yes.Type, no.Type), [condition, yes, no]);
    /// <summary>The bits of a float32 as an integer, or of an integer as a float32.</summary>
    public static Scalar BitCast(Scalar a, DType type) => (a.Type, type) is (DType.F32, DType.I32) or (DType.I32, DType.F32)
        ? new(ScalarOp.BitCast, type, [a]) : throw new ArgumentException($"The bits of {a.Type.Name()} are not those of {type.Name()}.", nameof(type));
    public static Scalar ShiftLeft(Scalar a, int bits) => Binary(ScalarOp.ShiftLeft, a, Of(bits, DType.I32));
    public static Scalar ShiftRight(Scalar a, int bits) => Binary(ScalarOp.ShiftRight, a, Of(bits, DType.I32));
    public static Scalar BitAnd(Scalar a, Scalar b) => Binary(ScalarOp.BitAnd, a, b);
    public static Scalar BitOr(Scalar a, Scalar b) => Binary(ScalarOp.BitOr, a, b);
    public static Scalar BitXor(Scalar a, Scalar b) => Binary(ScalarOp.BitXor, a, b);
    public static Scalar Cast(Scalar a, DType type) => a.Type == type ? a : new(ScalarOp.Cast, type, [a]);

    /// <summary>Whether this is one operation on the inputs 0 to <paramref name="count"/> − 1 themselves, in order.</summary>
    public bool AppliesToInputs(int count)
    {
        if (Arguments.Length != count) return false;
        for (var i = 0; i < count; i++)
            if (Arguments[i].Op != ScalarOp.Input || Arguments[i].Index != i) return false;
        return true;
    }

    /// <summary>The expressions below and including this one, arguments first, each object once.</summary>
    public ImmutableArray<Scalar> Ordered() => Order([this]);

    /// <summary>The expressions below and including <paramref name="roots"/>, arguments first, each object once.</summary>
    public static ImmutableArray<Scalar> Order(IEnumerable<Scalar> roots)
    {
        var order = ImmutableArray.CreateBuilder<Scalar>();
        var seen = new HashSet<Scalar>();
        void Visit(Scalar s)
        {
            if (!seen.Add(s)) return;
            foreach (var argument in s.Arguments) Visit(argument);
            order.Add(s);
        }
        foreach (var root in roots) Visit(root);
        return order.ToImmutable();
    }

    public override string ToString() => Op switch
    {
        ScalarOp.Input => "x" + Index,
        ScalarOp.Constant => new Attr.Real(Constant).ToString(),
        ScalarOp.AxisIndex => "index" + Index,
        ScalarOp.LinearIndex => "index",
        ScalarOp.Dimension => "dim(" + Size + ")",
        ScalarOp.Cast => Type.Name() + "(" + Arguments[0] + ")",
        _ => Op.ToString().ToLowerInvariant() + "(" + string.Join(", ", Arguments.Select(a => a.ToString())) + ")",
    };
}
