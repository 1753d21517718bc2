using System;

namespace Graph.PtxEmulator;

/// <summary>Arithmetic of f64.</summary>
static class Float64Instructions
{
    struct AddOp<M> : IBinary<double, double, double> where M : struct, IRounding { public static double Apply(double a, double b) => Float64.Add(a, b, M.Mode); }
    struct SubOp<M> : IBinary<double, double, double> where M : struct, IRounding { public static double Apply(double a, double b) => Float64.Add(a, -b, M.Mode); }
    struct MulOp<M> : IBinary<double, double, double> where M : struct, IRounding { public static double Apply(double a, double b) => Float64.Mul(a, b, M.Mode); }
    struct DivOp<M> : IBinary<double, double, double> where M : struct, IRounding { public static double Apply(double a, double b) => Float64.Div(a, b, M.Mode); }
    struct FmaOp<M> : ITernary<double, double, double, double> where M : struct, IRounding { public static double Apply(double a, double b, double c) => Float64.Fma(a, b, c, M.Mode); }
    struct SqrtOp<M> : IUnary<double, double> where M : struct, IRounding { public static double Apply(double a) => Float64.Sqrt(a, M.Mode); }
    struct RcpOp<M> : IUnary<double, double> where M : struct, IRounding { public static double Apply(double a) => Float64.Div(1, a, M.Mode); }
    struct MinOp : IBinary<double, double, double> { public static double Apply(double a, double b) => Float64.Min(a, b); }
    struct MaxOp : IBinary<double, double, double> { public static double Apply(double a, double b) => Float64.Max(a, b); }
    struct NegOp : IUnary<double, double> { public static double Apply(double a) => BitConverter.UInt64BitsToDouble(BitConverter.DoubleToUInt64Bits(a) ^ 1UL << 63); }
    struct AbsOp : IUnary<double, double> { public static double Apply(double a) => BitConverter.UInt64BitsToDouble(BitConverter.DoubleToUInt64Bits(a) & ~(1UL << 63)); }
    struct CopySign : IBinary<double, double, double> { public static double Apply(double a, double b) => Math.CopySign(b, a); }

    public static void Register()
    {
        foreach (var (name, operation) in new[] { ("add", typeof(AddOp<>)), ("sub", typeof(SubOp<>)), ("mul", typeof(MulOp<>)) })
            InstructionSet.Add(name, TypeKind.Float64, site => Shapes.Binary(site, operation.MakeGenericType(Roundings.TypeOf(Float32Instructions.StatedRounding(site))), site.TakeType(PtxType.F64)));
        InstructionSet.Add("div", TypeKind.Float64, site => Shapes.Binary(site, typeof(DivOp<>).MakeGenericType(Mode(site)), site.TakeType(PtxType.F64)));
        InstructionSet.Add("fma", TypeKind.Float64, site => Shapes.Ternary(site, typeof(FmaOp<>).MakeGenericType(Mode(site)), site.TakeType(PtxType.F64)));
        InstructionSet.Add("sqrt", TypeKind.Float64, site => Shapes.Unary(site, typeof(SqrtOp<>).MakeGenericType(Mode(site)), site.TakeType(PtxType.F64)));
        InstructionSet.Add("rcp", TypeKind.Float64, site => Shapes.Unary(site, typeof(RcpOp<>).MakeGenericType(Mode(site)), site.TakeType(PtxType.F64)));
        InstructionSet.Add("min", TypeKind.Float64, site => Shapes.Binary(site, typeof(MinOp), site.TakeType(PtxType.F64)));
        InstructionSet.Add("max", TypeKind.Float64, site => Shapes.Binary(site, typeof(MaxOp), site.TakeType(PtxType.F64)));
        InstructionSet.Add("neg", TypeKind.Float64, site => Shapes.Unary(site, typeof(NegOp), site.TakeType(PtxType.F64)));
        InstructionSet.Add("abs", TypeKind.Float64, site => Shapes.Unary(site, typeof(AbsOp), site.TakeType(PtxType.F64)));
        InstructionSet.Add("copysign", TypeKind.Float64, site => Shapes.Binary(site, typeof(CopySign), site.TakeType(PtxType.F64)));
    }

    static Type Mode(Site site) => Roundings.TypeOf(site.Expect("rn", "rz", "rm", "rp"));
}
