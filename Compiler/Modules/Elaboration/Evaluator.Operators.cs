using System;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

sealed partial class Evaluator
{
    object? Binary(BinaryOperator op, object? left, object? right, TypeRef type, bool isChecked, Location location)
    {
        if (op == BinaryOperator.Concat) return new BoundedText(this, location).Append(Text(left, null, location)).Append(Text(right, null, location)).ToString();
        if ((left as IterationValue ?? right as IterationValue) is { } iteration) throw OfIteration(iteration, location);
        if (op is BinaryOperator.Equal or BinaryOperator.NotEqual)
        {
            if (left is DimValue || right is DimValue) return left is null || right is null ? op == BinaryOperator.NotEqual : Compare(op, left, right, location);
            return Same(left, right, type) == (op == BinaryOperator.Equal);
        }
        var compares = op is >= BinaryOperator.Less and <= BinaryOperator.GreaterOrEqual;
        if (left is null || right is null)
        {
            // Lifted operators: comparisons with null are false, arithmetic with null is null (bool has its own table).
            if (type.Kind != TypeKind.Nullable) throw WouldThrow(location, "An operand is null.");
            if (compares) return false;
            if (left is bool a && (op, a) is (BinaryOperator.And, false) or (BinaryOperator.Or, true)) return left;
            if (right is bool b && (op, b) is (BinaryOperator.And, false) or (BinaryOperator.Or, true)) return right;
            return null;
        }
        if (compares) return Compare(op, left, right, location);
        if (left is DimValue || right is DimValue) return Symbolic(op, left, right, location);
        if (left is EnumValue first)
        {
            var bits = Numbers.Apply(op, first.Value, right is EnumValue second ? second.Value : Numbers.ToBits(right), false);
            return right is EnumValue && op == BinaryOperator.Subtract ? checked((int)(long)bits) : EnumOf(first.Enum, (long)bits);
        }
        try
        {
            return Numbers.Apply(op, left, right, isChecked);
        }
        catch (DivideByZeroException)
        {
            throw WouldThrow(location, "An integer is divided by zero.");
        }
        catch (ArithmeticException)
        {
            throw WouldThrow(location, $"The result of {Describe(left)} {Symbol(op)} {Describe(right)} does not fit in {type}.");
        }
        catch (InvalidCastException)
        {
            throw Fail(DiagnosticIds.Unsupported, location, $"{Symbol(op)} cannot be applied to {Describe(left)} and {Describe(right)} while a model is compiled.");
        }
    }

    static string Symbol(BinaryOperator op) => op switch
    {
        BinaryOperator.Add or BinaryOperator.Concat => "+",
        BinaryOperator.Subtract => "-",
        BinaryOperator.Multiply => "*",
        BinaryOperator.Divide => "/",
        BinaryOperator.Remainder => "%",
        BinaryOperator.ShiftLeft => "<<",
        BinaryOperator.ShiftRight => ">>",
        BinaryOperator.ShiftRightUnsigned => ">>>",
        BinaryOperator.And => "&",
        BinaryOperator.Or => "|",
        BinaryOperator.Xor => "^",
        BinaryOperator.AndAlso => "&&",
        BinaryOperator.OrElse => "||",
        BinaryOperator.Equal => "==",
        BinaryOperator.NotEqual => "!=",
        BinaryOperator.Less => "<",
        BinaryOperator.LessOrEqual => "<=",
        BinaryOperator.Greater => ">",
        _ => ">=",
    };

    EnumValue EnumOf(string name, long value) =>
        new(name, definitions.Enum(name)?.Members.FirstOrDefault(m => m.Value == value)?.Name ?? FormattableString.Invariant($"{value}"), value);

