using System;
using System.Collections.Generic;
using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>add, sub, mul, mad, div, rem, min, max, neg, abs of integers: two's complement, wrapping.</summary>
static class IntegerArithmetic
{
    static readonly PtxType[] Types = [PtxType.U16, PtxType.U32, PtxType.U64, PtxType.S16, PtxType.S32, PtxType.S64];
    static readonly PtxType[] Signed = [PtxType.S16, PtxType.S32, PtxType.S64];
    static readonly PtxType[] Narrow = [PtxType.U16, PtxType.U32, PtxType.S16, PtxType.S32];

    struct AddOp<T> : IBinary<T, T, T> where T : IBinaryInteger<T> { public static T Apply(T a, T b) => unchecked(a + b); }
    struct SubOp<T> : IBinary<T, T, T> where T : IBinaryInteger<T> { public static T Apply(T a, T b) => unchecked(a - b); }
    struct MulLo<T> : IBinary<T, T, T> where T : IBinaryInteger<T> { public static T Apply(T a, T b) => unchecked(a * b); }
    struct MadLo<T> : ITernary<T, T, T, T> where T : IBinaryInteger<T> { public static T Apply(T a, T b, T c) => unchecked(a * b + c); }
    struct MinOp<T> : IBinary<T, T, T> where T : IBinaryInteger<T> { public static T Apply(T a, T b) => a < b ? a : b; }
    struct MaxOp<T> : IBinary<T, T, T> where T : IBinaryInteger<T> { public static T Apply(T a, T b) => a > b ? a : b; }
    struct NegOp<T> : IUnary<T, T> where T : IBinaryInteger<T> { public static T Apply(T a) => unchecked(T.Zero - a); }
    struct AbsOp<T> : IUnary<T, T> where T : IBinaryInteger<T> { public static T Apply(T a) => T.IsNegative(a) ? unchecked(T.Zero - a) : a; }

    /// <summary>Up to 32 bits: the product fits in 64.</summary>
    struct MulHi<T> : IBinary<T, T, T> where T : IBinaryInteger<T>
    {
        public static T Apply(T a, T b) => T.CreateTruncating(unchecked(long.CreateTruncating(a) * long.CreateTruncating(b)) >>> (8 * System.Runtime.CompilerServices.Unsafe.SizeOf<T>()));
    }

    struct MulHi64<T> : IBinary<T, T, T> where T : IBinaryInteger<T>
    {
        public static T Apply(T a, T b) => typeof(T) == typeof(long)
            ? T.CreateTruncating(Math.BigMul(long.CreateTruncating(a), long.CreateTruncating(b), out _))
            : T.CreateTruncating(Math.BigMul(ulong.CreateTruncating(a), ulong.CreateTruncating(b), out _));
    }

    struct MadHi<T, O> : ITernary<T, T, T, T> where T : IBinaryInteger<T> where O : struct, IBinary<T, T, T> { public static T Apply(T a, T b, T c) => unchecked(O.Apply(a, b) + c); }

    static Type High(PtxType type) => (type.Size() == 8 ? typeof(MulHi64<>) : typeof(MulHi<>)).MakeGenericType(Shapes.Of(type));

    struct MulWide<T, R> : IBinary<T, T, R> where T : IBinaryInteger<T> where R : IBinaryInteger<R> { public static R Apply(T a, T b) => unchecked(R.CreateTruncating(a) * R.CreateTruncating(b)); }
    struct MadWide<T, R> : ITernary<T, T, R, R> where T : IBinaryInteger<T> where R : IBinaryInteger<R> { public static R Apply(T a, T b, R c) => unchecked(R.CreateTruncating(a) * R.CreateTruncating(b) + c); }

    public static void Register()
    {
        InstructionSet.Add("add", TypeKind.Integer, site => Saturating(site, typeof(AddOp<>), "add"));
        InstructionSet.Add("sub", TypeKind.Integer, site => Saturating(site, typeof(SubOp<>), "sub"));
        InstructionSet.Add("mul", TypeKind.Integer, Mul);
        InstructionSet.Add("mad", TypeKind.Integer, Mad);
        InstructionSet.Add("div", TypeKind.Integer, site => Divide(site, quotient: true));
        InstructionSet.Add("rem", TypeKind.Integer, site => Divide(site, quotient: false));
        InstructionSet.Add("min", TypeKind.Integer, site => Shapes.Binary(site, typeof(MinOp<>), site.TakeType(Types)));
        InstructionSet.Add("max", TypeKind.Integer, site => Shapes.Binary(site, typeof(MaxOp<>), site.TakeType(Types)));
        InstructionSet.Add("neg", TypeKind.Integer, site => Shapes.Unary(site, typeof(NegOp<>), site.TakeType(Signed)));
        InstructionSet.Add("abs", TypeKind.Integer, site => Shapes.Unary(site, typeof(AbsOp<>), site.TakeType(Signed)));
    }

