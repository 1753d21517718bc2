using System;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Typing;

/// <summary>What is known of how large the numbers of a value are, and who made them so: what the question whether float16 holds them needs.</summary>
/// <param name="Least">No number is below it.</param>
/// <param name="Most">No number is above it.</param>
/// <param name="Order">
/// How many activations are multiplied in it that nothing has normalized: 0 for parameters, the caller's data, normalized and bounded values; 1 for what a product with parameters makes of data; 2 for a product of two of those.
/// Sums, and further products with parameters, whose first numbers keep the variance, leave it.
/// </param>
sealed record Magnitude(double Least, double Most, int Order)
{
    /// <summary>The largest number of float16, and that whose exponential it is.</summary>
    public const double Largest = 65504, LargestExponent = 11.0898;

    const int HighestOrder = 8;

    /// <summary>Nothing is known but the order.</summary>
    public static Magnitude Unknown(int order) => new(double.NegativeInfinity, double.PositiveInfinity, order);

    /// <summary>Numbers between bounds.</summary>
    public static Magnitude Between(double least, double most) => new(least, most, 0);

    /// <summary>Whether it is the caller's data, before any product with parameters.</summary>
    public bool IsData { get; init; }

    /// <summary>An exponential in it whose argument may be too large.</summary>
    public Node? Exponential { get; init; }

    /// <summary>Where a number of the source beyond <see cref="Largest"/> comes in.</summary>
    public Node? Huge { get; init; }

    /// <summary>A quotient, or a root's, whose divisor is kept from 0 by less than what float16 has a reciprocal of.</summary>
    public Node? Quotient { get; init; }

    /// <summary>The product that made the order 2.</summary>
    public Node? Product { get; init; }

    /// <summary>Whether it is the square of something, or a sum of such.</summary>
    public bool IsSquare { get; init; }

    /// <summary>A sum of so many squares that it leaves float16 where these are of the size of 1 or a little more.</summary>
    public Node? Squares { get; init; }

    /// <summary>Whether float16 holds all of it.</summary>
    public bool Fits => Least >= -Largest && Most <= Largest;

    /// <summary>What is in bounds has nothing in it to ask after.</summary>
    public Magnitude Settled => Fits ? Between(Least, Most) with { IsSquare = IsSquare } : this;

    /// <summary>What somebody was told of: nobody is told again of what comes of it.</summary>
    public Magnitude Told => new(Least, Most, Math.Min(Order, 1)) { IsData = IsData };

    /// <summary>One of two.</summary>
    public static Magnitude Either(Magnitude a, Magnitude b) => Of(a, b, Math.Min(a.Least, b.Least), Math.Max(a.Most, b.Most), Math.Max(a.Order, b.Order)) with { IsSquare = a.IsSquare && b.IsSquare };

    /// <summary>What is known of a value that goes on from one to the other: a bound or an order that moved will move again.</summary>
    public static Magnitude Widened(Magnitude from, Magnitude to) => to with
    {
        Least = to.Least < from.Least ? double.NegativeInfinity : to.Least, Most = to.Most > from.Most ? double.PositiveInfinity : to.Most, Order = to.Order > from.Order ? HighestOrder : to.Order,
    };

    static Magnitude Of(Magnitude a, Magnitude b, double least, double most, int order) => new(Number(least, double.NegativeInfinity), Number(most, double.PositiveInfinity), Math.Min(order, HighestOrder))
    {
        IsData = a.IsData || b.IsData, Exponential = a.Exponential ?? b.Exponential, Huge = a.Huge ?? b.Huge, Quotient = a.Quotient ?? b.Quotient, Product = a.Product ?? b.Product, Squares = a.Squares ?? b.Squares,
    };

    // ∞ − ∞ and 0 · ∞ say nothing.
    static double Number(double value, double otherwise) => double.IsNaN(value) ? otherwise : value;

    /// <summary>What an elementwise operation gives.</summary>
    /// <param name="node">The operation.</param>
    /// <param name="root">Its expression.</param>
    /// <param name="inputs">Its operands.</param>
    public static Magnitude Of(Node node, Scalar root, Magnitude[] inputs)
    {
        var order = root.Ordered();
        var values = order.ToDictionary(s => s, _ => (Magnitude?)null);
        foreach (var s in order)
        {
            Magnitude A(int i) => values[s.Arguments[i]]!;
            values[s] = Step(node, s, inputs, A).Settled;
        }
        return values[root]!;
    }

