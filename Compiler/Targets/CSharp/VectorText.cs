using System;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets.CSharp;

/// <summary>
/// Scalar operations as vector expressions of one width. Floats are <c>Vector…&lt;float&gt;</c>, those of 16 bits too: loads widen them, every operation rounds its result to the type, stores narrow it. Booleans
/// are masks of <c>Vector…&lt;int&gt;</c>; integers (and 64-bit indices, which fit) are <c>Vector…&lt;int&gt;</c>.
/// </summary>
class VectorText(int bits)
{
    public int Bits { get; } = bits;

    /// <summary>Lanes of a vector.</summary>
    public virtual int Width => Bits / 32;

    /// <summary>The static class, by the alias at the head of the generated file.</summary>
    public string V => "V" + ScalarText.Number(Bits);
    public virtual string Float => "F" + ScalarText.Number(Bits);
    public string Int => "I" + ScalarText.Number(Bits);

    // Masks, integers, and indices that fit into 32 bits.
    static bool IsInt(DType type) => type is DType.Bool or DType.I4 or DType.I8 or DType.U8 or DType.I32 or DType.I64;

    /// <summary>Whether vectors of floats hold it.</summary>
    public static bool IsReal(DType type) => type == DType.F32 || type.IsNarrowFloat();

    static InvalidOperationException NoVector(DType type) => new($"No vector holds {type.Name()} in lanes of 32 bits.");

    public virtual string Broadcast(DType type, string value) => type switch
    {
        DType.F32 or DType.F16 or DType.BF16 => $"{V}.Create({value})",
        DType.Bool => $"{V}.Create({value} ? -1 : 0)",
        DType.I64 => $"{V}.Create({ScalarText.Lanes}.Narrow({value}))",
        DType.I32 or DType.I8 or DType.U8 or DType.I4 => $"{V}.Create({value})",
        _ => throw NoVector(type),
    };

    public virtual string Constant(double value, DType type) => type switch
    {
        _ when IsReal(type) && value == 0 && 1 / value > 0 => Float + ".Zero",
        _ when IsReal(type) => $"{V}.Create({ScalarText.Literal(value, type)})",
        DType.Bool => value != 0 ? Int + ".AllBitsSet" : Int + ".Zero",
        _ when !IsInt(type) => throw NoVector(type),
        _ => $"{V}.Create({ScalarText.Number((long)Math.Max(int.MinValue, Math.Min(int.MaxValue, value)))})",
    };

    /// <summary>Lane indices from a scalar index on.</summary>
    public string Indices(string first) => $"({V}.Create((int)({first})) + {Int}.Indices)";

    public virtual string Load(DType type, string pointer, string index, string stride) => type switch
    {
        DType.Bool => $"{ScalarText.Lanes}.Mask{Bits}({pointer} + {index})",
        DType.I8 or DType.U8 when stride == "1" => $"{ScalarText.Lanes}.Bytes{Bits}({pointer} + {index})",
        DType.I4 when stride == "1" => $"{ScalarText.Nibbles}.Load{Bits}({pointer} + {index})",
        DType.F16 or DType.BF16 when stride == "1" => $"{ScalarText.NarrowFloats}.Load{ScalarText.Narrow(type)}{Bits}({pointer} + {index})",
        DType.F16 or DType.BF16 => $"{ScalarText.NarrowFloats}.Gather{ScalarText.Narrow(type)}{Bits}({pointer} + ({index}) * {stride}, {stride})",
        not (DType.F32 or DType.I32) => throw NoVector(type),
        _ when stride == "1" => $"{V}.Load({pointer} + {index})",
        _ => $"{ScalarText.Lanes}.Gather{Bits}({pointer} + ({index}) * {stride}, {stride})",
    };

    /// <summary>Stores a vector.</summary>
    /// <param name="isExact">Whether the type holds the numbers, so that nothing is rounded.</param>
    public virtual string Store(DType type, string value, string pointer, string index, string stride, bool isExact = false) => type switch
    {
        DType.Bool => $"{ScalarText.Lanes}.StoreMask({value}, {pointer} + {index});",
        DType.I8 or DType.U8 when stride == "1" => $"{ScalarText.Lanes}.StoreBytes({value}, {pointer} + {index});",
        DType.I4 when stride == "1" => $"{ScalarText.Nibbles}.Store({value}, {pointer} + {index});",
        DType.F16 or DType.BF16 when stride == "1" => $"{ScalarText.NarrowFloats}.Store{Exact(isExact)}{ScalarText.Narrow(type)}({value}, {pointer} + {index});",
        DType.F16 or DType.BF16 => $"{ScalarText.NarrowFloats}.Scatter{Exact(isExact)}{ScalarText.Narrow(type)}({value}, {pointer} + ({index}) * {stride}, {stride});",
        not (DType.F32 or DType.I32) => throw NoVector(type),
        _ when stride == "1" => $"{V}.Store({value}, {pointer} + {index});",
        _ => $"{ScalarText.Lanes}.Scatter({value}, {pointer} + ({index}) * {stride}, {stride});",
    };

