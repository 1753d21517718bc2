using System;
using System.Collections.Generic;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>C#'s numbers, boxed: kinds, conversions and operators with exact widths.</summary>
static class Numbers
{
    static readonly Dictionary<Type, TypeKind> Kinds = new()
    {
        [typeof(bool)] = TypeKind.Bool, [typeof(char)] = TypeKind.Char, [typeof(sbyte)] = TypeKind.Int8, [typeof(byte)] = TypeKind.UInt8, [typeof(short)] = TypeKind.Int16,
        [typeof(ushort)] = TypeKind.UInt16, [typeof(int)] = TypeKind.Int32, [typeof(uint)] = TypeKind.UInt32, [typeof(long)] = TypeKind.Int64, [typeof(ulong)] = TypeKind.UInt64,
        [typeof(float)] = TypeKind.Float32, [typeof(double)] = TypeKind.Float64, [typeof(string)] = TypeKind.String,
    };

    /// <summary>The kind of a boxed value; Void for what is no number, bool, char or string.</summary>
    public static TypeKind KindOf(object? value) => value is not null && Kinds.TryGetValue(value.GetType(), out var kind) ? kind : TypeKind.Void;

    /// <summary>Zero of a number kind; null for other kinds.</summary>
    public static object? Zero(TypeKind kind) => kind switch
    {
        TypeKind.Char => '\0',
        TypeKind.Int8 => (sbyte)0,
        TypeKind.UInt8 => (byte)0,
        TypeKind.Int16 => (short)0,
        TypeKind.UInt16 => (ushort)0,
        TypeKind.Int32 => 0,
        TypeKind.UInt32 => 0u,
        TypeKind.Int64 => 0L,
        TypeKind.UInt64 => 0UL,
        TypeKind.Float16 or TypeKind.BFloat16 or TypeKind.Float32 => 0f,
        TypeKind.Float64 => 0d,
        _ => null,
    };

    public static bool IsInteger(object? value) => KindOf(value) is (>= TypeKind.Int8 and <= TypeKind.UInt64) or TypeKind.Char;

    public static bool IsReal(object? value) => value is float or double;

    /// <summary>An integer as a decimal, which holds every long and ulong exactly.</summary>
    public static decimal ToDecimal(object value) => value switch
    {
        char c => c,
        sbyte v => v,
        byte v => v,
        short v => v,
        ushort v => v,
        int v => v,
        uint v => v,
        long v => v,
        ulong v => v,
        _ => throw new InvalidCastException(),
    };

    public static double ToDouble(object value) => value switch
    {
        float f => f,
        double d => d,
        // Not through decimal: long to double rounds once.
        long l => l,
        ulong u => u,
        _ => (double)ToDecimal(value),
    };

    /// <summary>An integer as 64 bits; an unsigned one keeps its bits.</summary>
    public static long ToBits(object value) => value is ulong u ? unchecked((long)u) : (long)ToDecimal(value);

    /// <summary>Converts a number as C# does.</summary>
    /// <exception cref="OverflowException">Checked, and the value is out of range.</exception>
    public static object Convert(object value, TypeKind to, bool isChecked)
    {
        if (to is TypeKind.Float64) return ToDouble(value);
        if (to is TypeKind.Float32) return value is long or ulong ? value is long l ? (float)l : (float)(ulong)value : (float)ToDouble(value);
        if (to is TypeKind.Float16) return (float)Ir.Rounding.Round(ToDouble(value), Ir.DType.F16);
        if (to is TypeKind.BFloat16) return (float)Ir.Rounding.Round(ToDouble(value), Ir.DType.BF16);
        if (IsReal(value)) return FromReal(ToDouble(value), to, isChecked);
        return isChecked ? FromDecimal(ToDecimal(value), to) : FromBits(ToBits(value), to);
    }

    /// <summary>An integer of a kind from its value.</summary>
    /// <exception cref="OverflowException">It is out of range.</exception>
    public static object FromDecimal(decimal value, TypeKind to) => to switch
    {
        TypeKind.Char => (char)checked((ushort)value),
        TypeKind.Int8 => checked((sbyte)value),
        TypeKind.UInt8 => checked((byte)value),
        TypeKind.Int16 => checked((short)value),
        TypeKind.UInt16 => checked((ushort)value),
        TypeKind.Int32 => checked((int)value),
        TypeKind.UInt32 => checked((uint)value),
        TypeKind.Int64 => checked((long)value),
        TypeKind.UInt64 => checked((ulong)value),
        _ => throw new InvalidCastException(),
    };

