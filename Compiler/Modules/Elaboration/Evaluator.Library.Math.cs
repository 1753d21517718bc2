using System;
using System.Globalization;
using System.Linq;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary><c>System.Math</c>, <c>MathF</c> and the static methods of the number types, in the type of their arguments.</summary>
sealed partial class Evaluator
{
    object? Mathematics(string method, object?[] a, LibraryCallExpression call)
    {
        foreach (var argument in a)
            if (argument is null) throw WouldThrow(call.Location, "An argument is null.");
        if (method is "DivRem")
        {
            var quotient = Binary(BinaryOperator.Divide, a[0], a[1], call.Type, true, call.Location);
            return new TupleValue([quotient, Binary(BinaryOperator.Remainder, a[0], a[1], call.Type, true, call.Location)]);
        }
        if (a.Any(x => x is DimValue)) return OfSizes(method, a, call);
        if ((call.Type.IsInteger || method is "Sign" or "Log2" or "PopCount" or "IsPow2" or "LeadingZeroCount" or "TrailingZeroCount") && Numbers.IsInteger(a[0])) return OfIntegers(method, a, call);
        var x = Numbers.ToDouble(a[0]!);
        var isSingle = call.Type.Kind == TypeKind.Float32;
        double Y(int index = 1) => Numbers.ToDouble(a[index]!);
        object result = (method, a.Length) switch
        {
            ("Abs", 1) => Math.Abs(x),
            ("Acos", 1) => Math.Acos(x),
            ("Asin", 1) => Math.Asin(x),
            ("Atan", 1) => Math.Atan(x),
            ("Acosh", 1) => Math.Log(x + Math.Sqrt(x * x - 1)),
            ("Asinh", 1) => Math.Sign(x) * Math.Log(Math.Abs(x) + Math.Sqrt(x * x + 1)),
            ("Atanh", 1) => 0.5 * Math.Log((1 + x) / (1 - x)),
            ("Atan2", 2) => Math.Atan2(x, Y()),
            ("Cbrt", 1) => Math.Sign(x) * Math.Pow(Math.Abs(x), 1.0 / 3),
            ("Ceiling", 1) => Math.Ceiling(x),
            ("Clamp", 3) => Y(1) > Y(2) ? throw new ArgumentException("the lower bound is above the upper one") : Math.Min(Math.Max(x, Y(1)), Y(2)),
            ("Cos", 1) => Math.Cos(x),
            ("Cosh", 1) => Math.Cosh(x),
            ("Exp", 1) => Math.Exp(x),
            ("Floor", 1) => Math.Floor(x),
            ("IEEERemainder", 2) => Math.IEEERemainder(x, Y()),
            ("Log", 1) => Math.Log(x),
            ("Log", 2) => Math.Log(x, Y()),
            ("Log10", 1) => Math.Log10(x),
            ("Log2", 1) => Log2(x),
            ("Max", 2) => Math.Max(x, Y()),
            ("Min", 2) => Math.Min(x, Y()),
            ("Pow", 2) => Math.Pow(x, Y()),
            ("Round", 1) => Math.Round(x),
            ("Round", 2) when Numbers.IsInteger(a[1]) => Math.Round(x, Int(a[1], call.Location, "The number of digits")),
            ("Round", 2) when a[1] is EnumValue { Member: "AwayFromZero" } => Math.Round(x, MidpointRounding.AwayFromZero),
            ("Round", 2) when a[1] is EnumValue { Member: "ToEven" } => Math.Round(x, MidpointRounding.ToEven),
            ("Sign", 1) => Math.Sign(x),
            ("Sin", 1) => Math.Sin(x),
            ("Sinh", 1) => Math.Sinh(x),
            ("Sqrt", 1) => Math.Sqrt(x),
            ("Tan", 1) => Math.Tan(x),
            ("Tanh", 1) => Math.Tanh(x),
            ("Truncate", 1) => Math.Truncate(x),
            ("IsNaN", 1) => double.IsNaN(x),
            ("IsInfinity", 1) => double.IsInfinity(x),
            ("IsFinite", 1) => !double.IsNaN(x) && !double.IsInfinity(x),
            _ => throw NoRule(call),
        };
        return result is double d && isSingle ? (float)d : result;
    }

