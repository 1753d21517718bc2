using System;
using System.Globalization;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets.CSharp;

/// <summary>Scalar operations as C# expressions on float, double, int, long and bool.</summary>
static class ScalarText
{
    public const string VectorMath = "global::Graph.Runtime.Cpu.VectorMath";
    public const string NarrowFloats = "global::Graph.Runtime.Cpu.NarrowFloats";
    public const string Lanes = "global::Graph.Runtime.Cpu.Lanes";
    public const string Nibbles = "global::Graph.Runtime.Cpu.Nibbles";
    public const string Philox = "global::Graph.Runtime.Cpu.Philox";
    public const string Functions = "global::Graph.Compiler.Ir.SpecialFunctions";
    public const string MathF = "global::System.MathF";
    public const string Math = "global::System.Math";

    /// <summary>The type a scalar is computed in.</summary>
    public static string Type(DType type) => type switch
    {
        DType.F32 or DType.F16 or DType.BF16 => "float",
        DType.F64 => "double",
        DType.I64 => "long",
        DType.I32 => "int",
        DType.I8 or DType.U8 or DType.I4 => "int",
        DType.Bool => "bool",
        _ => throw Unsupported(type),
    };

    /// <summary>The type an element has in memory.</summary>
    public static string Stored(DType type) => type switch
    {
        DType.Bool or DType.U8 => "byte",
        DType.I8 => "sbyte",
        DType.F16 or DType.BF16 => "ushort",
        _ => Type(type),
    };

    public static NotSupportedException Unsupported(DType type) => new($"The CPU target has no kernels for {type.Name()}.");

    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    public static string Literal(double value, DType type) => type switch
    {
        DType.F32 => Float((float)value),
        DType.F16 or DType.BF16 => Float((float)Rounding.Round(value, type)),
        DType.F64 => double.IsNaN(value) ? "double.NaN" : double.IsInfinity(value) ? value > 0 ? "double.PositiveInfinity" : "double.NegativeInfinity" : value.ToString("R", CultureInfo.InvariantCulture) + "d",
        DType.Bool => value != 0 ? "true" : "false",
        DType.I64 or DType.I32 or DType.I8 or DType.U8 or DType.I4 when double.IsInfinity(value) => $"{Type(type)}.{(value > 0 ? "MaxValue" : "MinValue")}",
        DType.I64 => Number((long)value) + "L",
        DType.I32 or DType.I8 or DType.U8 or DType.I4 => Number((long)value),
        _ => throw Unsupported(type),
    };