    static string Exact(bool isExact) => isExact ? "Exact" : "";

    /// <summary>One operation; arguments are primary expressions or parenthesised.</summary>
    /// <param name="isStored">Whether the result goes into memory of its own type and nowhere else: storing rounds it.</param>
    public string Apply(Scalar s, string a, string b, string c, bool isStored = false)
    {
        var text = Computed(s, a, b, c);
        return ScalarText.IsRounded(s) && !isStored ? $"{ScalarText.NarrowFloats}.Round{ScalarText.Narrow(s.Type)}({text})" : text;
    }

    protected virtual string Computed(Scalar s, string a, string b, string c)
    {
        var real = IsReal(s.Type);
        switch (s.Op)
        {
            case ScalarOp.Place: return a;
            case ScalarOp.Add: return $"({a} + {b})";
            case ScalarOp.Sub: return $"({a} - {b})";
            case ScalarOp.Mul: return $"({a} * {b})";
            case ScalarOp.Div: return $"({a} / {b})";
            case ScalarOp.Neg: return $"(-{a})";
            case ScalarOp.Abs: return $"{V}.Abs({a})";
            case ScalarOp.Max or ScalarOp.Min:
                var (constant, other) = ScalarText.ConstantFirst(s, a, b);
                return constant is not null ? $"{V}.{s.Op}Native({constant}, {other})" : real ? $"{ScalarText.Lanes}.{(s.Op == ScalarOp.Max ? "Larger" : "Smaller")}({a}, {b})" : $"{V}.{s.Op}({a}, {b})";
            case ScalarOp.Fma: return $"{V}.FusedMultiplyAdd({a}, {b}, {c})";
            case ScalarOp.Equal: return Compare(s, "Equals", a, b);
            case ScalarOp.Less: return Compare(s, "LessThan", a, b);
            case ScalarOp.LessEqual: return Compare(s, "LessThanOrEqual", a, b);
            case ScalarOp.And: return $"({a} & {b})";
            case ScalarOp.Or: return $"({a} | {b})";
            case ScalarOp.Not: return $"(~{a})";
            case ScalarOp.Select: return real ? $"{V}.ConditionalSelect({V}.AsSingle({a}), {b}, {c})" : $"{V}.ConditionalSelect({a}, {b}, {c})";
            case ScalarOp.Cast:
                var from = s.Arguments[0].Type;
                if (from == s.Type) return a;
                if (s.Type is DType.I8 or DType.U8 or DType.I4) return Cut(s.Type, IsReal(from) ? $"{V}.ConvertToInt32({a})" : from == DType.Bool ? $"({a} & {Int}.One)" : a);
                if (from.IsInteger() && s.Type.IsInteger()) return a;
                if (real && IsReal(from)) return a;
                if (s.Type == DType.Bool) return IsReal(from) ? $"(~{V}.AsInt32({V}.Equals({a}, {Float}.Zero)))" : $"(~{V}.Equals({a}, {Int}.Zero))";
                if (from == DType.Bool) return real ? $"({V}.AsSingle({a}) & {Float}.One)" : $"({a} & {Int}.One)";
                return real ? $"{V}.ConvertToSingle({a})" : $"{V}.ConvertToInt32({a})";
            default: return FunctionText.Of(s.Op).Vector(V, Float, a, b);
        }
    }

    // The lowest bits of integers, as arithmetic in the type wraps around.
    string Cut(DType type, string value) => type switch
    {
        DType.I8 => $"({value} << 24 >> 24)",
        DType.U8 => $"({value} & {V}.Create(255))",
        DType.I4 => $"({value} << 28 >> 28)",
        _ => throw NoVector(type),
    };

    protected virtual string Compare(Scalar s, string name, string a, string b) => IsReal(s.Arguments[0].Type) ? $"{V}.AsInt32({V}.{name}({a}, {b}))" : $"{V}.{name}({a}, {b})";
}