    object? Unary(UnaryExpression e, object? value)
    {
        if (value is null) return e.Type.Kind == TypeKind.Nullable ? null : throw WouldThrow(e.Location, "The operand is null.");
        if (e.Operator == UnaryOperator.Not) return !Truth(value, e.Operand.Location);
        if (value is DimValue dim)
            return e.Operator switch
            {
                UnaryOperator.Plus => dim,
                UnaryOperator.Negate => new DimValue(dim.Dim * -1),
                _ => throw NotKnown(e.Location, $"~ needs a number, but {dim} is known only when the model is called."),
            };
        try
        {
            return (e.Operator, value) switch
            {
                (UnaryOperator.Plus, _) => value,
                (UnaryOperator.Complement, EnumValue m) => EnumOf(m.Enum, ~m.Value),
                (UnaryOperator.Negate, int v) => e.IsChecked ? checked(-v) : unchecked(-v),
                (UnaryOperator.Negate, long v) => e.IsChecked ? checked(-v) : unchecked(-v),
                (UnaryOperator.Negate, float v) => -v,
                (UnaryOperator.Negate, double v) => -v,
                (UnaryOperator.Complement, int v) => ~v,
                (UnaryOperator.Complement, uint v) => ~v,
                (UnaryOperator.Complement, long v) => ~v,
                (UnaryOperator.Complement, ulong v) => ~v,
                _ => throw Fail(DiagnosticIds.Unsupported, e.Location, $"{e.Operator} cannot be applied to {Describe(value)} while a model is compiled."),
            };
        }
        catch (OverflowException)
        {
            throw WouldThrow(e.Location, $"The result of -({Describe(value)}) does not fit in {e.Type}.");
        }
    }

    object? Convert(object? value, TypeRef to, bool isChecked, Location location)
    {
        if (to.Kind == TypeKind.Nullable) return value is null ? null : Convert(value, to.Arguments[0], isChecked, location);
        var isNumber = to.IsInteger || to.IsReal || to.Kind == TypeKind.Char;
        if (value is null) return isNumber || to.Kind is TypeKind.Bool or TypeKind.Enum ? throw WouldThrow(location, $"Null is converted to {to}.") : null;
        if (to.Kind == TypeKind.Enum) return value is EnumValue member ? EnumOf(to.Name, member.Value) : Numbers.IsInteger(value) ? EnumOf(to.Name, Numbers.ToBits(value)) : value;
        if (!isNumber) return value;
        if (value is IterationValue iteration) return to.IsInteger ? value : throw OfIteration(iteration, location);
        if (value is DimValue)
            return to.IsInteger ? value : throw NotKnown(location,
                $"The size {value} is known only when the model is called, so it has no value as a {to} here. As a Tensor it can be computed with: Tensor size = x.Shape[0];");
        if (value is EnumValue e) value = e.Value;
        if (Numbers.KindOf(value) is TypeKind.Void or TypeKind.Bool or TypeKind.String) return Unfit(value, to, location);
        try
        {
            return Numbers.Convert(value, to.Kind, isChecked);
        }
        catch (OverflowException)
        {
            throw WouldThrow(location, $"{Describe(value)} does not fit in {to}.");
        }
        catch (InvalidCastException)
        {
            return Unfit(value, to, location);
        }
    }

    // It is another number in each iteration, and they are one.
    ElaborationException OfIteration(IterationValue iteration, Location location) => NotKnown(location,
        $"{iteration.Name} is another number in each iteration of a loop over {iteration.Count}, which is compiled once for all of them. x.Select(axis, {iteration.Name}) is its slice of x, and as a Tensor it can be computed with: Tensor number = {iteration.Name};");

    object Unfit(object value, TypeRef to, Location location) => throw WouldThrow(location, $"{Describe(value)} cannot be converted to {to}.");

    /// <summary>Equality of values whose operands' common type is <paramref name="type"/>: by value, but modules, arrays, lists and functions by identity.</summary>
    bool Same(object? left, object? right, TypeRef type) => type.Kind == TypeKind.Object ? Identical(left, right) : Same(left, right);

    static bool Identical(object? left, object? right) => ReferenceEquals(left, right) || (left is string a && right is string b && a == b);

    bool Same(object? left, object? right)
    {
        Spend(left is string && right is string ? SizeOf(left) : 1, place);
        return (left, right) switch
        {
            (null, _) or (_, null) => left is null && right is null,
            (TupleValue a, TupleValue b) => a.Items.Length == b.Items.Length && a.Items.Zip(b.Items, Same).All(s => s),
            (Instance { Type.IsModule: false } a, Instance { Type.IsModule: false } b) =>
                ReferenceEquals(a, b) || (a.Type == b.Type && a.Fields.All(f => Same(f.Value, b[f.Key.Owner, f.Key.Name]))),
            _ when Numbers.IsReal(left) && Numbers.IsReal(right) => Numbers.ToDouble(left!) == Numbers.ToDouble(right!),
            _ when Numbers.IsInteger(left) && Numbers.IsInteger(right) => Numbers.ToDecimal(left!) == Numbers.ToDecimal(right!),
            _ => left!.Equals(right),
        };
    }

