using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// Scalar operations as instructions: one row each. Floats are rounded to nearest in every instruction, none is flushed to zero, and nothing is fused that the expression does not fuse; what has a type of 16 bits is
/// computed in float32 and rounded, integers of 8 bits are cut off.
/// </summary>
public static class PtxScalars
{
    delegate PtxOperand Row(PtxWriter code, Scalar s, PtxOperand[] x);

    static readonly Dictionary<ScalarOp, Row> rows = new()
    {
        [ScalarOp.Add] = Arithmetic("add.rn.f", "add.s"),
        [ScalarOp.Sub] = Arithmetic("sub.rn.f", "sub.s"),
        [ScalarOp.Mul] = Arithmetic("mul.rn.f", "mul.lo.s"),
        [ScalarOp.Div] = Arithmetic("div.rn.f", null),
        [ScalarOp.Neg] = Arithmetic("neg.f", "neg.s"),
        [ScalarOp.Abs] = (code, s, x) => s.Type == DType.I64 ? Larger(code, "s64", x[0], code.Instruction("neg.s64", RegisterClass.Long, x[0])) : Simple(code, s, "abs.f", "abs.s", x),
        [ScalarOp.Fma] = Arithmetic("fma.rn.f", "mad.lo.s"),
        [ScalarOp.Sqrt] = Arithmetic("sqrt.rn.f", null),
        [ScalarOp.Floor] = (code, s, x) => ToWhole(code, s, x[0], "rmi"),
        [ScalarOp.Ceil] = (code, s, x) => ToWhole(code, s, x[0], "rpi"),
        [ScalarOp.Round] = (code, s, x) => ToWhole(code, s, x[0], "rni"),
        [ScalarOp.Max] = (code, s, x) => Extreme(code, s, x, "gt"),
        [ScalarOp.Min] = (code, s, x) => Extreme(code, s, x, "lt"),
        [ScalarOp.Remainder] = Remainder,
        [ScalarOp.Equal] = (code, s, x) => Compare(code, s, x, "eq"),
        [ScalarOp.Less] = (code, s, x) => Compare(code, s, x, "lt"),
        [ScalarOp.LessEqual] = (code, s, x) => Compare(code, s, x, "le"),
        [ScalarOp.And] = (code, _, x) => code.Instruction("and.pred", RegisterClass.Predicate, x),
        [ScalarOp.Or] = (code, _, x) => code.Instruction("or.pred", RegisterClass.Predicate, x),
        [ScalarOp.Not] = (code, _, x) => code.Instruction("not.pred", RegisterClass.Predicate, x),
        [ScalarOp.Select] = Select,
        [ScalarOp.Cast] = (code, s, x) => PtxConversions.Cast(code, x[0], s.Arguments[0].Type, s.Type),
        [ScalarOp.Place] = (_, _, x) => x[0],
        [ScalarOp.BitCast] = (code, s, x) => code.Instruction("mov.b32", PtxRegisters.Of(s.Type), x),
        [ScalarOp.ShiftLeft] = (code, _, x) => code.Instruction("shl.b32", RegisterClass.Word, x),
        [ScalarOp.ShiftRight] = (code, _, x) => code.Instruction("shr.s32", RegisterClass.Word, x),
        [ScalarOp.BitAnd] = (code, _, x) => code.Instruction("and.b32", RegisterClass.Word, x),
        [ScalarOp.BitOr] = (code, _, x) => code.Instruction("or.b32", RegisterClass.Word, x),
        [ScalarOp.BitXor] = (code, _, x) => code.Instruction("xor.b32", RegisterClass.Word, x),
        [ScalarOp.Uniform] = (code, _, x) => PtxPhilox.Uniform(code, x[0], x[1], x[2], x[3]),
    };

    /// <summary>Whether there is a row.</summary>
    public static bool Has(ScalarOp op) => rows.ContainsKey(op);

    /// <summary>The result of an operation whose functions are written out (<see cref="FunctionGraphs"/>).</summary>
    /// <exception cref="NotSupportedException">There is no row, or none for the type.</exception>
    internal static PtxOperand Apply(PtxWriter code, Scalar s, PtxOperand[] arguments)
    {
        if (!rows.TryGetValue(s.Op, out var row)) throw new NotSupportedException($"The PTX target does not compute {s.Op}.");
        var value = row(code, s, arguments);
        if (IsRounded(s)) return PtxConversions.Round(code, value, s.Type);
        return s.Type is DType.I8 or DType.U8 && s.Op is ScalarOp.Add or ScalarOp.Sub or ScalarOp.Mul or ScalarOp.Neg or ScalarOp.Abs or ScalarOp.Fma ? PtxConversions.Wrap(code, PtxConversions.InRegister(code, value), s.Type) : value;
    }

