using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets;

/// <summary>
/// Functions of real numbers as expressions of what every processor has: sums, products, fused multiply-adds, comparisons, and the bits of a float32 as an integer. They are those of the CPU's library, step by
/// step, so that a target that computes them has its bits; a NaN is one, whatever its bits. Some steps are in float64, which every card has too: what a <see cref="ScalarOp.Select"/> takes of those in its last
/// operand is rare, and a target may compute it behind a branch (<see cref="IsRare"/>).
/// </summary>
public static class FunctionGraphs
{
    const float Log2E = 1.44269504f, Ln2High = 0.693145752f, Ln2Low = 1.42860677e-06f, Magic = 12582912f, SmallestNormal = 1.17549435e-38f;
    const int MagicBits = 0x4B400000, SqrtHalfBits = 0x3F3504F3, Sign = int.MinValue;

    static readonly Dictionary<ScalarOp, Func<ImmutableArray<Scalar>, Scalar>> rows = new()
    {
        [ScalarOp.Exp] = x => Exp(x[0]),
        [ScalarOp.Log] = x => Log(x[0]),
        [ScalarOp.Rsqrt] = x => Number(1) / Scalar.Sqrt(x[0]),
        [ScalarOp.Tanh] = x => Tanh(x[0]),
        [ScalarOp.Sigmoid] = x => Sigmoid(x[0]),
        [ScalarOp.Erf] = x => Erf(x[0]),
        [ScalarOp.Atan] = x => Atan(x[0]),
        [ScalarOp.Sin] = x => AngleGraphs.Sin(x[0]),
        [ScalarOp.Cos] = x => AngleGraphs.Cos(x[0]),
        [ScalarOp.Pow] = x => PowerGraph.Pow(x[0], x[1]),
    };

    /// <summary>Whether a function is written out: in float32, and for what is stored in 16 bits.</summary>
    public static bool Has(Scalar s) => s.Type.IsFloat() && s.Type != DType.F64 && rows.ContainsKey(s.Op);

    /// <summary>Whether an operation is written out.</summary>
    public static bool Has(ScalarOp op) => rows.ContainsKey(op);

    /// <summary>Whether a choice's last operand is computed in float64 and seldom taken.</summary>
    public static bool IsRare(Scalar choice) => choice.Op == ScalarOp.Select && choice.Arguments[2] is { Op: ScalarOp.Cast, Type: DType.F32 } cast && cast.Arguments[0].Type == DType.F64;

    /// <summary>Expressions with the functions in them written out, shared ones once.</summary>
    public static ImmutableArray<Scalar> Expand(ImmutableArray<Scalar> roots)
    {
        var done = new Dictionary<Scalar, Scalar>();
        return [.. roots.Select(root => Expand(root, done))];
    }

    /// <summary>As <see cref="Expand(ImmutableArray{Scalar})"/>, with what other expressions have been made of already.</summary>
    /// <param name="root">The expression.</param>
    /// <param name="done">What others were made into.</param>
    /// <param name="which">The functions that are written out; all of them when null.</param>
    public static Scalar Expand(Scalar root, Dictionary<Scalar, Scalar> done, Func<ScalarOp, bool>? which = null)
    {
        foreach (var s in root.Ordered())
        {
            if (done.ContainsKey(s)) continue;
            ImmutableArray<Scalar> x = [.. s.Arguments.Select(a => done[a])];
            // What is stored in 16 bits is computed in float32 and rounded.
            done[s] = which?.Invoke(s.Op) != false && Has(s) ? Scalar.Cast(rows[s.Op]([.. x.Select(a => Scalar.Cast(a, DType.F32))]), s.Type)
                : x.SequenceEqual(s.Arguments) ? s : s.With(x);
        }
        return done[root];
    }

    internal static Scalar Number(float value) => Scalar.Of(value, DType.F32);

    internal static Scalar Whole(int value) => Scalar.Of(value, DType.I32);

    internal static Scalar Bits(Scalar x) => Scalar.BitCast(x, DType.I32);

    internal static Scalar Real(Scalar x) => Scalar.BitCast(x, DType.F32);

    internal static Scalar Fma(Scalar a, Scalar b, Scalar c) => Scalar.Fma(a, b, c);

    /// <summary>A polynomial of a float64, the coefficient of the highest power first.</summary>
    internal static Scalar PolynomialOfDouble(Scalar x, params double[] coefficients) =>
        coefficients.Skip(1).Aggregate(Double(coefficients[0]), (p, coefficient) => Fma(p, x, Double(coefficient)));

    internal static Scalar Double(double value) => Scalar.Of(value, DType.F64);

    // The smaller number; the second operand where one is not a number.
    static Scalar Min(float a, Scalar b) => Scalar.Select(Scalar.Less(Number(a), b), Number(a), b);

    // With the sign of another number, which it has not yet.
    static Scalar Signed(Scalar magnitude, Scalar x) => Real(Scalar.BitOr(Bits(magnitude), Scalar.BitAnd(Bits(x), Whole(Sign))));

