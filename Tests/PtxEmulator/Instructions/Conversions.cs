using System;
using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>
/// cvt: between all integers and floats. Integers become floats and floats narrower ones with a stated rounding; floats become integers with a stated integer rounding, clamped,
/// NaN as 0; .sat clamps to the target's range, or to 0 … 1 if that is a float.
/// </summary>
static class Conversions
{
    static readonly PtxType[] Integers = [PtxType.U8, PtxType.U16, PtxType.U32, PtxType.U64, PtxType.S8, PtxType.S16, PtxType.S32, PtxType.S64];
    static readonly PtxType[] All = [.. Integers, PtxType.F16, PtxType.BF16, PtxType.F32, PtxType.F64];

    struct Widen<A, R> : IUnary<A, R> where A : IBinaryInteger<A> where R : IBinaryInteger<R> { public static R Apply(A a) => R.CreateTruncating(a); }

    public static void Register() => InstructionSet.Add("cvt", Convert);

    static Instruction Convert(Site site)
    {
        var pack = Pack(site);
        if (pack is not null) return pack;
        var toInteger = site.TakeAny("rni", "rzi", "rmi", "rpi");
        var toFloat = toInteger is null ? site.TakeAny("rn", "rz", "rm", "rp") : null;
        var ftz = site.Take("ftz");
        var sat = site.Take("sat");
        var to = site.TakeType(All);
        var from = site.TakeType(All);
        site.Done(2);
        CheckRounding(site, to, from, toInteger, toFloat);
        if (ftz && to != PtxType.F32 && from != PtxType.F32) throw site.Refuse(".ftz is of f32.");
        if (to == PtxType.BF16 || from == PtxType.BF16)
        {
            if (to == PtxType.BF16 && from == PtxType.F32) site.Requires(80, 7, 0); else site.Requires(90, 7, 8);
            if (toFloat is "rm" or "rp") throw site.Refuse("bf16 is rounded by .rn or .rz.");
        }

        var mode = Roundings.Of(toInteger ?? toFloat ?? "rn");
        var (d, dType) = site.WriteWide(site[0], to);
        var (a, aType) = site.ReadWide(site[1], from);
        // The conversions of addresses and indices, which are most of those executed, are loops of their own.
        if (!to.IsFloat() && !from.IsFloat() && !sat && dType.Size() == to.Size() && aType.Size() == from.Size())
        {
            var (t, r) = (Shapes.Of(from), Shapes.Of(to));
            return Shapes.Make(typeof(Unary<,,>).MakeGenericType(t, r, typeof(Widen<,>).MakeGenericType(t, r)), d, a);
        }
        return new Conversion(d, dType, to, a, aType, from, mode, toInteger is not null, ftz, sat);
    }

    static void CheckRounding(Site site, PtxType to, PtxType from, string? toInteger, string? toFloat)
    {
        if (to.IsFloat() && from.IsFloat())
        {
            if (to.Size() < from.Size() && toFloat is null) throw site.Refuse($"a conversion from .{from.Name()} to .{to.Name()} states its rounding.");
            if (to.Size() >= from.Size() && toFloat is not null) throw site.Refuse("a conversion that loses nothing has no rounding.");
            if (toInteger is not null && to != from) throw site.Refuse("only a conversion of a type to itself rounds a float to an integer value.");
        }
        else if (to.IsFloat()) { if (toFloat is null) throw site.Refuse("a conversion from an integer to a float states its rounding (.rn, .rz, .rm, .rp)."); }
        else if (from.IsFloat()) { if (toInteger is null) throw site.Refuse("a conversion from a float to an integer states its rounding (.rni, .rzi, .rmi, .rpi)."); }
        else if (toInteger is not null || toFloat is not null) throw site.Refuse("a conversion between integers has no rounding.");
    }

    sealed unsafe class Conversion(int d, PtxType dType, PtxType to, int a, PtxType aType, PtxType from, Rounding mode, bool toInteger, bool ftz, bool sat) : Instruction
    {
        public override void Execute(Warp warp, uint lanes)
        {
            var pd = warp.Write(d);
            var pa = warp.Read(a);
            var aSize = aType.Size();
            var dSize = dType.Size();
            for (; lanes != 0; lanes &= lanes - 1)
            {
                var i = BitOperations.TrailingZeroCount(lanes);
                Raw.Write(pd + i * dSize, dSize, Apply(Raw.Read(pa + i * aSize, from.Size())));
            }
        }

        ulong Apply(ulong bits)
        {
            if (from.IsFloat())
            {
                var x = ToDouble(bits, from);
                if (ftz && from == PtxType.F32) x = Float32.Flush((float)x);
                if (to.IsFloat()) return FromDouble(toInteger ? Roundings.ToInteger(x, mode) : x, to, mode, ftz, sat);
                if (double.IsNaN(x)) return 0;
                return Clamp(Roundings.ToInteger(x, mode), to);
            }
            var value = Extend(bits, from);
            if (!to.IsFloat()) return (ulong)((sat ? Int128.Clamp(value, Least(to), Greatest(to)) : Extend((ulong)(value & ulong.MaxValue), to)) & ulong.MaxValue);
            if (to == PtxType.F64) { var y = Float64.FromInteger(value, mode); return BitConverter.DoubleToUInt64Bits(sat ? Math.Clamp(y, 0, 1) : y); }
            return FromDouble(RoundToOdd.FromInteger((ulong)Int128.Abs(value), value < 0), to, mode, ftz, sat);
        }
    }