    /// <summary>An expression of which some parts are known.</summary>
    internal static PtxOperand Evaluate(PtxWriter code, Scalar root, Dictionary<Scalar, PtxOperand> known)
    {
        foreach (var s in root.Ordered())
            if (!known.ContainsKey(s)) known[s] = s.Op == ScalarOp.Constant ? Constant(code, s.Constant, s.Type) : Apply(code, s, [.. s.Arguments.Select(a => known[a])]);
        return known[root];
    }

    /// <summary>A constant: a number in the text, but for truth values, which are registers.</summary>
    internal static PtxOperand Constant(PtxWriter code, double value, DType type) => type switch
    {
        DType.F32 => PtxOperand.Single((float)value),
        DType.F64 => PtxOperand.Double(value),
        DType.F16 or DType.BF16 => PtxOperand.Single((float)Rounding.Round(value, type)),
        DType.I64 => PtxOperand.Long(double.IsInfinity(value) ? value > 0 ? long.MaxValue : long.MinValue : (long)value),
        DType.I32 => PtxOperand.Word(double.IsInfinity(value) ? value > 0 ? int.MaxValue : int.MinValue : (int)value),
        DType.U8 => PtxOperand.Word(double.IsInfinity(value) ? value > 0 ? byte.MaxValue : byte.MinValue : (byte)value),
        DType.I8 => PtxOperand.Word(double.IsInfinity(value) ? value > 0 ? sbyte.MaxValue : sbyte.MinValue : (sbyte)value),
        DType.Bool => code.Compare("ne", "s32", code.Instruction("mov.b32", RegisterClass.Word, PtxOperand.Word(value != 0 ? 1 : 0)), PtxOperand.Word(0)),
        _ => throw new NotSupportedException($"The PTX target does not compute in {type.Name()}."),
    };

    // What is chosen among numbers of 16 bits is one, and so is a whole number between two of them. Casts round where they convert.
    static bool IsRounded(Scalar s) =>
        s.Type.IsNarrowFloat() && s.Op is ScalarOp.Add or ScalarOp.Sub or ScalarOp.Mul or ScalarOp.Div or ScalarOp.Fma or ScalarOp.Sqrt or ScalarOp.Remainder or ScalarOp.Uniform;

    static Row Arithmetic(string real, string? whole) => (code, s, x) => Simple(code, s, real, whole, x);

    static PtxOperand Simple(PtxWriter code, Scalar s, string real, string? whole, PtxOperand[] x) =>
        PtxRegisters.Of(s.Type) switch
        {
            RegisterClass.Single => code.Instruction(real + "32", RegisterClass.Single, x),
            RegisterClass.Double => code.Instruction(real + "64", RegisterClass.Double, x),
            RegisterClass.Word when whole is not null => code.Instruction(whole + "32", RegisterClass.Word, x),
            RegisterClass.Long when whole is not null => code.Instruction(whole + "64", RegisterClass.Long, x),
            _ => throw new NotSupportedException($"The PTX target has no {s.Op} of {s.Type.Name()}."),
        };

    static PtxOperand ToWhole(PtxWriter code, Scalar s, PtxOperand x, string rounding)
    {
        var of = PtxRegisters.Of(s.Type);
        return code.Instruction($"cvt.{rounding}.{TypeOf(of)}.{TypeOf(of)}", of, PtxConversions.InRegister(code, x));
    }

    static string TypeOf(RegisterClass of) => of switch
    {
        RegisterClass.Single => "f32",
        RegisterClass.Double => "f64",
        RegisterClass.Word => "s32",
        RegisterClass.Long => "s64",
        _ => throw new NotSupportedException($"Registers of the class {of} have no order."),
    };

    static PtxOperand Larger(PtxWriter code, string type, PtxOperand a, PtxOperand b) => code.Instruction("max." + type, a.Class, a, b);