    struct AddSat : IBinary<int, int, int> { public static int Apply(int a, int b) => (int)Math.Clamp((long)a + b, int.MinValue, int.MaxValue); }
    struct SubSat : IBinary<int, int, int> { public static int Apply(int a, int b) => (int)Math.Clamp((long)a - b, int.MinValue, int.MaxValue); }

    static Instruction Saturating(Site site, Type operation, string name)
    {
        if (site.Take("sat")) return Shapes.Binary(site, name == "add" ? typeof(AddSat) : typeof(SubSat), site.TakeType(PtxType.S32));
        return Shapes.Binary(site, operation, site.TakeType(Types));
    }

    static PtxType Wide(PtxType type) => type switch { PtxType.U16 => PtxType.U32, PtxType.S16 => PtxType.S32, PtxType.U32 => PtxType.U64, PtxType.S32 => PtxType.S64, _ => throw new ArgumentOutOfRangeException(nameof(type)) };

    static Instruction Mul(Site site)
    {
        switch (site.Expect("lo", "hi", "wide"))
        {
            case "lo": return Shapes.Binary(site, typeof(MulLo<>), site.TakeType(Types));
            case "hi":
                var type = site.TakeType(Types);
                return Shapes.Binary(site, High(type), type);
            default:
                var narrow = site.TakeType(Narrow);
                var wide = Wide(narrow);
                site.Done(3);
                var (t, r) = (Shapes.Of(narrow), Shapes.Of(wide));
                return Shapes.Make(typeof(Binary<,,,>).MakeGenericType(t, t, r, typeof(MulWide<,>).MakeGenericType(t, r)), site.Write(0, wide), site.Read(1, narrow), site.Read(2, narrow));
        }
    }

    static Instruction Mad(Site site)
    {
        switch (site.Expect("lo", "hi", "wide"))
        {
            case "lo": return Shapes.Ternary(site, typeof(MadLo<>), site.TakeType(Types));
            case "hi":
                var type = site.TakeType(Types);
                return Shapes.Ternary(site, typeof(MadHi<,>).MakeGenericType(Shapes.Of(type), High(type)), type);
            default:
                var narrow = site.TakeType(Narrow);
                var wide = Wide(narrow);
                site.Done(4);
                var (t, r) = (Shapes.Of(narrow), Shapes.Of(wide));
                return Shapes.Make(typeof(Ternary<,,,,>).MakeGenericType(t, t, r, r, typeof(MadWide<,>).MakeGenericType(t, r)), site.Write(0, wide), site.Read(1, narrow), site.Read(2, narrow), site.Read(3, wide));
        }
    }

    static Instruction Divide(Site site, bool quotient)
    {
        var type = site.TakeType(Types);
        site.Done(3);
        return Shapes.Make(typeof(Division<>).MakeGenericType(Shapes.Of(type)), site.Write(0, type), site.Read(1, type), site.Read(2, type), quotient);
    }

    /// <summary>div and rem. By zero the result is whatever the machine does, so that is a fault; the least integer by -1 wraps.</summary>
    sealed unsafe class Division<T>(int d, int a, int b, bool quotient) : Instruction where T : unmanaged, IBinaryInteger<T>
    {
        public override void Execute(Warp warp, uint lanes)
        {
            var pd = (T*)warp.Write(d);
            var pa = (T*)warp.Read(a);
            var pb = (T*)warp.Read(b);
            for (; lanes != 0; lanes &= lanes - 1)
            {
                var i = BitOperations.TrailingZeroCount(lanes);
                var (x, y) = (pa[i], pb[i]);
                if (T.IsZero(y)) throw warp.Fault(FaultKind.Unspecified, this, i, $"it divides {x} by zero, whose result the specification leaves open.");
                if (T.IsNegative(y) && unchecked(T.Zero - y) == T.One) pd[i] = quotient ? unchecked(T.Zero - x) : T.Zero;
                else pd[i] = quotient ? x / y : x % y;
            }
        }
    }
}
