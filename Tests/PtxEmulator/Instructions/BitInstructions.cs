using System;
using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>and, or, xor, not, cnot, lop3, bfe, bfi, brev, clz, popc, prmt: bits of registers.</summary>
static class BitInstructions
{
    struct And<T> : IBinary<T, T, T> where T : IBinaryInteger<T> { public static T Apply(T a, T b) => a & b; }
    struct Or<T> : IBinary<T, T, T> where T : IBinaryInteger<T> { public static T Apply(T a, T b) => a | b; }
    struct Xor<T> : IBinary<T, T, T> where T : IBinaryInteger<T> { public static T Apply(T a, T b) => a ^ b; }
    struct Not<T> : IUnary<T, T> where T : IBinaryInteger<T> { public static T Apply(T a) => ~a; }
    struct Cnot<T> : IUnary<T, T> where T : IBinaryInteger<T> { public static T Apply(T a) => T.IsZero(a) ? T.One : T.Zero; }

    struct Reverse<T> : IUnary<T, T> where T : IBinaryInteger<T>
    {
        public static T Apply(T a)
        {
            var bits = 8 * System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
            var result = T.Zero;
            for (var i = 0; i < bits; i++, a >>= 1) result = result << 1 | (a & T.One);
            return result;
        }
    }

    struct CountLeading<T> : IUnary<T, uint> where T : IBinaryInteger<T> { public static uint Apply(T a) => uint.CreateTruncating(T.LeadingZeroCount(a)); }
    struct CountOnes<T> : IUnary<T, uint> where T : IBinaryInteger<T> { public static uint Apply(T a) => uint.CreateTruncating(T.PopCount(a)); }

    static readonly PtxType[] Bits = [PtxType.B16, PtxType.B32, PtxType.B64];
    static readonly PtxType[] Words = [PtxType.B32, PtxType.B64];

    public static void Register()
    {
        foreach (var (name, operation) in new[] { ("and", typeof(And<>)), ("or", typeof(Or<>)), ("xor", typeof(Xor<>)) })
        {
            InstructionSet.Add(name, TypeKind.Bits, site => Shapes.Binary(site, operation, site.TakeType(Bits)));
            InstructionSet.Add(name, TypeKind.Pred, site => OfPredicates(site, name));
        }
        InstructionSet.Add("not", TypeKind.Bits, site => Shapes.Unary(site, typeof(Not<>), site.TakeType(Bits)));
        InstructionSet.Add("not", TypeKind.Pred, site => OfPredicates(site, "not"));
        InstructionSet.Add("cnot", TypeKind.Bits, site => Shapes.Unary(site, typeof(Cnot<>), site.TakeType(Bits)));
        InstructionSet.Add("brev", TypeKind.Bits, site => Shapes.Unary(site, typeof(Reverse<>), site.TakeType(Words)));
        InstructionSet.Add("clz", TypeKind.Bits, site => Count(site, typeof(CountLeading<>)));
        InstructionSet.Add("popc", TypeKind.Bits, site => Count(site, typeof(CountOnes<>)));
        InstructionSet.Add("lop3", TypeKind.Bits, Lop3);
        InstructionSet.Add("bfe", TypeKind.Integer, Bfe);
        InstructionSet.Add("bfi", TypeKind.Bits, Bfi);
        InstructionSet.Add("prmt", TypeKind.Bits, Prmt);
    }

    static Instruction Count(Site site, Type operation)
    {
        var type = site.TakeType(Words);
        site.Done(2);
        var t = Shapes.Of(type);
        return Shapes.Make(typeof(Unary<,,>).MakeGenericType(t, typeof(uint), operation.MakeGenericType(t)), site.Write(0, PtxType.U32), site.Read(1, type));
    }

    static unsafe Instruction OfPredicates(Site site, string name)
    {
        site.TakeType(PtxType.Pred);
        site.Done(name == "not" ? 2 : 3);
        var d = site.WritePredicate(site[0]);
        var (a, notA) = site.ReadPredicateOrNot(site[1]);
        var (b, notB) = name == "not" ? (a, notA) : site.ReadPredicateOrNot(site[2]);
        return new OfWarp((warp, lanes) =>
        {
            var x = notA ? ~warp.P[a] : warp.P[a];
            var y = notB ? ~warp.P[b] : warp.P[b];
            var value = name switch { "and" => x & y, "or" => x | y, "xor" => x ^ y, _ => ~x };
            if (d >= 0) warp.P[d] = warp.P[d] & ~lanes | value & lanes;
        });
    }

    static Instruction Lop3(Site site)
    {
        site.TakeType(PtxType.B32);
        site.Done(5);
        var (d, a, b, c) = (site.Write(0, PtxType.B32), site.Read(1, PtxType.B32), site.Read(2, PtxType.B32), site.Read(3, PtxType.B32));
        var table = site.Integer(site[4]);
        if (table is < 0 or > 255) throw site.Refuse($"the table of lop3 is 0 to 255, not {table}.");
        return new Lop3Instruction(d, a, b, c, (int)table);
    }

    sealed unsafe class Lop3Instruction(int d, int a, int b, int c, int table) : Instruction
    {
        public override void Execute(Warp warp, uint lanes)
        {
            var pd = (uint*)warp.Write(d);
            var pa = (uint*)warp.Read(a);
            var pb = (uint*)warp.Read(b);
            var pc = (uint*)warp.Read(c);
            for (; lanes != 0; lanes &= lanes - 1)
            {
                var i = BitOperations.TrailingZeroCount(lanes);
                pd[i] = Look(pa[i], pb[i], pc[i], table);
            }
        }
    }