    static object FromBits(long bits, TypeKind to) => unchecked(to switch
    {
        TypeKind.Char => (object)(char)bits,
        TypeKind.Int8 => (sbyte)bits,
        TypeKind.UInt8 => (byte)bits,
        TypeKind.Int16 => (short)bits,
        TypeKind.UInt16 => (ushort)bits,
        TypeKind.Int32 => (int)bits,
        TypeKind.UInt32 => (uint)bits,
        TypeKind.Int64 => bits,
        TypeKind.UInt64 => (ulong)bits,
        _ => throw new InvalidCastException(),
    });

    // Unchecked conversion of what does not fit is unspecified in C#; .NET 9 and later saturate on every machine, and so does this.
    static object FromReal(double value, TypeKind to, bool isChecked)
    {
        var truncated = Math.Truncate(value);
        var (low, high) = Range(to);
        // One above the highest value is a double even where the highest is not.
        if (truncated >= (double)low && truncated < (double)high + 1) return to == TypeKind.UInt64 ? (ulong)truncated : FromBits((long)truncated, to);
        return isChecked ? throw new OverflowException() : FromDecimal(double.IsNaN(truncated) ? 0 : truncated < 0 ? low : high, to);
    }

    static (decimal Low, decimal High) Range(TypeKind kind) => kind switch
    {
        TypeKind.Char or TypeKind.UInt16 => (0, ushort.MaxValue),
        TypeKind.Int8 => (sbyte.MinValue, sbyte.MaxValue),
        TypeKind.UInt8 => (0, byte.MaxValue),
        TypeKind.Int16 => (short.MinValue, short.MaxValue),
        TypeKind.Int32 => (int.MinValue, int.MaxValue),
        TypeKind.UInt32 => (0, uint.MaxValue),
        TypeKind.Int64 => (long.MinValue, long.MaxValue),
        TypeKind.UInt64 => (0, ulong.MaxValue),
        _ => throw new InvalidCastException(),
    };

    /// <summary>An arithmetic or bitwise operator on two values of one type (the right side of a shift is an int).</summary>
    /// <exception cref="OverflowException">Checked, and the result does not fit.</exception>
    /// <exception cref="DivideByZeroException">An integer division by 0.</exception>
    /// <exception cref="InvalidCastException">The operator is not defined on such values.</exception>
    public static object Apply(BinaryOperator op, object left, object right, bool isChecked) => (left, right) switch
    {
        (int a, int b) => Apply(op, a, b, isChecked),
        (long a, long b) => Apply(op, a, b, isChecked),
        (long a, int b) => Shift(op, a, b),
        (uint a, uint b) => Apply(op, a, b, isChecked),
        (uint a, int b) => op == BinaryOperator.ShiftLeft ? a << b : a >> b,
        (ulong a, ulong b) => Apply(op, a, b, isChecked),
        (ulong a, int b) => op == BinaryOperator.ShiftLeft ? a << b : a >> b,
        (float a, float b) => Apply(op, a, b),
        (double a, double b) => Apply(op, a, b),
        (bool a, bool b) => op switch
        {
            BinaryOperator.And => a & b,
            BinaryOperator.Or => a | b,
            BinaryOperator.Xor => a ^ b,
            _ => throw new InvalidCastException(),
        },
        _ => throw new InvalidCastException(),
    };

    static object Apply(BinaryOperator op, int a, int b, bool isChecked) => op switch
    {
        BinaryOperator.Add => isChecked ? checked(a + b) : unchecked(a + b),
        BinaryOperator.Subtract => isChecked ? checked(a - b) : unchecked(a - b),
        BinaryOperator.Multiply => isChecked ? checked(a * b) : unchecked(a * b),
        BinaryOperator.Divide => a / b,
        BinaryOperator.Remainder => b == -1 ? 0 : a % b,
        BinaryOperator.ShiftLeft => a << b,
        BinaryOperator.ShiftRight => a >> b,
        BinaryOperator.ShiftRightUnsigned => a >>> b,
        BinaryOperator.And => a & b,
        BinaryOperator.Or => a | b,
        BinaryOperator.Xor => a ^ b,
        _ => throw new InvalidCastException(),
    };

