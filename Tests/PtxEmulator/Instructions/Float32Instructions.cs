using System;
using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>Arithmetic of f32. A bare add, sub or mul is refused: the assembler may contract it to an fma, so that its bits are not known from the text.</summary>
static class Float32Instructions
{
    struct AddOp<M> : IBinary<float, float, float> where M : struct, IRounding { public static float Apply(float a, float b) => Float32.Add(a, b, M.Mode); }
    struct SubOp<M> : IBinary<float, float, float> where M : struct, IRounding { public static float Apply(float a, float b) => Float32.Add(a, -b, M.Mode); }
    struct MulOp<M> : IBinary<float, float, float> where M : struct, IRounding { public static float Apply(float a, float b) => Float32.Mul(a, b, M.Mode); }
    struct DivOp<M> : IBinary<float, float, float> where M : struct, IRounding { public static float Apply(float a, float b) => Float32.Div(a, b, M.Mode); }
    struct FmaOp<M> : ITernary<float, float, float, float> where M : struct, IRounding { public static float Apply(float a, float b, float c) => Float32.Fma(a, b, c, M.Mode); }
    struct SqrtOp<M> : IUnary<float, float> where M : struct, IRounding { public static float Apply(float a) => Float32.Sqrt(a, M.Mode); }
    struct RcpOp<M> : IUnary<float, float> where M : struct, IRounding { public static float Apply(float a) => Float32.Div(1, a, M.Mode); }
    struct MinOp : IBinary<float, float, float> { public static float Apply(float a, float b) => Float32.Min(a, b); }
    struct MaxOp : IBinary<float, float, float> { public static float Apply(float a, float b) => Float32.Max(a, b); }
    struct MinNaN : IBinary<float, float, float> { public static float Apply(float a, float b) => Float32.MinNaN(a, b); }
    struct MaxNaN : IBinary<float, float, float> { public static float Apply(float a, float b) => Float32.MaxNaN(a, b); }
    struct NegOp : IUnary<float, float> { public static float Apply(float a) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(a) ^ 0x80000000); }
    struct AbsOp : IUnary<float, float> { public static float Apply(float a) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(a) & 0x7FFFFFFF); }
    struct CopySign : IBinary<float, float, float> { public static float Apply(float a, float b) => MathF.CopySign(b, a); }

    struct Ftz1<O> : IUnary<float, float> where O : struct, IUnary<float, float> { public static float Apply(float a) => Float32.Flush(O.Apply(Float32.Flush(a))); }
    struct Ftz2<O> : IBinary<float, float, float> where O : struct, IBinary<float, float, float> { public static float Apply(float a, float b) => Float32.Flush(O.Apply(Float32.Flush(a), Float32.Flush(b))); }
    struct Ftz3<O> : ITernary<float, float, float, float> where O : struct, ITernary<float, float, float, float> { public static float Apply(float a, float b, float c) => Float32.Flush(O.Apply(Float32.Flush(a), Float32.Flush(b), Float32.Flush(c))); }
    struct Sat2<O> : IBinary<float, float, float> where O : struct, IBinary<float, float, float> { public static float Apply(float a, float b) => Float32.Saturate(O.Apply(a, b)); }
    struct Sat3<O> : ITernary<float, float, float, float> where O : struct, ITernary<float, float, float, float> { public static float Apply(float a, float b, float c) => Float32.Saturate(O.Apply(a, b, c)); }

    public static void Register()
    {
        InstructionSet.Add("add", TypeKind.Float32, site => Rounded2(site, typeof(AddOp<>), Float32Vectors.Operation.Add));
        InstructionSet.Add("sub", TypeKind.Float32, site => Rounded2(site, typeof(SubOp<>), Float32Vectors.Operation.Sub));
        InstructionSet.Add("mul", TypeKind.Float32, site => Rounded2(site, typeof(MulOp<>), Float32Vectors.Operation.Mul));
        InstructionSet.Add("fma", TypeKind.Float32, Fma);
        InstructionSet.Add("div", TypeKind.Float32, Div);
        InstructionSet.Add("sqrt", TypeKind.Float32, site => Exact1(site, typeof(SqrtOp<>)));
        InstructionSet.Add("rcp", TypeKind.Float32, site => Exact1(site, typeof(RcpOp<>)));
        InstructionSet.Add("min", TypeKind.Float32, site => Extremum(site, typeof(MinOp), typeof(MinNaN)));
        InstructionSet.Add("max", TypeKind.Float32, site => Extremum(site, typeof(MaxOp), typeof(MaxNaN)));
        InstructionSet.Add("neg", TypeKind.Float32, site => Sign(site, typeof(NegOp)));
        InstructionSet.Add("abs", TypeKind.Float32, site => Sign(site, typeof(AbsOp)));
        InstructionSet.Add("copysign", TypeKind.Float32, site => Shapes.Binary(site, typeof(CopySign), site.TakeType(PtxType.F32)));
        Approximations.Register();
    }

    /// <summary>The rounding that an instruction has to state.</summary>
    public static string StatedRounding(Site site, params ReadOnlySpan<string> modes) => site.TakeAny(modes.IsEmpty ? ["rn", "rz", "rm", "rp"] : modes)
        ?? throw site.Refuse($"'{site.Statement.Opcode}' states no rounding: the assembler may contract a bare add, sub or mul to an fma. Write .rn.");

    static Instruction Rounded2(Site site, Type operation, Float32Vectors.Operation often)
    {
        var rounding = StatedRounding(site);
        operation = operation.MakeGenericType(Roundings.TypeOf(rounding));
        var (ftz, sat) = (site.Take("ftz"), site.Take("sat"));
        if (rounding == "rn" && !ftz && !sat)
        {
            site.TakeType(PtxType.F32);
            site.Done(3);
            var (d, a, b) = (site.Write(0, PtxType.F32), site.Read(1, PtxType.F32), site.Read(2, PtxType.F32));
            return new Float32Vectors(often, d, a, b, b);
        }
        if (sat) operation = typeof(Sat2<>).MakeGenericType(operation);
        if (ftz) operation = typeof(Ftz2<>).MakeGenericType(operation);
        return Shapes.Binary(site, operation, site.TakeType(PtxType.F32));
    }

    static Instruction Fma(Site site)
    {
        var rounding = site.Expect("rn", "rz", "rm", "rp");
        var operation = typeof(FmaOp<>).MakeGenericType(Roundings.TypeOf(rounding));
        var (ftz, sat) = (site.Take("ftz"), site.Take("sat"));
        if (rounding == "rn" && !ftz && !sat)
        {
            site.TakeType(PtxType.F32);
            site.Done(4);
            return new Float32Vectors(Float32Vectors.Operation.Fma, site.Write(0, PtxType.F32), site.Read(1, PtxType.F32), site.Read(2, PtxType.F32), site.Read(3, PtxType.F32));
        }
        if (sat) operation = typeof(Sat3<>).MakeGenericType(operation);
        if (ftz) operation = typeof(Ftz3<>).MakeGenericType(operation);
        return Shapes.Ternary(site, operation, site.TakeType(PtxType.F32));
    }

    static Instruction Div(Site site)
    {
        if (site.Next is "approx" or "full") return Approximations.Divide(site);
        var operation = typeof(DivOp<>).MakeGenericType(Roundings.TypeOf(site.Expect("rn", "rz", "rm", "rp")));
        if (site.Take("ftz")) operation = typeof(Ftz2<>).MakeGenericType(operation);
        return Shapes.Binary(site, operation, site.TakeType(PtxType.F32));
    }

    static Instruction Exact1(Site site, Type operation)
    {
        if (site.Next == "approx") return Approximations.Unary(site);
        operation = operation.MakeGenericType(Roundings.TypeOf(site.Expect("rn", "rz", "rm", "rp")));
        if (site.Take("ftz")) operation = typeof(Ftz1<>).MakeGenericType(operation);
        return Shapes.Unary(site, operation, site.TakeType(PtxType.F32));
    }

    static Instruction Extremum(Site site, Type quiet, Type propagating)
    {
        var ftz = site.Take("ftz");
        var operation = quiet;
        if (site.Take("NaN")) { site.Requires(80, 7, 0); operation = propagating; }
        if (ftz) operation = typeof(Ftz2<>).MakeGenericType(operation);
        return Shapes.Binary(site, operation, site.TakeType(PtxType.F32));
    }

    static Instruction Sign(Site site, Type operation)
    {
        if (site.Take("ftz")) operation = typeof(Ftz1<>).MakeGenericType(operation);
        return Shapes.Unary(site, operation, site.TakeType(PtxType.F32));
    }
}
