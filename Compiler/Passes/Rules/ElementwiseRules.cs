using System;
using System.Collections.Generic;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Rules;

/// <summary>Identities of arithmetic and logic that hold for every rounded number, the sign of a zero apart. None of them reorders a sum or a product.</summary>
static class ElementwiseRules
{
    public static IEnumerable<(string Operation, Simplifier.Rule Rule)> All =>
    [
        ("add", a => a.IsConstant(1, out var c) && c == 0 ? a[0] : null),
        ("add", a => a.IsConstant(0, out var c) && c == 0 ? a[1] : null),
        ("add", a => a.Is(1, "neg", out var y) ? a.Make("sub", [a[0], y.Inputs[0]]) : null),
        ("add", a => a.Is(0, "neg", out var x) ? a.Make("sub", [a[1], x.Inputs[0]]) : null),
        ("sub", a => a.IsConstant(1, out var c) && c == 0 ? a[0] : null),
        ("sub", a => a.IsConstant(0, out var c) && c == 0 && HasSign(a[1]) ? a.Make("neg", [a[1]]) : null),
        ("sub", a => a.Is(1, "neg", out var y) ? a.Make("add", [a[0], y.Inputs[0]]) : null),
        ("neg", a => a.Is(0, "neg", out var x) ? x.Inputs[0] : null),
        ("neg", a => a.Is(0, "sub", out var x) ? a.Make("sub", [x.Inputs[1], x.Inputs[0]]) : null),
        ("neg", a => a.Is(0, "mul", out var x) && x.Inputs[1].TryConstant(out var c) && Holds(-c, x.Output.DType) ? a.Make("mul", [x.Inputs[0], a.Builder.Constant(-c, x.Output.DType)]) : null),
        ("mul", a => a.IsConstant(0, out _) && !a.IsConstant(1, out _) ? a.Make("mul", [a[1], a[0]]) : null),
        ("mul", a => a.IsConstant(1, out var c) && c == 1 ? a[0] : null),
        ("mul", a => a.IsConstant(1, out var c) && c == -1 && HasSign(a[0]) ? a.Make("neg", [a[0]]) : null),
        ("mul", a => a.IsConstant(1, out var c) && a.Is(0, "neg", out var x) && Holds(-c, a.Type().DType) ? a.Make("mul", [x.Inputs[0], a.Builder.Constant(-c, a.Type().DType)]) : null),
        ("mul", a => a.Is(0, "neg", out var x) && a.Is(1, "neg", out var y) ? a.Make("mul", [x.Inputs[0], y.Inputs[0]]) : null),
        ("div", a => a.IsConstant(1, out var c) && c == 1 ? a[0] : null),
        ("div", a => a.IsConstant(1, out var c) && a[0].DType.IsFloat() && IsPowerOfTwo(c) ? a.Make("mul", [a[0], a.Builder.Constant(1 / c, a[0].DType)]) : null),
        ("pow", a => a.IsConstant(1, out var c) && c == 1 ? a[0] : null),
        ("pow", a => a.IsConstant(1, out var c) && c == 2 ? a.Make("mul", [a[0], a[0]]) : null),
        ("maximum", a => a[0] == a[1] ? a[0] : null),
        ("minimum", a => a[0] == a[1] ? a[0] : null),
        ("logical_not", a => a.Is(0, "logical_not", out var x) ? x.Inputs[0] : null),
        ("where", a => a.IsConstant(0, out var c) ? c != 0 ? a[1] : a[2] : null),
        ("where", a => a[1] == a[2] ? a[1] : null),
        ("where", a => a.Is(0, "logical_not", out var not) ? a.Make("where", [not.Inputs[0], a[2], a[1]]) : null),
        ("where", a => a.Is(1, "where", out var yes) && yes.Inputs[0] == a[0] ? a.Make("where", [a[0], yes.Inputs[1], a[2]]) : null),
        ("where", a => a.Is(2, "where", out var no) && no.Inputs[0] == a[0] ? a.Make("where", [a[0], a[1], no.Inputs[2]]) : null),
        ("dimension", a => a.Attributes.Dims("size")[0].TryConstant(out var size) && a.Attributes.DType("dtype") is { } type ? a.Builder.Constant(size, type) : null),
        ("cast", a => a[0].DType == a.Attributes.DType("dtype") ? a[0] : null),
        ("cast", a => a.Is(0, "cast", out var x) && IsExact(x.Inputs[0].DType, x.Output.DType) ? a.Make("cast", [x.Inputs[0]], ("dtype", a.Attributes.DType("dtype")!.Value)) : null),
    ];

    // Dividing by it is multiplying by its reciprocal, bit for bit, in every float type: both lie well inside the range of the narrowest.
    static bool IsPowerOfTwo(double c)
    {
        c = Math.Abs(c);
        if (c is < 1.0 / 4096 or > 4096 || double.IsNaN(c)) return false;
        while (c < 1) c *= 2;
        while (c > 1) c /= 2;
        return c == 1;
    }

    // A bool counts as a number beside another one, and has no opposite by itself.
    static bool HasSign(Value x) => x.DType != DType.Bool;

    // The least integer of a type has no opposite in it.
    static bool Holds(double c, DType type) => type.IsFloat() || (type != DType.Bool && c < Math.Pow(2, type.Bits() - 1));

    // Every value of the first type is one of the second.
    static bool IsExact(DType from, DType to) => (from, to) switch
    {
        _ when from == to => true,
        (DType.Bool, _) => true,
        (_, DType.F64) => from != DType.I64,
        (DType.F16 or DType.BF16, DType.F32) => true,
        (DType.I4, _) => to is not (DType.Bool or DType.U8),
        (DType.I8, _) => to is not (DType.Bool or DType.U8 or DType.I4),
        (DType.U8, _) => to is not (DType.Bool or DType.I8 or DType.I4),
        (DType.I32, DType.I64) => true,
        _ => false,
    };
}