    static Magnitude Step(Node node, Scalar s, Magnitude[] inputs, Func<int, Magnitude> a)
    {
        switch (s.Op)
        {
            case ScalarOp.Input: return inputs[s.Index];
            case ScalarOp.Constant: return Between(s.Constant, s.Constant) with { Huge = IsHuge(s.Constant) ? node : null };
            case ScalarOp.Cast or ScalarOp.Floor or ScalarOp.Ceil or ScalarOp.Round or ScalarOp.Place: return a(0);
            case ScalarOp.Add: return Of(a(0), a(1), a(0).Least + a(1).Least, a(0).Most + a(1).Most, Math.Max(a(0).Order, a(1).Order)) with { IsSquare = a(0).IsSquare && a(1).IsSquare };
            case ScalarOp.Sub: return Of(a(0), a(1), a(0).Least - a(1).Most, a(0).Most - a(1).Least, Math.Max(a(0).Order, a(1).Order));
            case ScalarOp.Neg: return Of(a(0), a(0), -a(0).Most, -a(0).Least, a(0).Order);
            case ScalarOp.Abs: return Of(a(0), a(0), a(0).Least > 0 ? a(0).Least : 0, Math.Max(a(0).Most, -a(0).Least), a(0).Order);
            case ScalarOp.Min: return Of(a(0), a(1), Math.Min(a(0).Least, a(1).Least), Math.Min(a(0).Most, a(1).Most), Math.Max(a(0).Order, a(1).Order));
            case ScalarOp.Max: return Of(a(0), a(1), Math.Max(a(0).Least, a(1).Least), Math.Max(a(0).Most, a(1).Most), Math.Max(a(0).Order, a(1).Order));
            case ScalarOp.Select: return Either(a(1), a(2));
            case ScalarOp.Mul: return Multiplied(node, a(0), a(1), IsOne(node, s));
            case ScalarOp.Fma:
                var product = Multiplied(node, a(0), a(1), IsOne(node, s));
                return Of(product, a(2), product.Least + a(2).Least, product.Most + a(2).Most, Math.Max(product.Order, a(2).Order));
            case ScalarOp.Div: return Divided(node, a(0), a(1));
            case ScalarOp.Exp:
                return a(0).Most <= LargestExponent ? Between(Math.Exp(a(0).Least), Math.Exp(a(0).Most)) : new(Math.Exp(a(0).Least), double.PositiveInfinity, 0) { Exponential = node };
            // They bring what is far out together again.
            case ScalarOp.Log: return new(a(0).Least > 0 ? Math.Log(a(0).Least) : double.NegativeInfinity, a(0).Most > 0 ? Math.Log(a(0).Most) : double.PositiveInfinity, 0);
            case ScalarOp.Sqrt: return Of(a(0), a(0), a(0).Least > 0 ? Math.Sqrt(a(0).Least) : 0, a(0).Most >= 0 ? Math.Sqrt(a(0).Most) : double.PositiveInfinity, (a(0).Order + 1) / 2) with { Squares = null };
            case ScalarOp.Rsqrt: return Divided(node, Between(1, 1), Step(node, Scalar.Sqrt(s.Arguments[0]), inputs, a));
            case ScalarOp.Pow: return Power(node, a(0), a(1));
            case ScalarOp.Tanh or ScalarOp.Erf or ScalarOp.Sin or ScalarOp.Cos: return Between(-1, 1);
            case ScalarOp.Sigmoid or ScalarOp.Uniform: return Between(0, 1);
            case ScalarOp.Atan: return Between(-Math.PI / 2, Math.PI / 2);
            case ScalarOp.Equal or ScalarOp.Less or ScalarOp.LessEqual or ScalarOp.And or ScalarOp.Or or ScalarOp.Not: return Between(0, 1);
            case ScalarOp.Remainder: return a(1).Least > 0 ? new(0, a(1).Most, a(1).Order) : Unknown(a(1).Order);
            // Whole numbers: places and sizes are not known to be large, and bits are anything.
            case ScalarOp.AxisIndex or ScalarOp.LinearIndex or ScalarOp.Dimension: return new(0, double.PositiveInfinity, 0);
            case ScalarOp.BitCast or ScalarOp.ShiftLeft or ScalarOp.ShiftRight or ScalarOp.BitAnd or ScalarOp.BitOr or ScalarOp.BitXor: return Unknown(0);
            default: throw new InvalidOperationException($"Nothing is known of the numbers of {s.Op}.");
        }
    }

