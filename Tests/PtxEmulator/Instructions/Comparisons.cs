using System;
using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>setp, set, selp, slct, testp. A comparison with a NaN is false, or true for the unordered ones (equ, ltu, …).</summary>
static class Comparisons
{
    static readonly string[] OfAll = ["eq", "ne"];
    static readonly string[] Ordered = ["eq", "ne", "lt", "le", "gt", "ge"];
    static readonly string[] UnsignedToo = [.. Ordered, "lo", "ls", "hi", "hs"];
    static readonly string[] Floats = [.. Ordered, "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"];

    struct Eq<T> : IBinary<T, T, bool> where T : INumber<T> { public static bool Apply(T a, T b) => a == b; }
    struct Ne<T> : IBinary<T, T, bool> where T : INumber<T> { public static bool Apply(T a, T b) => a < b || a > b; }
    struct Lt<T> : IBinary<T, T, bool> where T : INumber<T> { public static bool Apply(T a, T b) => a < b; }
    struct Le<T> : IBinary<T, T, bool> where T : INumber<T> { public static bool Apply(T a, T b) => a <= b; }
    struct Gt<T> : IBinary<T, T, bool> where T : INumber<T> { public static bool Apply(T a, T b) => a > b; }
    struct Ge<T> : IBinary<T, T, bool> where T : INumber<T> { public static bool Apply(T a, T b) => a >= b; }
    struct Num<T> : IBinary<T, T, bool> where T : INumber<T> { public static bool Apply(T a, T b) => !T.IsNaN(a) && !T.IsNaN(b); }

    static readonly PtxType[] Types = [PtxType.B16, PtxType.B32, PtxType.B64, PtxType.U16, PtxType.U32, PtxType.U64, PtxType.S16, PtxType.S32, PtxType.S64, PtxType.F16, PtxType.BF16, PtxType.F32, PtxType.F64];

    public static void Register()
    {
        InstructionSet.Add("setp", Setp);
        InstructionSet.Add("set", Set);
        InstructionSet.Add("selp", Selp);
        InstructionSet.Add("slct", Slct);
        InstructionSet.Add("testp", Testp);
    }

    /// <summary>A comparison of values of a type, and whether its outcome is to be turned around (ltu is not ge).</summary>
    static (Type Operation, bool Negated) Operation(Site site, string name, PtxType type)
    {
        var allowed = type.IsFloat() ? Floats : type.IsBits() ? OfAll : type.IsUnsigned() ? UnsignedToo : Ordered;
        if (Array.IndexOf(allowed, name) < 0) throw site.Refuse($"values of .{type.Name()} are not compared by .{name}.");
        return name switch
        {
            "eq" => (typeof(Eq<>), false),
            "ne" => (typeof(Ne<>), false),
            "lt" or "lo" => (typeof(Lt<>), false),
            "le" or "ls" => (typeof(Le<>), false),
            "gt" or "hi" => (typeof(Gt<>), false),
            "ge" or "hs" => (typeof(Ge<>), false),
            "equ" => (typeof(Ne<>), true),
            "neu" => (typeof(Eq<>), true),
            "ltu" => (typeof(Ge<>), true),
            "leu" => (typeof(Gt<>), true),
            "gtu" => (typeof(Le<>), true),
            "geu" => (typeof(Lt<>), true),
            "num" => (typeof(Num<>), false),
            _ => (typeof(Num<>), true),
        };
    }

    static readonly string[] Names = [.. Floats, "lo", "ls", "hi", "hs"];

    /// <summary>An instruction that sets a bit for each lane; <paramref name="use"/> gets the lanes for which it holds.</summary>
    static Instruction Compare(Site site, string name, PtxType type, int a, int b, bool ftz, Action<Warp, uint, uint> use)
    {
        var (operation, negated) = Operation(site, name, type);
        if (type == PtxType.BF16) return (Instruction)Activator.CreateInstance(typeof(CompareBrain<>).MakeGenericType(operation.MakeGenericType(typeof(float))), a, b, negated, use)!;
        var t = type == PtxType.F16 ? typeof(Half) : Shapes.Of(type);
        return (Instruction)Activator.CreateInstance(typeof(CompareInstruction<,>).MakeGenericType(t, operation.MakeGenericType(t)), a, b, negated, ftz && type == PtxType.F32, use)!;
    }