    // A polynomial, the coefficient of the highest power first.
    internal static Scalar Polynomial(Scalar x, params float[] coefficients)
    {
        var p = Number(coefficients[0]);
        for (var i = 1; i < coefficients.Length; i++) p = Fma(p, x, Number(coefficients[i]));
        return p;
    }

    // x = n·ln 2 + r: n in the low bits of t, and e^r − 1.
    static (Scalar T, Scalar P) Reduced(Scalar x)
    {
        var t = Fma(x, Number(Log2E), Number(Magic));
        var n = t - Number(Magic);
        var r = Fma(n, Number(-Ln2High), x);
        r = Fma(n, Number(-Ln2Low), r);
        var p = Polynomial(r, 0.00138210284f, 0.00836867373f, 0.0416682623f, 0.166665211f, 0.49999994f);
        return (t, Fma(p, r * r, r));
    }

    static Scalar Exp(Scalar x)
    {
        var zero = Scalar.Less(x, Number(-104));
        var (t, p) = Reduced(Min(89, Scalar.Select(zero, Number(0), x)));
        p += Number(1);
        // 2^n in two factors, because 2^128 and 2^-150 are no floats.
        var whole = Bits(t) - Whole(MagicBits);
        var half = Scalar.ShiftRight(whole, 1);
        var first = Real(Scalar.ShiftLeft(half + Whole(127), 23));
        var second = Real(Scalar.ShiftLeft(whole - half + Whole(127), 23));
        return Scalar.Select(zero, Number(0), p * first * second);
    }

    static Scalar Log(Scalar x)
    {
        var denormal = Scalar.Less(x, Number(SmallestNormal));
        var bits = Bits(Scalar.Select(denormal, x * Number(8388608f), x)) - Whole(SqrtHalfBits);
        var e = Scalar.Cast(Scalar.ShiftRight(bits, 23), DType.F32) - Scalar.Select(denormal, Number(23), Number(0));
        var f = Real(Scalar.BitAnd(bits, Whole(0x7FFFFF)) + Whole(SqrtHalfBits)) - Number(1);
        var z = f * f;
        var p = Polynomial(f, -0.0763642788f, 0.127622128f, -0.131596103f, 0.1420158f, -0.166234091f, 0.200012416f, -0.250008196f, 0.333333313f);
        p = Fma(e, Number(Ln2Low), p * (f * z));
        p = Fma(Number(-0.5f), z, p) + f;
        p = Fma(e, Number(Ln2High), p);
        var positive = Scalar.Less(Number(0), x);
        var edge = Scalar.Select(positive, x, Number(float.NaN));
        edge = Scalar.Select(Scalar.Equal(x, Number(0)), Number(float.NegativeInfinity), edge);
        return Scalar.Select(Scalar.And(positive, Scalar.Less(x, Number(float.PositiveInfinity))), p, edge);
    }

    // From e^(2|x|) − 1, so small arguments keep their digits.
    static Scalar Tanh(Scalar x)
    {
        var y = Scalar.Abs(x);
        var (t, p) = Reduced(Min(20, y + y));
        var s = Real(Scalar.ShiftLeft(Bits(t) - Whole(MagicBits - 127), 23));
        p = Fma(s, p, s - Number(1));
        return Signed(p / (p + Number(2)), x);
    }

    static Scalar Sigmoid(Scalar x)
    {
        var e = Exp(Real(Scalar.BitOr(Bits(x), Whole(Sign))));
        return Scalar.Select(Scalar.Less(x, Number(0)), e, Number(1)) / (e + Number(1));
    }

    static Scalar Erf(Scalar x)
    {
        var a = Scalar.Abs(x);
        var p = Polynomial(a * a, 8.00277485e-05f, -0.000805080403f, 0.00519246049f, -0.0268557407f, 0.112836257f, -0.376126289f, 0.128379166f);
        p = Fma(p, x, x);
        var u = Min(4, a);
        var g = Polynomial(u, -0.000194790235f, 0.00303191133f, -0.0221816432f, 0.103837259f, 0.63729018f, 1.12761128f, 0.000211308259f);
        return Scalar.Select(Scalar.Less(a, Number(0.93f)), p, Signed(Number(1) - Exp(-g), x));
    }

    // atan x = π/4 + atan((x − 1) / (x + 1)) = π/2 + atan(−1 / x): the one whose argument is at most tan(π/8).
    static Scalar Atan(Scalar x)
    {
        var a = Scalar.Abs(x);
        var (middle, far) = (Scalar.Less(Number(0.41421356f), a), Scalar.Less(Number(2.41421356f), a));
        Scalar Choose(Scalar beyond, Scalar between, Scalar near) => Scalar.Select(far, beyond, Scalar.Select(middle, between, near));
        var t = Choose(Number(-1), a - Number(1), a) / Choose(a, a + Number(1), Number(1));
        var z = t * t;
        var p = Polynomial(z, 0.080537215f, -0.13877678f, 0.1997771f, -0.3333295f);
        // What π/4 and π/2 lack as floats.
        var rest = Choose(Number(-4.371139e-08f), Number(-2.1855694e-08f), Number(0));
        return Signed(Choose(Number(1.57079633f), Number(0.785398163f), Number(0)) + (Fma(p, z * t, rest) + t), x);
    }
}