    /// <summary>An order or equality of numbers or sizes.</summary>
    object Compare(BinaryOperator op, object left, object right, Location location)
    {
        if ((left as IterationValue ?? right as IterationValue) is { } iteration) throw OfIteration(iteration, location);
        if (left is DimValue || right is DimValue) return CompareSizes(op, left, right, location);
        if (left is EnumValue a && right is EnumValue b) return Numbers.Compare(op, a.Value, b.Value);
        if (left is bool && right is bool) return left.Equals(right) == (op == BinaryOperator.Equal);
        if (!Numbers.IsInteger(left) && !Numbers.IsReal(left) || !Numbers.IsInteger(right) && !Numbers.IsReal(right))
            throw left is Ir.Value or Handle or ScalarValue || right is Ir.Value or Handle or ScalarValue
                ? NotKnown(location, "The numbers in a tensor are not known while the model is compiled. Choose between tensors with Where(condition, yes, no).")
                : Fail(DiagnosticIds.Unsupported, location, $"{Describe(left)} and {Describe(right)} cannot be compared while a model is compiled.");
        return Numbers.Compare(op, left, right);
    }

    // A comparison of sizes has an answer if it is the same for every binding within the bounds.
    object CompareSizes(BinaryOperator op, object left, object right, Location location)
    {
        if (Size(left) is not { } a || Size(right) is not { } b) throw NotKnown(location, $"{Describe(left)} and {Describe(right)} cannot be compared while the model is compiled.");
        var (low, high) = (a - b).Range(symbol => dims.TryGetValue(symbol, out var dim) ? (1, dim.Max) : (1, long.MaxValue));
        bool? answer = op switch
        {
            BinaryOperator.Less => high < 0 ? true : low >= 0 ? false : null,
            BinaryOperator.LessOrEqual => high <= 0 ? true : low > 0 ? false : null,
            BinaryOperator.Greater => low > 0 ? true : high <= 0 ? false : null,
            BinaryOperator.GreaterOrEqual => low >= 0 ? true : high < 0 ? false : null,
            _ => (low == 0 && high == 0 ? true : low > 0 || high < 0 ? false : (bool?)null) is { } equal ? equal == (op == BinaryOperator.Equal) : null,
        };
        return answer ?? throw NotKnown(location, $"Whether {a} {Symbol(op)} {b} depends on the call, so it cannot be decided while the model is compiled. Operations take a whole axis at once, so a loop over one is seldom needed; Tensor.Scan, and a for that counts in steps of 1, go along it.");
    }

    static Dim? Size(object? value) => value switch
    {
        DimValue dim => dim.Dim,
        ulong => null,
        _ when Numbers.IsInteger(value) => Numbers.ToBits(value!),
        _ => null,
    };

    object Symbolic(BinaryOperator op, object left, object right, Location location)
    {
        var kind = left is long || right is long ? TypeKind.Int64 : TypeKind.Int32;
        if (Size(left) is not { } a || Size(right) is not { } b) throw NotKnown(location, $"{Describe(left)} and {Describe(right)} cannot be combined while the model is compiled.");
        try
        {
            switch (op)
            {
                case BinaryOperator.Add:
                    return DimValue.Of(a + b, kind);
                case BinaryOperator.Subtract:
                    return DimValue.Of(a - b, kind);
                case BinaryOperator.Multiply:
                    return DimValue.Of(a * b, kind);
                case BinaryOperator.Divide when Dim.TryDivide(a, b, out var quotient):
                    return DimValue.Of(quotient, kind);
                case BinaryOperator.Remainder when Dim.TryDivide(a, b, out _):
                    return kind == TypeKind.Int64 ? 0L : 0;
            }
        }
        catch (OverflowException)
        {
            throw WouldThrow(location, $"The coefficients of {a} {Symbol(op)} {b} do not fit in 64 bits.");
        }
        throw NotKnown(location, op is BinaryOperator.Divide or BinaryOperator.Remainder
            ? $"{a} is not divisible by {b} for every size, and sizes are whole numbers. Make the dimension a multiple of it, or a number."
            : $"{a} {Symbol(op)} {b} depends on the call: sizes with names can be added, subtracted, multiplied and divided exactly.");
    }
}