    static bool IsHuge(double number) => Math.Abs(number) > Largest && !double.IsInfinity(number);

    // Whether both factors are the same.
    static bool IsOne(Node node, Scalar s) => s.Arguments[0] == s.Arguments[1]
        || Input(s.Arguments[0]) is { } a && Input(s.Arguments[1]) is { } b && (a.Index == b.Index || node.Inputs[a.Index] == node.Inputs[b.Index]);

    static Scalar? Input(Scalar s) => s.Op == ScalarOp.Cast ? Input(s.Arguments[0]) : s.Op == ScalarOp.Input ? s : null;

    /// <summary>The product of two.</summary>
    public static Magnitude Multiplied(Node node, Magnitude a, Magnitude b, bool isSquare)
    {
        double[] corners = [a.Least * b.Least, a.Least * b.Most, a.Most * b.Least, a.Most * b.Most];
        var (least, most) = corners.Any(double.IsNaN) ? (double.NegativeInfinity, double.PositiveInfinity) : (corners.Min(), corners.Max());
        // 0 times what has no end is 0.
        if (corners.Any(double.IsNaN) && a.Least >= 0 && b.Least >= 0) least = 0;
        if (isSquare) (least, most) = (a.Least > 0 ? a.Least * a.Least : 0, Math.Max(a.Least * a.Least, a.Most * a.Most));
        var order = a.Order + b.Order - (IsScale(a) || IsScale(b) ? 1 : 0);
        var product = Of(a, b, least, most, Math.Max(order, 0)) with { IsSquare = isSquare || a.IsSquare && b.IsSquare };
        if (IsScale(a) || IsScale(b)) product = product with { Squares = null, IsSquare = a.IsSquare || b.IsSquare };
        return order >= 2 && a.Order < 2 && b.Order < 2 ? product with { Product = node } : product;
    }

    // A number of the source that makes what it scales clearly smaller: whoever wrote it has thought of its size.
    static bool IsScale(Magnitude m) => m.Least == m.Most && Math.Abs(m.Least) <= 0.25;

    static Magnitude Divided(Node node, Magnitude a, Magnitude b)
    {
        var apart = b.Least > 0 || b.Most < 0;
        double[] corners = [a.Least / b.Least, a.Least / b.Most, a.Most / b.Least, a.Most / b.Most];
        var (least, most) = !apart || corners.Any(double.IsNaN) ? (a.Least >= 0 && b.Least >= 0 ? 0 : double.NegativeInfinity, double.PositiveInfinity) : (corners.Min(), corners.Max());
        var order = Math.Max(a.Order - b.Order - (b.Least == b.Most && Math.Abs(b.Least) >= 4 ? 1 : 0), 0);
        var closest = Math.Min(Math.Abs(b.Least), Math.Abs(b.Most));
        var quotient = Of(a, a, least, most, order) with { IsSquare = a.IsSquare, Squares = null };
        // A part of a sum of exponentials is none.
        if (b.Exponential is not null) quotient = quotient with { Exponential = null };
        return apart && 1 / closest > Largest ? quotient with { Quotient = node } : quotient;
    }

    static Magnitude Power(Node node, Magnitude a, Magnitude b)
    {
        if (b.Least == b.Most) // a number of the source
        {
            var exponent = b.Least;
            if (exponent < 0) return Divided(node, Between(1, 1), Power(node, a, Between(-exponent, -exponent)));
            var order = (int)Math.Ceiling(a.Order * exponent);
            var power = Of(a, a, a.Least >= 0 ? Math.Pow(a.Least, exponent) : exponent % 2 == 0 ? 0 : double.NegativeInfinity, Math.Pow(Math.Max(Math.Abs(a.Least), Math.Abs(a.Most)), exponent), order) with { IsSquare = exponent == 2 };
            return order >= 2 && a.Order < 2 ? power with { Product = node } : power;
        }
        // As exp(b · log a).
        var argument = a.Most <= 1 ? b.Least >= 0 : b.Most * Math.Log(a.Most) <= LargestExponent;
        return argument ? new(0, Largest, 0) : new(0, double.PositiveInfinity, 0) { Exponential = node };
    }
}