    /// <summary>Bit by bit, the table's entry number abc.</summary>
    public static uint Look(uint a, uint b, uint c, int table)
    {
        if (table == 0x96) return a ^ b ^ c;
        uint result = 0;
        for (var entry = 0; entry < 8; entry++)
            if ((table >> entry & 1) != 0) result |= ((entry & 4) != 0 ? a : ~a) & ((entry & 2) != 0 ? b : ~b) & ((entry & 1) != 0 ? c : ~c);
        return result;
    }

    static Instruction Bfe(Site site)
    {
        var type = site.TakeType(PtxType.U32, PtxType.U64, PtxType.S32, PtxType.S64);
        site.Done(4);
        return Shapes.Make(typeof(BfeInstruction<>).MakeGenericType(Shapes.Of(type)), site.Write(0, type), site.Read(1, type), site.Read(2, PtxType.U32), site.Read(3, PtxType.U32));
    }

    sealed unsafe class BfeInstruction<T>(int d, int a, int b, int c) : Instruction where T : unmanaged, IBinaryInteger<T>
    {
        public override void Execute(Warp warp, uint lanes)
        {
            var pd = (T*)warp.Write(d);
            var pa = (T*)warp.Read(a);
            var pb = (uint*)warp.Read(b);
            var pc = (uint*)warp.Read(c);
            for (; lanes != 0; lanes &= lanes - 1)
            {
                var i = BitOperations.TrailingZeroCount(lanes);
                pd[i] = Extract(pa[i], (int)(pb[i] & 0xFF), (int)(pc[i] & 0xFF));
            }
        }
    }

    /// <summary>Length bits from position on; bits above the value's own are its sign.</summary>
    public static T Extract<T>(T value, int position, int length) where T : unmanaged, IBinaryInteger<T>
    {
        var size = 8 * System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
        if (length == 0) return T.Zero;
        var isSigned = T.IsNegative(unchecked(T.Zero - T.One));
        var last = Math.Min(position + length - 1, size - 1);
        var sign = isSigned && !T.IsZero(value >>> last & T.One);
        var result = T.Zero;
        for (var i = 0; i < size; i++)
        {
            var bit = i < length && position + i < size ? !T.IsZero(value >>> (position + i) & T.One) : sign;
            if (bit) result |= T.One << i;
        }
        return result;
    }

    static unsafe Instruction Bfi(Site site)
    {
        var type = site.TakeType(Words);
        site.Done(5);
        var (d, a, b) = (site.Write(0, type), site.Read(1, type), site.Read(2, type));
        var (c, e) = (site.Read(3, PtxType.U32), site.Read(4, PtxType.U32));
        if (type == PtxType.B32) return new PerLane((w, i) => ((uint*)w.Write(d))[i] = Insert(((uint*)w.Read(a))[i], ((uint*)w.Read(b))[i], (int)(((uint*)w.Read(c))[i] & 0xFF), (int)(((uint*)w.Read(e))[i] & 0xFF)));
        return new PerLane((w, i) => ((ulong*)w.Write(d))[i] = Insert(((ulong*)w.Read(a))[i], ((ulong*)w.Read(b))[i], (int)(((uint*)w.Read(c))[i] & 0xFF), (int)(((uint*)w.Read(e))[i] & 0xFF)));
    }

    public static T Insert<T>(T a, T b, int position, int length) where T : unmanaged, IBinaryInteger<T>
    {
        var size = 8 * System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
        for (var i = 0; i < length && position + i < size; i++)
            b = b & ~(T.One << (position + i)) | (a >>> i & T.One) << (position + i);
        return b;
    }

    static unsafe Instruction Prmt(Site site)
    {
        site.TakeType(PtxType.B32);
        var mode = site.TakeAny("f4e", "b4e", "rc8", "ecl", "ecr", "rc16");
        if (mode is not null) throw site.Refuse($"prmt.b32.{mode} is not modelled; the default mode is.");
        site.Done(4);
        var (d, a, b, c) = (site.Write(0, PtxType.B32), site.Read(1, PtxType.B32), site.Read(2, PtxType.B32), site.Read(3, PtxType.B32));
        return new PerLane((w, i) => ((uint*)w.Write(d))[i] = Permute(((uint*)w.Read(a))[i], ((uint*)w.Read(b))[i], ((uint*)w.Read(c))[i]));
    }

    /// <summary>Each result byte is one of eight, chosen by a nibble whose top bit asks for the byte's sign instead.</summary>
    public static uint Permute(uint a, uint b, uint selector)
    {
        var bytes = (ulong)b << 32 | a;
        uint result = 0;
        for (var i = 0; i < 4; i++)
        {
            var choice = (int)(selector >> (4 * i)) & 0xF;
            var value = (byte)(bytes >> (8 * (choice & 7)));
            if ((choice & 8) != 0) value = (byte)((sbyte)value >> 7);
            result |= (uint)value << (8 * i);
        }
        return result;
    }
}

/// <summary>An instruction that works on all lanes at once, as those on predicates do.</summary>
sealed class OfWarp(Action<Warp, uint> apply) : Instruction
{
    public override void Execute(Warp warp, uint lanes) => apply(warp, lanes);
}
