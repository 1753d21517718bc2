using System;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Graph.PtxEmulator;

/// <summary>ld and st of every space, of one, two or four values.</summary>
static class LoadsAndStores
{
    static readonly PtxType[] Types =
    [
        PtxType.B8, PtxType.B16, PtxType.B32, PtxType.B64, PtxType.U8, PtxType.U16, PtxType.U32, PtxType.U64,
        PtxType.S8, PtxType.S16, PtxType.S32, PtxType.S64, PtxType.F32, PtxType.F64,
    ];

    public static void Register()
    {
        InstructionSet.Add("ld", Load);
        InstructionSet.Add("st", Store);
        InstructionSet.Add("ldu", site => throw site.Refuse("ldu is not modelled; use ld.global.nc."));
        InstructionSet.Add("prefetch", Prefetch);
    }

    public static StateSpace Space(string? name) => name switch
    {
        "global" => StateSpace.Global,
        "shared" or "shared::cta" => StateSpace.Shared,
        "local" => StateSpace.Local,
        "const" => StateSpace.Const,
        "param" => StateSpace.Param,
        _ => StateSpace.Generic,
    };

    /// <summary>Hints to the caches, which change no meaning.</summary>
    static void Hints(Site site, bool load)
    {
        site.TakeAny("L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate");
        if (load) site.TakeAny("L2::64B", "L2::128B", "L2::256B");
    }

    static Instruction Load(Site site)
    {
        var isVolatile = site.Take("volatile");
        var space = Space(site.TakeAny("global", "shared", "shared::cta", "local", "const", "param"));
        if (!isVolatile) site.TakeAny("ca", "cg", "cs", "lu", "cv");
        var nonCoherent = site.Take("nc");
        if (nonCoherent && space != StateSpace.Global) throw site.Refuse(".nc is of .global.");
        Hints(site, load: true);
        var (count, type) = VectorOf(site);
        site.Done(2);
        var (to, register) = Registers(site, site[0], type, count, write: true);
        var source = MemoryInstruction.Decode(site, site[1], space);
        return Make(typeof(LoadInstruction<,>), type, register, source, to, nonCoherent ? AccessKind.NonCoherent : AccessKind.Read);
    }

    static Instruction Store(Site site)
    {
        var isVolatile = site.Take("volatile");
        var space = Space(site.TakeAny("global", "shared", "shared::cta", "local", "param"));
        if (!isVolatile) site.TakeAny("wb", "cg", "cs", "wt");
        Hints(site, load: false);
        var (count, type) = VectorOf(site);
        site.Done(2);
        var target = MemoryInstruction.Decode(site, site[0], space);
        if (target.Entry) throw site.Refuse("a kernel's parameters are read only.");
        var (from, register) = Registers(site, site[1], type, count, write: false);
        return Make(typeof(StoreInstruction<,>), type, register, target, from, AccessKind.Write);
    }

    static (int Count, PtxType Type) VectorOf(Site site)
    {
        var count = site.Take("v2") ? 2 : site.Take("v4") ? 4 : 1;
        var type = site.TakeType(Types);
        if (count * type.Size() > 16) throw site.Refuse("a vector has at most 16 bytes.");
        return (count, type);
    }

    static (int[] At, PtxType Register) Registers(Site site, Operand operand, PtxType type, int count, bool write)
    {
        if (operand is VectorOperand != count > 1) throw site.Refuse(count > 1 ? $"a vector of {count} registers in braces is expected." : "one register is expected.");
        var elements = Site.Elements(operand);
        if (elements.Count != count) throw site.Refuse($"{count} registers are expected, not {elements.Count}.");
        var at = new int[count];
        PtxType? common = null;
        for (var i = 0; i < count; i++)
        {
            if (write && elements[i] is SinkOperand) throw site.Refuse("a sink in a load is not modelled.");
            var (register, registerType) = write ? site.WriteWide(elements[i], type) : site.ReadWide(elements[i], type);
            at[i] = register;
            if (common is { } other && other.Size() != registerType.Size()) throw site.Refuse("the registers of a vector have one size here.");
            common = registerType;
        }
        return (at, common!.Value);
    }

    static Instruction Make(Type instruction, PtxType type, PtxType register, AddressSource source, int[] at, AccessKind kind)
    {
        var value = type.IsInteger() || type.IsBits() ? Shapes.Of(type) : Shapes.Raw(type);
        return Shapes.Make(instruction.MakeGenericType(value, Shapes.Raw(register)), source, at, kind);
    }

    sealed unsafe class LoadInstruction<T, R>(AddressSource source, int[] to, AccessKind kind) : MemoryInstruction(source) where T : unmanaged, IBinaryInteger<T> where R : unmanaged, IBinaryInteger<R>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public override void Execute(Warp warp, uint lanes)
        {
            var addresses = warp.Read(Source.Register);
            var size = to.Length * sizeof(T);
            if (to.Length == 1)
            {
                var d = (R*)warp.Write(to[0]);
                for (; lanes != 0; lanes &= lanes - 1)
                {
                    var i = BitOperations.TrailingZeroCount(lanes);
                    d[i] = R.CreateTruncating(*(T*)Access(warp, i, Address(addresses, i), sizeof(T), kind));
                }
            }
            else
                for (; lanes != 0; lanes &= lanes - 1)
                {
                    var i = BitOperations.TrailingZeroCount(lanes);
                    var from = (T*)Access(warp, i, Address(addresses, i), size, kind);
                    for (var k = 0; k < to.Length; k++) ((R*)warp.Write(to[k]))[i] = R.CreateTruncating(from[k]);
                }
        }
    }

    sealed unsafe class StoreInstruction<T, R>(AddressSource source, int[] from, AccessKind kind) : MemoryInstruction(source) where T : unmanaged, IBinaryInteger<T> where R : unmanaged, IBinaryInteger<R>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public override void Execute(Warp warp, uint lanes)
        {
            var addresses = warp.Read(Source.Register);
            var size = from.Length * sizeof(T);
            for (; lanes != 0; lanes &= lanes - 1)
            {
                var i = BitOperations.TrailingZeroCount(lanes);
                var to = (T*)Access(warp, i, Address(addresses, i), size, kind);
                for (var k = 0; k < from.Length; k++) to[k] = T.CreateTruncating(((R*)warp.Read(from[k]))[i]);
            }
        }
    }

    static Instruction Prefetch(Site site)
    {
        site.TakeAny("global", "local");
        site.Expect("L1", "L2");
        site.Done(1);
        MemoryInstruction.Decode(site, site[0], StateSpace.Generic);
        return new OfWarp((_, _) => { });
    }
}