    /// <summary>The value of a type's lower bits.</summary>
    public static Int128 Extend(ulong bits, PtxType type)
    {
        var above = 64 - 8 * type.Size();
        return type.IsSigned() ? (Int128)((long)(bits << above) >> above) : (Int128)(bits << above >> above);
    }

    static Int128 Least(PtxType type) => type.IsSigned() ? -(Int128.One << (8 * type.Size() - 1)) : 0;
    static Int128 Greatest(PtxType type) => (Int128.One << (8 * type.Size() - (type.IsSigned() ? 1 : 0))) - 1;

    static ulong Clamp(double whole, PtxType type)
    {
        if (whole <= (double)Least(type)) return (ulong)(long)Least(type);
        if (whole >= (double)Greatest(type)) return (ulong)Greatest(type);
        return type == PtxType.U64 ? (ulong)whole : (ulong)(long)whole;
    }

    public static double ToDouble(ulong bits, PtxType type) => type switch
    {
        PtxType.F16 => SmallFloat<HalfFormat>.ToDouble((ushort)bits),
        PtxType.BF16 => SmallFloat<BrainFormat>.ToDouble((ushort)bits),
        PtxType.F32 => BitConverter.UInt32BitsToSingle((uint)bits),
        _ => BitConverter.UInt64BitsToDouble(bits),
    };

    static ulong FromDouble(double x, PtxType type, Rounding mode, bool ftz, bool sat)
    {
        if (sat) x = x > 0 ? Math.Min(x, 1) : 0;
        switch (type)
        {
            case PtxType.F16: return SmallFloat<HalfFormat>.Round(x, mode);
            case PtxType.BF16: return SmallFloat<BrainFormat>.Round(x, mode);
            case PtxType.F32:
                var single = Float32.Round(x, mode);
                return BitConverter.SingleToUInt32Bits(ftz ? Float32.Flush(single) : single);
            default: return BitConverter.DoubleToUInt64Bits(x);
        }
    }

    /// <summary>cvt.rn.f16x2.f32 d, a, b: a above, b below; and the conversion to tf32, which keeps 10 bits of the fraction.</summary>
    static unsafe Instruction? Pack(Site site)
    {
        var names = site.Statement.Modifiers;
        var packed = names.Count >= 2 ? names[^2].Name : "";
        if (packed is "f16x2" or "bf16x2")
        {
            var mode = Roundings.Of(site.Expect("rn", "rz"));
            var relu = site.Take("relu");
            var type = site.TakeType(PtxType.F16x2, PtxType.BF16x2);
            site.TakeType(PtxType.F32);
            site.Done(3);
            site.Requires(80, 7, 0);
            var (d, a, b) = (site.Write(0, type), site.Read(1, PtxType.F32), site.Read(2, PtxType.F32));
            ushort One(float x)
            {
                if (relu && !(x > 0) && !float.IsNaN(x)) x = 0;
                return type == PtxType.F16x2 ? SmallFloat<HalfFormat>.Round(x, mode) : SmallFloat<BrainFormat>.Round(x, mode);
            }
            return new PerLane((w, i) => ((uint*)w.Write(d))[i] = (uint)One(((float*)w.Read(a))[i]) << 16 | One(((float*)w.Read(b))[i]));
        }
        if (packed == "tf32")
        {
            site.Expect("rna");
            site.TakeType(PtxType.TF32);
            site.TakeType(PtxType.F32);
            site.Done(2);
            site.Requires(80, 7, 0);
            var (d, a) = (site.Write(0, PtxType.B32), site.Read(1, PtxType.F32));
            return new PerLane((w, i) => ((uint*)w.Write(d))[i] = ToTf32(((uint*)w.Read(a))[i]));
        }
        return null;
    }

    /// <summary>To the nearest with 10 bits of fraction, ties away from zero.</summary>
    public static uint ToTf32(uint bits)
    {
        if ((bits & 0x7FFFFFFF) > 0x7F800000) return 0x7FFFFFFF;
        return (bits & 0x7F800000) == 0x7F800000 ? bits : bits + 0x1000 & 0xFFFFE000;
    }
}

/// <summary>Values of 1, 2, 4 or 8 bytes in registers and memory.</summary>
static unsafe class Raw
{
    public static ulong Read(byte* at, int size) => size switch { 1 => *at, 2 => *(ushort*)at, 4 => *(uint*)at, _ => *(ulong*)at };

    public static void Write(byte* at, int size, ulong bits)
    {
        switch (size)
        {
            case 1: *at = (byte)bits; break;
            case 2: *(ushort*)at = (ushort)bits; break;
            case 4: *(uint*)at = (uint)bits; break;
            default: *(ulong*)at = bits; break;
        }
    }
}