    sealed unsafe class CompareInstruction<T, TOp>(int a, int b, bool negated, bool ftz, Action<Warp, uint, uint> use) : Instruction
        where T : unmanaged, INumber<T> where TOp : struct, IBinary<T, T, bool>
    {
        public override void Execute(Warp warp, uint lanes)
        {
            var pa = (T*)warp.Read(a);
            var pb = (T*)warp.Read(b);
            uint holds = 0;
            if (ftz)
                for (var m = lanes; m != 0; m &= m - 1)
                {
                    var i = BitOperations.TrailingZeroCount(m);
                    if (TOp.Apply(T.IsSubnormal(pa[i]) ? T.Zero : pa[i], T.IsSubnormal(pb[i]) ? T.Zero : pb[i])) holds |= 1u << i;
                }
            else
                for (var m = lanes; m != 0; m &= m - 1)
                {
                    var i = BitOperations.TrailingZeroCount(m);
                    if (TOp.Apply(pa[i], pb[i])) holds |= 1u << i;
                }
            use(warp, lanes, (negated ? ~holds : holds) & lanes);
        }
    }

    sealed unsafe class CompareBrain<TOp>(int a, int b, bool negated, Action<Warp, uint, uint> use) : Instruction where TOp : struct, IBinary<float, float, bool>
    {
        public override void Execute(Warp warp, uint lanes)
        {
            var pa = (ushort*)warp.Read(a);
            var pb = (ushort*)warp.Read(b);
            uint holds = 0;
            for (var m = lanes; m != 0; m &= m - 1)
            {
                var i = BitOperations.TrailingZeroCount(m);
                if (TOp.Apply(SmallFloat<BrainFormat>.ToSingle(pa[i]), SmallFloat<BrainFormat>.ToSingle(pb[i]))) holds |= 1u << i;
            }
            use(warp, lanes, (negated ? ~holds : holds) & lanes);
        }
    }

    static unsafe Instruction Setp(Site site)
    {
        var name = site.Expect(Names);
        var combine = site.TakeAny("and", "or", "xor");
        var ftz = site.Take("ftz");
        var type = site.TakeType(Types);
        if (ftz && type != PtxType.F32) throw site.Refuse(".ftz is of f32.");
        if (type == PtxType.BF16) site.Requires(90, 7, 8);
        site.Done(combine is null ? 3 : 4);
        var (first, second) = site[0] is PairOperand pair ? (pair.First, pair.Second) : (site[0], null);
        var p = site.WritePredicate(first);
        var q = second is null ? -1 : site.WritePredicate(second);
        var (a, b) = (site.Read(1, type), site.Read(2, type));
        var (c, notC) = combine is null ? (-1, false) : site.ReadPredicateOrNot(site[3]);
        return Compare(site, name, type, a, b, ftz, (warp, lanes, holds) =>
        {
            var (x, y) = (holds, ~holds);
            if (c >= 0)
            {
                var with = notC ? ~warp.P[c] : warp.P[c];
                (x, y) = combine switch { "and" => (x & with, y & with), "or" => (x | with, y | with), _ => (x ^ with, y ^ with) };
            }
            if (p >= 0) warp.P[p] = warp.P[p] & ~lanes | x & lanes;
            if (q >= 0) warp.P[q] = warp.P[q] & ~lanes | y & lanes;
        });
    }

    static unsafe Instruction Set(Site site)
    {
        var name = site.Expect(Names);
        var ftz = site.Take("ftz");
        var to = site.TakeType(PtxType.U32, PtxType.S32, PtxType.F32);
        var type = site.TakeType(Types);
        site.Done(3);
        var d = site.Write(0, to);
        return Compare(site, name, type, site.Read(1, type), site.Read(2, type), ftz, (warp, lanes, holds) =>
        {
            var value = to == PtxType.F32 ? 0x3F800000u : uint.MaxValue;
            for (var pd = (uint*)warp.Write(d); lanes != 0; lanes &= lanes - 1)
            {
                var i = BitOperations.TrailingZeroCount(lanes);
                pd[i] = (holds >> i & 1) != 0 ? value : 0;
            }
        });
    }