    static object Apply(BinaryOperator op, long a, long b, bool isChecked) => op switch
    {
        BinaryOperator.Add => isChecked ? checked(a + b) : unchecked(a + b),
        BinaryOperator.Subtract => isChecked ? checked(a - b) : unchecked(a - b),
        BinaryOperator.Multiply => isChecked ? checked(a * b) : unchecked(a * b),
        BinaryOperator.Divide => a / b,
        BinaryOperator.Remainder => b == -1 ? 0 : a % b,
        BinaryOperator.And => a & b,
        BinaryOperator.Or => a | b,
        BinaryOperator.Xor => a ^ b,
        _ => throw new InvalidCastException(),
    };

    static object Shift(BinaryOperator op, long a, int b) => op switch
    {
        BinaryOperator.ShiftLeft => a << b,
        BinaryOperator.ShiftRight => a >> b,
        BinaryOperator.ShiftRightUnsigned => a >>> b,
        _ => throw new InvalidCastException(),
    };

    static object Apply(BinaryOperator op, uint a, uint b, bool isChecked) => op switch
    {
        BinaryOperator.Add => isChecked ? checked(a + b) : unchecked(a + b),
        BinaryOperator.Subtract => isChecked ? checked(a - b) : unchecked(a - b),
        BinaryOperator.Multiply => isChecked ? checked(a * b) : unchecked(a * b),
        BinaryOperator.Divide => a / b,
        BinaryOperator.Remainder => a % b,
        BinaryOperator.And => a & b,
        BinaryOperator.Or => a | b,
        BinaryOperator.Xor => a ^ b,
        _ => throw new InvalidCastException(),
    };

    static object Apply(BinaryOperator op, ulong a, ulong b, bool isChecked) => op switch
    {
        BinaryOperator.Add => isChecked ? checked(a + b) : unchecked(a + b),
        BinaryOperator.Subtract => isChecked ? checked(a - b) : unchecked(a - b),
        BinaryOperator.Multiply => isChecked ? checked(a * b) : unchecked(a * b),
        BinaryOperator.Divide => a / b,
        BinaryOperator.Remainder => a % b,
        BinaryOperator.And => a & b,
        BinaryOperator.Or => a | b,
        BinaryOperator.Xor => a ^ b,
        _ => throw new InvalidCastException(),
    };

    static object Apply(BinaryOperator op, float a, float b) => op switch
    {
        BinaryOperator.Add => a + b,
        BinaryOperator.Subtract => a - b,
        BinaryOperator.Multiply => a * b,
        BinaryOperator.Divide => a / b,
        BinaryOperator.Remainder => a % b,
        _ => throw new InvalidCastException(),
    };

    static object Apply(BinaryOperator op, double a, double b) => op switch
    {
        BinaryOperator.Add => a + b,
        BinaryOperator.Subtract => a - b,
        BinaryOperator.Multiply => a * b,
        BinaryOperator.Divide => a / b,
        BinaryOperator.Remainder => a % b,
        _ => throw new InvalidCastException(),
    };

    /// <summary>An order or equality of two numbers of one type.</summary>
    public static bool Compare(BinaryOperator op, object left, object right)
    {
        if (IsReal(left) || IsReal(right))
        {
            var (x, y) = (ToDouble(left), ToDouble(right));
            return op switch
            {
                BinaryOperator.Less => x < y,
                BinaryOperator.LessOrEqual => x <= y,
                BinaryOperator.Greater => x > y,
                BinaryOperator.GreaterOrEqual => x >= y,
                BinaryOperator.Equal => x == y,
                _ => x != y,
            };
        }
        var order = ToDecimal(left).CompareTo(ToDecimal(right));
        return op switch
        {
            BinaryOperator.Less => order < 0,
            BinaryOperator.LessOrEqual => order <= 0,
            BinaryOperator.Greater => order > 0,
            BinaryOperator.GreaterOrEqual => order >= 0,
            BinaryOperator.Equal => order == 0,
            _ => order != 0,
        };
    }
}
