using System;

namespace Graph.PtxEmulator;

/// <summary>Arithmetic of f16, f16x2, bf16 and bf16x2; subnormals are kept unless .ftz says otherwise.</summary>
static class SmallFloatInstructions
{
    struct AddOp<F> : IBinary<ushort, ushort, ushort> where F : struct, ISmallFormat { public static ushort Apply(ushort a, ushort b) => SmallFloat<F>.Add(a, b); }
    struct SubOp<F> : IBinary<ushort, ushort, ushort> where F : struct, ISmallFormat { public static ushort Apply(ushort a, ushort b) => SmallFloat<F>.Sub(a, b); }
    struct MulOp<F> : IBinary<ushort, ushort, ushort> where F : struct, ISmallFormat { public static ushort Apply(ushort a, ushort b) => SmallFloat<F>.Mul(a, b); }
    struct FmaOp<F> : ITernary<ushort, ushort, ushort, ushort> where F : struct, ISmallFormat { public static ushort Apply(ushort a, ushort b, ushort c) => SmallFloat<F>.Fma(a, b, c); }
    struct MinOp<F> : IBinary<ushort, ushort, ushort> where F : struct, ISmallFormat { public static ushort Apply(ushort a, ushort b) => SmallFloat<F>.Min(a, b); }
    struct MaxOp<F> : IBinary<ushort, ushort, ushort> where F : struct, ISmallFormat { public static ushort Apply(ushort a, ushort b) => SmallFloat<F>.Max(a, b); }
    struct MinNaN<F> : IBinary<ushort, ushort, ushort> where F : struct, ISmallFormat { public static ushort Apply(ushort a, ushort b) => SmallFloat<F>.IsNaN(a) || SmallFloat<F>.IsNaN(b) ? F.NaN : SmallFloat<F>.Min(a, b); }
    struct MaxNaN<F> : IBinary<ushort, ushort, ushort> where F : struct, ISmallFormat { public static ushort Apply(ushort a, ushort b) => SmallFloat<F>.IsNaN(a) || SmallFloat<F>.IsNaN(b) ? F.NaN : SmallFloat<F>.Max(a, b); }
    struct NegOp<F> : IUnary<ushort, ushort> where F : struct, ISmallFormat { public static ushort Apply(ushort a) => (ushort)(a ^ 0x8000); }
    struct AbsOp<F> : IUnary<ushort, ushort> where F : struct, ISmallFormat { public static ushort Apply(ushort a) => (ushort)(a & 0x7FFF); }

    struct Ftz2<O, F> : IBinary<ushort, ushort, ushort> where O : struct, IBinary<ushort, ushort, ushort> where F : struct, ISmallFormat
    {
        public static ushort Apply(ushort a, ushort b) => SmallFloat<F>.Flush(O.Apply(SmallFloat<F>.Flush(a), SmallFloat<F>.Flush(b)));
    }

    struct Sat2<O, F> : IBinary<ushort, ushort, ushort> where O : struct, IBinary<ushort, ushort, ushort> where F : struct, ISmallFormat
    {
        public static ushort Apply(ushort a, ushort b) => SmallFloat<F>.Saturate(O.Apply(a, b));
    }

    struct Both1<O> : IUnary<uint, uint> where O : struct, IUnary<ushort, ushort> { public static uint Apply(uint a) => (uint)O.Apply((ushort)(a >> 16)) << 16 | O.Apply((ushort)a); }

    struct Both2<O> : IBinary<uint, uint, uint> where O : struct, IBinary<ushort, ushort, ushort>
    {
        public static uint Apply(uint a, uint b) => (uint)O.Apply((ushort)(a >> 16), (ushort)(b >> 16)) << 16 | O.Apply((ushort)a, (ushort)b);
    }

    struct Both3<O> : ITernary<uint, uint, uint, uint> where O : struct, ITernary<ushort, ushort, ushort, ushort>
    {
        public static uint Apply(uint a, uint b, uint c) => (uint)O.Apply((ushort)(a >> 16), (ushort)(b >> 16), (ushort)(c >> 16)) << 16 | O.Apply((ushort)a, (ushort)b, (ushort)c);
    }

    public static void Register()
    {
        foreach (var (kind, format) in new[] { (TypeKind.Half, typeof(HalfFormat)), (TypeKind.BFloat16, typeof(BrainFormat)) })
        {
            var brain = kind == TypeKind.BFloat16;
            foreach (var (name, operation) in new[] { ("add", typeof(AddOp<>)), ("sub", typeof(SubOp<>)), ("mul", typeof(MulOp<>)) })
                InstructionSet.Add(name, kind, site =>
                {
                    if (brain) site.Requires(90, 7, 8);
                    Float32Instructions.StatedRounding(site, "rn");
                    var (ftz, sat) = (!brain && site.Take("ftz"), !brain && site.Take("sat"));
                    var closed = operation.MakeGenericType(format);
                    if (sat) closed = typeof(Sat2<,>).MakeGenericType(closed, format);
                    if (ftz) closed = typeof(Ftz2<,>).MakeGenericType(closed, format);
                    return Two(site, closed, brain);
                });
            InstructionSet.Add("fma", kind, site =>
            {
                if (brain) site.Requires(80, 7, 0);
                site.Expect("rn");
                var closed = typeof(FmaOp<>).MakeGenericType(format);
                var type = Type(site, brain);
                return Shapes.Ternary(site, Paired(type) ? typeof(Both3<>).MakeGenericType(closed) : closed, type);
            });
            foreach (var (name, operation, propagating) in new[] { ("min", typeof(MinOp<>), typeof(MinNaN<>)), ("max", typeof(MaxOp<>), typeof(MaxNaN<>)) })
                InstructionSet.Add(name, kind, site =>
                {
                    site.Requires(80, 7, 0);
                    var ftz = !brain && site.Take("ftz");
                    var closed = (site.Take("NaN") ? propagating : operation).MakeGenericType(format);
                    return Two(site, ftz ? typeof(Ftz2<,>).MakeGenericType(closed, format) : closed, brain);
                });
            foreach (var (name, operation) in new[] { ("neg", typeof(NegOp<>)), ("abs", typeof(AbsOp<>)) })
                InstructionSet.Add(name, kind, site =>
                {
                    if (brain) site.Requires(80, 7, 0);
                    var type = Type(site, brain);
                    var closed = operation.MakeGenericType(format);
                    return Shapes.Unary(site, Paired(type) ? typeof(Both1<>).MakeGenericType(closed) : closed, type);
                });
        }
    }

    static bool Paired(PtxType type) => type is PtxType.F16x2 or PtxType.BF16x2;

    static PtxType Type(Site site, bool brain) => brain ? site.TakeType(PtxType.BF16, PtxType.BF16x2) : site.TakeType(PtxType.F16, PtxType.F16x2);

    static Instruction Two(Site site, Type operation, bool brain)
    {
        var type = Type(site, brain);
        return Shapes.Binary(site, Paired(type) ? typeof(Both2<>).MakeGenericType(operation) : operation, type);
    }
}