    static Instruction Selp(Site site)
    {
        var type = site.TakeType(PtxType.B16, PtxType.B32, PtxType.B64, PtxType.U16, PtxType.U32, PtxType.U64, PtxType.S16, PtxType.S32, PtxType.S64, PtxType.F32, PtxType.F64);
        site.Done(4);
        return Shapes.Make(typeof(SelpInstruction<>).MakeGenericType(Shapes.Raw(type)), site.Write(0, type), site.ReadInSomeLanes(1, type), site.ReadInSomeLanes(2, type), site.ReadPredicateOrNot(site[3]));
    }

    /// <summary>selp. Only what is chosen has to be written: the other operand may come from a load that the same predicate left out.</summary>
    sealed unsafe class SelpInstruction<T>(int d, (int At, int Index) a, (int At, int Index) b, (int Index, bool Negated) p) : Instruction where T : unmanaged
    {
        public override void Execute(Warp warp, uint lanes)
        {
            var pd = (T*)warp.Write(d);
            var pa = (T*)warp.Read(a.At);
            var pb = (T*)warp.Read(b.At);
            var chosen = p.Negated ? ~warp.P[p.Index] : warp.P[p.Index];
            if (a.Index >= 0) Executor.CheckInitialised(warp, this, a.Index, lanes & chosen);
            if (b.Index >= 0) Executor.CheckInitialised(warp, this, b.Index, lanes & ~chosen);
            for (; lanes != 0; lanes &= lanes - 1)
            {
                var i = BitOperations.TrailingZeroCount(lanes);
                pd[i] = (chosen >> i & 1) != 0 ? pa[i] : pb[i];
            }
        }
    }

    static unsafe Instruction Slct(Site site)
    {
        var ftz = site.Take("ftz");
        var type = site.TakeType(PtxType.B16, PtxType.B32, PtxType.B64, PtxType.U16, PtxType.U32, PtxType.U64, PtxType.S16, PtxType.S32, PtxType.S64, PtxType.F32, PtxType.F64);
        var by = site.TakeType(PtxType.S32, PtxType.F32);
        site.Done(4);
        var (d, a, b, c, size) = (site.Write(0, type), site.Read(1, type), site.Read(2, type), site.Read(3, by), type.Size());
        return new PerLane((warp, i) =>
        {
            var selector = ((float*)warp.Read(c))[i];
            var first = by == PtxType.S32 ? ((int*)warp.Read(c))[i] >= 0 : (ftz ? Float32.Flush(selector) : selector) >= 0;
            Buffer.MemoryCopy(warp.Read(first ? a : b) + i * size, warp.Write(d) + i * size, size, size);
        });
    }

    static unsafe Instruction Testp(Site site)
    {
        var what = site.Expect("finite", "infinite", "number", "notanumber", "normal", "subnormal");
        var type = site.TakeType(PtxType.F32, PtxType.F64);
        site.Done(2);
        var (p, a) = (site.WritePredicate(site[0]), site.Read(1, type));
        return new PerLane((warp, i) =>
        {
            bool Is<T>(T x) where T : INumber<T> => what switch
            {
                "finite" => T.IsFinite(x),
                "infinite" => T.IsInfinity(x),
                "number" => !T.IsNaN(x),
                "notanumber" => T.IsNaN(x),
                "normal" => T.IsNormal(x),
                _ => T.IsSubnormal(x),
            };
            var holds = type == PtxType.F32 ? Is(((float*)warp.Read(a))[i]) : Is(((double*)warp.Read(a))[i]);
            if (p >= 0) warp.P[p] = holds ? warp.P[p] | 1u << i : warp.P[p] & ~(1u << i);
        });
    }
}
