using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.PtxEmulator;

/// <summary>The kind of type that an instruction works on, by which families of one name part.</summary>
enum TypeKind { Any, Integer, Bits, Float32, Float64, Half, BFloat16, Pred }

/// <summary>All instructions that are modelled: a name, the kind of its type, and who decodes it. What is not here is refused.</summary>
static class InstructionSet
{
    static readonly Dictionary<(string, TypeKind), Func<Site, Instruction>> Decoders = [];

    static InstructionSet()
    {
        IntegerArithmetic.Register();
        BitInstructions.Register();
        Shifts.Register();
        Float32Instructions.Register();
        Float64Instructions.Register();
        SmallFloatInstructions.Register();
        Comparisons.Register();
        Conversions.Register();
        Moves.Register();
        LoadsAndStores.Register();
        Atomics.Register();
        Control.Register();
        Barriers.Register();
        WarpExchange.Register();
        AsyncCopyInstructions.Register();
        MatrixLoads.Register();
        MatrixProducts.Register();
    }

    public static void Add(string opcode, TypeKind kind, Func<Site, Instruction> decode) => Decoders.Add((opcode, kind), decode);

    public static void Add(string opcode, Func<Site, Instruction> decode) => Add(opcode, TypeKind.Any, decode);

    public static Instruction Decode(Site site)
    {
        if (Decoders.TryGetValue((site.Statement.Opcode, TypeKind.Any), out var decode)) return decode(site);
        var types = site.Statement.Modifiers.Where(modifier => PtxTypes.TryParse(modifier.Name, out _)).ToList();
        if (types.Count > 0)
        {
            PtxTypes.TryParse(types[^1].Name, out var type);
            if (Decoders.TryGetValue((site.Statement.Opcode, KindOf(type)), out decode)) return decode(site);
        }
        if (!Decoders.Keys.Any(key => key.Item1 == site.Statement.Opcode)) throw site.Refuse($"the instruction '{site.Statement.Opcode}' is unknown or not modelled.");
        throw site.Refuse(types.Count == 0 ? $"'{site.Statement.Opcode}' needs a type." : $"'{site.Statement.Opcode}' has no form for .{types[^1].Name}, or the emulator does not model it.");
    }

    static TypeKind KindOf(PtxType type) => type switch
    {
        PtxType.F32 => TypeKind.Float32,
        PtxType.F64 => TypeKind.Float64,
        PtxType.F16 or PtxType.F16x2 => TypeKind.Half,
        PtxType.BF16 or PtxType.BF16x2 => TypeKind.BFloat16,
        PtxType.Pred => TypeKind.Pred,
        PtxType.TF32 => TypeKind.Any,
        _ => type.IsBits() ? TypeKind.Bits : TypeKind.Integer,
    };
}