    // Exact for powers of two, which is what sizes are.
    static double Log2(double x)
    {
        var nearest = Math.Round(Math.Log(x, 2));
        return Math.Pow(2, nearest) == x ? nearest : Math.Log(x, 2);
    }

    object OfIntegers(string method, object?[] a, LibraryCallExpression call)
    {
        var x = Numbers.ToDecimal(a[0]!);
        decimal Y(int index = 1) => Numbers.ToDecimal(a[index]!);
        // Bit counts see the value at its own width.
        var width = a[0] is long or ulong ? 64 : 32;
        var bits = unchecked((ulong)Numbers.ToBits(a[0]!)) & (width == 64 ? ulong.MaxValue : uint.MaxValue);
        object result = (method, a.Length) switch
        {
            ("Abs", 1) => Math.Abs(x),
            ("Max", 2) => Math.Max(x, Y()),
            ("Min", 2) => Math.Min(x, Y()),
            ("Clamp", 3) => Y(1) > Y(2) ? throw new ArgumentException("the lower bound is above the upper one") : Math.Min(Math.Max(x, Y(1)), Y(2)),
            ("Sign", 1) => Math.Sign(x),
            ("BigMul", 2) => x * Y(),
            ("PopCount", 1) => PopCount(bits),
            ("IsPow2", 1) => x > 0 && PopCount(bits) == 1,
            ("IsEvenInteger", 1) => (bits & 1) == 0,
            ("IsOddInteger", 1) => (bits & 1) == 1,
            ("Log2", 1) => bits == 0 ? 0 : TopBit(bits),
            ("LeadingZeroCount", 1) => bits == 0 ? width : width - 1 - TopBit(bits),
            ("TrailingZeroCount", 1) => bits == 0 ? width : TopBit(bits & (~bits + 1)),
            ("RoundUpToPowerOf2", 1) => bits <= 1 ? (decimal)bits : TopBit(bits - 1) + 1 >= width ? 0m : (decimal)(1UL << (TopBit(bits - 1) + 1)),
            _ => throw NoRule(call),
        };
        return result is decimal or int && call.Type.IsInteger ? Numbers.FromDecimal(result is int i ? i : (decimal)result, call.Type.Kind) : result;
    }

    static int PopCount(ulong bits)
    {
        var count = 0;
        for (; bits != 0; bits &= bits - 1) count++;
        return count;
    }

    static int TopBit(ulong bits)
    {
        var top = -1;
        for (; bits != 0; bits >>= 1) top++;
        return top;
    }

    // The larger or smaller of two sizes, where that is the same in every call.
    object OfSizes(string method, object?[] a, LibraryCallExpression call) => method switch
    {
        "Max" when a.Length == 2 => (bool)Compare(BinaryOperator.GreaterOrEqual, a[0]!, a[1]!, call.Location) ? a[0]! : a[1]!,
        "Min" when a.Length == 2 => (bool)Compare(BinaryOperator.LessOrEqual, a[0]!, a[1]!, call.Location) ? a[0]! : a[1]!,
        "Abs" => a[0]!,
        _ => throw NotKnown(call.Location, $"{call.Function} needs numbers, but {Describe(a.First(x => x is DimValue))} is known only when the model is called. Compute with it as a Tensor: Tensor size = x.Shape[0];"),
    };

    object? NumberMethod(string method, object?[] a, LibraryCallExpression call) => (method, a.Length) switch
    {
        ("CompareTo", 2) => Same(a[0], a[1]) ? 0 : (bool)Compare(BinaryOperator.Less, a[0]!, a[1]!, call.Location) ? -1 : 1,
        ("Equals", 2) => Same(a[0], a[1]),
        ("ToString", 1) => Text(a[0], null, call.Location),
        ("ToString", _) => Text(a[0], a[1] as string, call.Location),
        ("Parse", _) when a[0] is string text => call.Type.IsReal
            ? Numbers.Convert(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture), call.Type.Kind, false)
            : Numbers.FromDecimal(decimal.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture), call.Type.Kind),
        _ => Mathematics(method, a, call),
    };
}
