using System;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets.CSharp;

/// <summary>
/// Vectors of doubles, half as many lanes as of floats, for kernels whose lanes hold doubles and booleans alone. Booleans are masks of <c>Vector…&lt;long&gt;</c>. What is no instruction of processors has no form here:
/// its kernels run one element at a time.
/// </summary>
sealed class DoubleText(int bits) : VectorText(bits)
{
    public override int Width => Bits / 64;

    public override string Float => Type("double");

    string Type(string element) => $"global::System.Runtime.Intrinsics.Vector{ScalarText.Number(Bits)}<{element}>";

    /// <summary>Whether vectors of doubles compute an expression whose operands they hold; what is read from memory is for the kernel to say.</summary>
    public static bool Computes(Scalar s)
    {
        var operands = s.Arguments;
        return s.Op switch
        {
            ScalarOp.Constant => s.Type is DType.F64 or DType.Bool,
            ScalarOp.Add or ScalarOp.Sub or ScalarOp.Mul or ScalarOp.Div or ScalarOp.Neg or ScalarOp.Abs or ScalarOp.Max or ScalarOp.Min or ScalarOp.Fma => s.Type == DType.F64,
            ScalarOp.Equal or ScalarOp.Less or ScalarOp.LessEqual => operands[0].Type == DType.F64 && operands[1].Type == DType.F64,
            ScalarOp.And or ScalarOp.Or or ScalarOp.Not => operands[0].Type == DType.Bool,
            ScalarOp.Select => s.Type is DType.F64 or DType.Bool,
            ScalarOp.Cast => s.Type is DType.F64 or DType.Bool && operands[0].Type is DType.F64 or DType.Bool,
            ScalarOp.Rsqrt => s.Type == DType.F64,
            _ => s.Type == DType.F64 && ScalarFunctions.Find(s.Op) is { IsInstruction: true },
        };
    }

    static InvalidOperationException NoVector(DType type) => new($"No vector holds {type.Name()} in lanes of 64 bits.");

    public override string Broadcast(DType type, string value) => type switch
    {
        DType.F64 => $"{V}.Create({value})",
        DType.Bool => $"{V}.Create({value} ? -1L : 0L)",
        _ => throw NoVector(type),
    };

    public override string Constant(double value, DType type) => type switch
    {
        DType.F64 when value == 0 && 1 / value > 0 => Float + ".Zero",
        DType.F64 => $"{V}.Create({ScalarText.Literal(value, type)})",
        DType.Bool => Type("long") + (value != 0 ? ".AllBitsSet" : ".Zero"),
        _ => throw NoVector(type),
    };

    public override string Load(DType type, string pointer, string index, string stride) =>
        type != DType.F64 ? throw NoVector(type) : stride == "1" ? $"{V}.Load({pointer} + {index})" : $"{ScalarText.Lanes}.Gather{Bits}({pointer} + ({index}) * {stride}, {stride})";

    public override string Store(DType type, string value, string pointer, string index, string stride, bool isExact = false) =>
        type != DType.F64 ? throw NoVector(type) : stride == "1" ? $"{V}.Store({value}, {pointer} + {index});" : $"{ScalarText.Lanes}.Scatter({value}, {pointer} + ({index}) * {stride}, {stride});";

    protected override string Computed(Scalar s, string a, string b, string c)
    {
        switch (s.Op)
        {
            case ScalarOp.Max or ScalarOp.Min:
                var (constant, other) = ScalarText.ConstantFirst(s, a, b);
                return constant is not null ? $"{V}.{s.Op}Native({constant}, {other})" : $"{V}.{s.Op}({a}, {b})";
            case ScalarOp.Select: return s.Type == DType.F64 ? $"{V}.ConditionalSelect({V}.AsDouble({a}), {b}, {c})" : $"{V}.ConditionalSelect({a}, {b}, {c})";
            case ScalarOp.Cast:
                var from = s.Arguments[0].Type;
                return from == s.Type ? a : s.Type == DType.Bool ? $"(~{V}.AsInt64({V}.Equals({a}, {Float}.Zero)))" : $"({V}.AsDouble({a}) & {Float}.One)";
            default: return base.Computed(s, a, b, c);
        }
    }

    protected override string Compare(Scalar s, string name, string a, string b) => $"{V}.AsInt64({V}.{name}({a}, {b}))";
}
