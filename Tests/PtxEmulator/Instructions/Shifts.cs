using System;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Graph.PtxEmulator;

/// <summary>shl, shr, shf: amounts beyond the width do not wrap around but shift everything out.</summary>
static class Shifts
{
    struct Left<T> : IBinary<T, uint, T> where T : IBinaryInteger<T> { public static T Apply(T a, uint b) => b >= 8 * Unsafe.SizeOf<T>() ? T.Zero : a << (int)b; }

    struct Right<T> : IBinary<T, uint, T> where T : IBinaryInteger<T>
    {
        public static T Apply(T a, uint b)
        {
            var most = 8 * Unsafe.SizeOf<T>() - 1;
            return b <= most ? a >> (int)b : T.IsNegative(a) ? ~T.Zero : T.Zero;
        }
    }

    public static void Register()
    {
        InstructionSet.Add("shl", site => Shift(site, typeof(Left<>), PtxType.B16, PtxType.B32, PtxType.B64));
        InstructionSet.Add("shr", site => Shift(site, typeof(Right<>), PtxType.B16, PtxType.B32, PtxType.B64, PtxType.U16, PtxType.U32, PtxType.U64, PtxType.S16, PtxType.S32, PtxType.S64));
        InstructionSet.Add("shf", Funnel);
    }

    static Instruction Shift(Site site, Type operation, params ReadOnlySpan<PtxType> types)
    {
        var type = site.TakeType(types);
        site.Done(3);
        var t = Shapes.Of(type);
        return Shapes.Make(typeof(Binary<,,,>).MakeGenericType(t, typeof(uint), t, operation.MakeGenericType(t)), site.Write(0, type), site.Read(1, type), site.Read(2, PtxType.U32));
    }

    static unsafe Instruction Funnel(Site site)
    {
        var left = site.Expect("l", "r") == "l";
        var wrap = site.Expect("clamp", "wrap") == "wrap";
        site.TakeType(PtxType.B32);
        site.Done(4);
        var (d, a, b, c) = (site.Write(0, PtxType.B32), site.Read(1, PtxType.B32), site.Read(2, PtxType.B32), site.Read(3, PtxType.U32));
        return new PerLane((w, i) => ((uint*)w.Write(d))[i] = FunnelShift(((uint*)w.Read(a))[i], ((uint*)w.Read(b))[i], ((uint*)w.Read(c))[i], left, wrap));
    }

    /// <summary>A word out of the 64 bits b:a, shifted left (its upper half) or right (its lower half).</summary>
    public static uint FunnelShift(uint a, uint b, uint amount, bool left, bool wrap)
    {
        var n = (int)(wrap ? amount & 31 : Math.Min(amount, 32));
        var both = (ulong)b << 32 | a;
        return left ? (uint)(both << n >> 32) : (uint)(both >> n);
    }
}