    // A NaN wins; beside a constant the other operand decides, as on the CPU.
    static PtxOperand Extreme(PtxWriter code, Scalar s, PtxOperand[] x, string comparison)
    {
        if (s.Type == DType.Bool) return code.Instruction(comparison == "gt" ? "or.pred" : "and.pred", RegisterClass.Predicate, x);
        if (!s.Type.IsFloat()) return code.Instruction((comparison == "gt" ? "max." : "min.") + TypeOf(x[0].Class), x[0].Class, x);
        if (IsNumber(s.Arguments[0])) return Choose(code, code.Compare(comparison, "f32", x[0], x[1]), x[0], x[1]);
        if (IsNumber(s.Arguments[1])) return Choose(code, code.Compare(comparison, "f32", x[1], x[0]), x[1], x[0]);
        var second = code.Instruction("or.pred", RegisterClass.Predicate, code.Compare(comparison, "f32", x[1], x[0]), code.Compare("nan", "f32", x[1], x[1]));
        return Choose(code, second, x[1], x[0]);
    }

    static bool IsNumber(Scalar s) => s.Op == ScalarOp.Constant && !double.IsNaN(s.Constant);

    static PtxOperand Choose(PtxWriter code, PtxOperand condition, PtxOperand yes, PtxOperand no) => code.Instruction("selp.f32", RegisterClass.Single, yes, no, condition);

    static PtxOperand Compare(PtxWriter code, Scalar s, PtxOperand[] x, string comparison)
    {
        var type = DTypes.Promote(s.Arguments[0].Type, s.Arguments[1].Type);
        if (type.IsNarrowFloat()) type = DType.F32;
        PtxOperand[] y = [.. x.Select((operand, i) => s.Arguments[i].Type == type || (type == DType.F32 && s.Arguments[i].Type.IsFloat()) ? operand : PtxConversions.Cast(code, operand, s.Arguments[i].Type, type))];
        if (type != DType.Bool) return code.Compare(comparison, TypeOf(y[0].Class), y[0], y[1]);
        PtxOperand[] numbers = [.. y.Select(p => PtxConversions.Cast(code, p, DType.Bool, DType.I32))];
        return code.Compare(comparison, "s32", numbers[0], numbers[1]);
    }

    static PtxOperand Select(PtxWriter code, Scalar s, PtxOperand[] x)
    {
        var condition = s.Arguments[0].Type == DType.Bool ? x[0] : PtxConversions.Cast(code, x[0], s.Arguments[0].Type, DType.Bool);
        var (yes, no) = (Typed(1), Typed(2));
        var of = PtxRegisters.Of(s.Type);
        if (of != RegisterClass.Predicate) return code.Instruction("selp." + of.Type(), of, yes, no, condition);
        var isNot = code.Instruction("not.pred", RegisterClass.Predicate, condition);
        return code.Instruction("or.pred", RegisterClass.Predicate, code.Instruction("and.pred", RegisterClass.Predicate, condition, yes), code.Instruction("and.pred", RegisterClass.Predicate, isNot, no));

        PtxOperand Typed(int i) => s.Arguments[i].Type == s.Type ? x[i] : PtxConversions.Cast(code, x[i], s.Arguments[i].Type, s.Type);
    }

    // With the sign of the divisor.
    static PtxOperand Remainder(PtxWriter code, Scalar s, PtxOperand[] x)
    {
        if (s.Type.IsFloat()) return PtxRemainder.OfSingles(code, x[0], x[1]);
        var (of, type) = (x[0].Class, TypeOf(x[0].Class));
        PtxOperand Zero() => of == RegisterClass.Long ? PtxOperand.Long(0) : PtxOperand.Word(0);
        // By 0 an instruction gives anything; kernels do not end in the middle, and so it is 0, the rest of the division by 1.
        var divisor = code.Instruction("selp." + of.Type(), of, of == RegisterClass.Long ? PtxOperand.Long(1) : PtxOperand.Word(1), x[1], code.Compare("eq", type, x[1], Zero()));
        var rest = code.Instruction("rem." + type, of, x[0], divisor);
        // The least integer divided by −1 is no integer of its type, but divisible it is.
        rest = code.Instruction("selp." + of.Type(), of, Zero(), rest, code.Compare("eq", type, x[1], of == RegisterClass.Long ? PtxOperand.Long(-1) : PtxOperand.Word(-1)));
        var other = code.Compare("lt", type, code.Instruction("xor." + of.Type(), of, rest, x[1]), Zero());
        var wrong = code.Instruction("and.pred", RegisterClass.Predicate, other, code.Compare("ne", type, rest, Zero()));
        return code.Instruction("selp." + of.Type(), of, code.Instruction("add." + type, of, rest, x[1]), rest, wrong);
    }
}
