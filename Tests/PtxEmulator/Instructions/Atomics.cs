using System;
using System.Numerics;

namespace Graph.PtxEmulator;

/// <summary>atom and red. They never race with each other, only with plain accesses; sums of floats depend on the order of threads, which a program's statistics say.</summary>
static class Atomics
{
    public static void Register()
    {
        InstructionSet.Add("atom", site => Decode(site, returns: true));
        InstructionSet.Add("red", site => Decode(site, returns: false));
    }

    static Instruction Decode(Site site, bool returns)
    {
        // Acquire and release would order other accesses, which is not modelled; relaxed is what no word means.
        site.Take("relaxed");
        var scope = site.TakeAny("cta", "gpu", "sys");
        var space = LoadsAndStores.Space(site.TakeAny("global", "shared", "shared::cta"));
        if (scope is null) site.TakeAny("cta", "gpu", "sys");
        var operation = returns ? site.Expect("and", "or", "xor", "cas", "exch", "add", "inc", "dec", "min", "max") : site.Expect("and", "or", "xor", "add", "inc", "dec", "min", "max");
        var noFtz = site.Take("noftz");
        var type = operation switch
        {
            "and" or "or" or "xor" or "exch" => site.TakeType(PtxType.B32, PtxType.B64),
            "cas" => site.TakeType(PtxType.B16, PtxType.B32, PtxType.B64),
            "add" => site.TakeType(PtxType.U32, PtxType.U64, PtxType.S32, PtxType.F32, PtxType.F64, PtxType.F16, PtxType.F16x2),
            "inc" or "dec" => site.TakeType(PtxType.U32),
            _ => site.TakeType(PtxType.U32, PtxType.U64, PtxType.S32, PtxType.S64),
        };
        if (noFtz != type is PtxType.F16 or PtxType.F16x2) throw site.Refuse(".noftz belongs to f16, and f16 needs it.");
        if (type == PtxType.F16 || type == PtxType.B16) site.Requires(70, 6, 3);
        var operands = (returns ? 1 : 0) + 2 + (operation == "cas" ? 1 : 0);
        site.Done(operands);
        var k = returns ? 1 : 0;
        int? d = !returns || site[0] is SinkOperand ? null : site.Write(0, type);
        var source = MemoryInstruction.Decode(site, site[k], space);
        if (type.IsFloat()) site.Builder.Program.OrderDependent = true;
        return new AtomicInstruction(source, operation, type, d, site.Read(k + 1, type), operation == "cas" ? site.Read(k + 2, type) : 0);
    }

    sealed unsafe class AtomicInstruction(AddressSource source, string operation, PtxType type, int? d, int b, int c) : MemoryInstruction(source)
    {
        public override void Execute(Warp warp, uint lanes)
        {
            var size = type.Size();
            var addresses = warp.Read(Source.Register);
            var pb = warp.Read(b);
            var pc = warp.Read(c);
            for (; lanes != 0; lanes &= lanes - 1)
            {
                var lane = BitOperations.TrailingZeroCount(lanes);
                var at = Access(warp, lane, Address(addresses, lane), size, AccessKind.Atomic);
                var old = Raw.Read(at, size);
                Raw.Write(at, size, Apply(operation, type, old, Raw.Read(pb + lane * size, size), Raw.Read(pc + lane * size, size)));
                if (d is { } to) Raw.Write(warp.Write(to) + lane * size, size, old);
            }
        }
    }

    public static ulong Apply(string operation, PtxType type, ulong old, ulong b, ulong c)
    {
        switch (operation)
        {
            case "and": return old & b;
            case "or": return old | b;
            case "xor": return old ^ b;
            case "exch": return b;
            case "cas": return old == b ? c : old;
            case "inc": return old >= b ? 0 : old + 1;
            case "dec": return old == 0 || old > b ? b : old - 1;
            case "min": return Conversions.Extend(old, type) < Conversions.Extend(b, type) ? old : b;
            case "max": return Conversions.Extend(old, type) > Conversions.Extend(b, type) ? old : b;
        }
        return type switch
        {
            PtxType.F32 => BitConverter.SingleToUInt32Bits(Float32.Add(BitConverter.UInt32BitsToSingle((uint)old), BitConverter.UInt32BitsToSingle((uint)b), Rounding.Nearest)),
            PtxType.F64 => BitConverter.DoubleToUInt64Bits(BitConverter.UInt64BitsToDouble(old) + BitConverter.UInt64BitsToDouble(b)),
            PtxType.F16 => SmallFloat<HalfFormat>.Add((ushort)old, (ushort)b),
            PtxType.F16x2 => (ulong)SmallFloat<HalfFormat>.Add((ushort)(old >> 16), (ushort)(b >> 16)) << 16 | SmallFloat<HalfFormat>.Add((ushort)old, (ushort)b),
            _ => old + b,
        };
    }
}