    static string Float(float value)
    {
        if (float.IsNaN(value)) return "float.NaN";
        if (float.IsInfinity(value)) return value > 0 ? "float.PositiveInfinity" : "float.NegativeInfinity";
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        if (!float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var back) || back != value) text = value.ToString("G9", CultureInfo.InvariantCulture);
        return text + "f";
    }

    /// <summary>Whether elements are parts of bytes: a pointer to them is a number that counts elements, as <c>Nibbles</c> says.</summary>
    public static bool IsPacked(DType type) => type.Bits() < 8;

    /// <summary>The first element of an operand, of what the launch has for it.</summary>
    public static string Pointer(DType type, string operand) => IsPacked(type) ? $"(long){operand}" : $"({Stored(type)}*){operand}";

    /// <summary>An element by its number from a pointer on: what <see cref="Load"/> and <see cref="Store"/> take.</summary>
    public static string Place(DType type, string pointer, string index) => IsPacked(type) ? $"{pointer} + {index}" : $"{pointer}[{index}]";

    /// <summary>The element at a place.</summary>
    public static string Load(DType type, string place) => type switch
    {
        DType.Bool => $"({place} != 0)",
        DType.I4 => $"{Nibbles}.Load({place})",
        DType.I8 or DType.U8 => $"((int){place})",
        DType.F16 or DType.BF16 => $"{NarrowFloats}.From{Narrow(type)}({place})",
        _ => place,
    };

    public static string Store(DType type, string place, string value) => type switch
    {
        DType.Bool => $"{place} = (byte)({value} ? 1 : 0);",
        DType.I8 or DType.U8 => $"{place} = ({Stored(type)})({value});",
        DType.I4 => $"{Nibbles}.Store({place}, {value});",
        DType.F16 or DType.BF16 => $"{place} = {NarrowFloats}.To{Narrow(type)}({value});",
        _ => $"{place} = {value};",
    };

    /// <summary>One operation; arguments are primary expressions or parenthesised. Integers of 8 and 4 bits are computed as int and cut off after each operation.</summary>
    public static string Apply(Scalar s, string a, string b, string c)
    {
        var text = Computed(s, a, b, c);
        if (IsRounded(s)) return $"{NarrowFloats}.Round{Narrow(s.Type)}({text})";
        if (s.Op is not (ScalarOp.Add or ScalarOp.Sub or ScalarOp.Mul or ScalarOp.Neg or ScalarOp.Abs or ScalarOp.Cast)) return text;
        return s.Type switch
        {
            DType.I8 or DType.U8 => $"((int)({Stored(s.Type)}){text})",
            DType.I4 => $"({text} << 28 >> 28)",
            _ => text,
        };
    }

    /// <summary>
    /// Whether what an operation computes in float32 is rounded to its type of 16 bits. What is chosen among numbers of the type is one, and so is a whole number between two of them.
    /// </summary>
    public static bool IsRounded(Scalar s) =>
        s.Type.IsNarrowFloat() && s.Op is not (ScalarOp.Neg or ScalarOp.Abs or ScalarOp.Max or ScalarOp.Min or ScalarOp.Select or ScalarOp.Floor or ScalarOp.Ceil or ScalarOp.Round);

    /// <summary>The number of a random stream (ulong) at an iteration, both given as expressions: a literal where both are known.</summary>
    public static string Stream(Scalar stream, string streamText, Scalar iteration, string iterationText) => stream.Op == ScalarOp.Constant && iteration.Op == ScalarOp.Constant
        ? Ir.Philox.Stream((long)stream.Constant, (long)iteration.Constant).ToString(CultureInfo.InvariantCulture) + "UL"
        : $"{Philox}.Stream({streamText}, {iterationText})";

    static string Computed(Scalar s, string a, string b, string c)
    {
        var wide = s.Type == DType.F64;
        switch (s.Op)
        {
            case ScalarOp.Place: return a;
            case ScalarOp.Add: return $"({a} + {b})";
            case ScalarOp.Sub: return $"({a} - {b})";
            case ScalarOp.Mul: return $"({a} * {b})";
            case ScalarOp.Div: return $"({a} / {b})";
            case ScalarOp.Neg: return $"(-{a})";
            // Math.Abs throws for the smallest integer, which has no opposite.
            case ScalarOp.Abs: return s.Type.IsFloat() ? $"{Math}.Abs({a})" : $"{Lanes}.Abs({a})";
            case ScalarOp.Remainder: return $"{Lanes}.Remainder({a}, {b})";
            case ScalarOp.Max or ScalarOp.Min:
                var (constant, other) = ConstantFirst(s, a, b);
                var sign = s.Op == ScalarOp.Max ? ">" : "<";
                return constant is not null ? $"({constant} {sign} {other} ? {constant} : {other})" : s.Type == DType.F32 || s.Type.IsNarrowFloat() ? $"{Lanes}.{(s.Op == ScalarOp.Max ? "Larger" : "Smaller")}({a}, {b})" : $"{Math}.{s.Op}({a}, {b})";
            case ScalarOp.Fma: return $"{(wide ? Math : MathF)}.FusedMultiplyAdd({a}, {b}, {c})";
            case ScalarOp.Equal: return $"({a} == {b})";
            case ScalarOp.Less: return $"({a} < {b})";
            case ScalarOp.LessEqual: return $"({a} <= {b})";
            case ScalarOp.And: return $"({a} & {b})";
            case ScalarOp.Or: return $"({a} | {b})";
            case ScalarOp.Not: return $"(!{a})";
            case ScalarOp.Select: return $"({a} ? {b} : {c})";
            case ScalarOp.BitCast: return $"global::System.BitConverter.{(s.Type == DType.F32 ? "Int32BitsToSingle" : "SingleToInt32Bits")}({a})";
            case ScalarOp.ShiftLeft: return $"({a} << {b})";
            case ScalarOp.ShiftRight: return $"({a} >> {b})";
            case ScalarOp.BitAnd: return $"({a} & {b})";
            case ScalarOp.BitOr: return $"({a} | {b})";
            case ScalarOp.BitXor: return $"({a} ^ {b})";
            case ScalarOp.Cast:
                var from = s.Arguments[0].Type;
                if (s.Type == DType.Bool) return $"({a} != 0)";
                // A number that float32 does not hold is rounded once.
                if (s.Type.IsNarrowFloat()) return from == DType.Bool ? $"({a} ? 1f : 0f)" : from is DType.F32 or DType.F16 or DType.BF16 ? a : $"((double){a})";
                if (from == DType.Bool) return s.Type == DType.F32 ? $"({a} ? 1f : 0f)" : s.Type == DType.F64 ? $"({a} ? 1d : 0d)" : $"(({Type(s.Type)})({a} ? 1 : 0))";
                return $"(({Type(s.Type)}){a})";
            default: return FunctionText.Of(s.Op).Scalar(wide, a, b);
        }
    }

    /// <summary>What the conversions of a type of 16 bits are called by.</summary>
    public static string Narrow(DType type) => type switch
    {
        DType.F16 => "Half",
        DType.BF16 => "BFloat16",
        _ => throw Unsupported(type),
    };

    /// <summary>For a maximum or minimum of floats with a constant: the constant, then the other operand, whose NaN wins; null when neither is one.</summary>
    public static (string? Constant, string Other) ConstantFirst(Scalar s, string a, string b)
    {
        if (!s.Type.IsFloat()) return (null, "");
        if (s.Arguments[0] is { Op: ScalarOp.Constant } x && !double.IsNaN(x.Constant)) return (a, b);
        if (s.Arguments[1] is { Op: ScalarOp.Constant } y && !double.IsNaN(y.Constant)) return (b, a);
        return (null, "");
    }
}
