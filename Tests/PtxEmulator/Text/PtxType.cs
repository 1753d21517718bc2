using System;
using System.Collections.Generic;

namespace Graph.PtxEmulator;

/// <summary>The types of registers, variables and instructions.</summary>
public enum PtxType
{
    Pred,
    B8, B16, B32, B64,
    U8, U16, U32, U64,
    S8, S16, S32, S64,
    F16, F16x2, BF16, BF16x2, TF32, F32, F64,
}

/// <summary>What types are called, how large they are, and which register an instruction of a type takes.</summary>
public static class PtxTypes
{
    static readonly Dictionary<string, PtxType> ByName = MakeNames();

    static Dictionary<string, PtxType> MakeNames()
    {
        var names = new Dictionary<string, PtxType>(StringComparer.Ordinal);
        foreach (var type in Enum.GetValues<PtxType>()) names[type.ToString().ToLowerInvariant()] = type;
        return names;
    }

    /// <summary>The type that a modifier such as <c>u32</c> names, if it names one.</summary>
    public static bool TryParse(string name, out PtxType type) => ByName.TryGetValue(name, out type);

    /// <summary>The name as it stands in text, without the dot.</summary>
    public static string Name(this PtxType type) => type.ToString().ToLowerInvariant();

    /// <summary>Bytes of a value; 0 for a predicate, which has no place in memory.</summary>
    public static int Size(this PtxType type) => type switch
    {
        PtxType.Pred => 0,
        PtxType.B8 or PtxType.U8 or PtxType.S8 => 1,
        PtxType.B16 or PtxType.U16 or PtxType.S16 or PtxType.F16 or PtxType.BF16 => 2,
        PtxType.B32 or PtxType.U32 or PtxType.S32 or PtxType.F16x2 or PtxType.BF16x2 or PtxType.TF32 or PtxType.F32 => 4,
        PtxType.B64 or PtxType.U64 or PtxType.S64 or PtxType.F64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    public static bool IsBits(this PtxType type) => type is PtxType.B8 or PtxType.B16 or PtxType.B32 or PtxType.B64;
    public static bool IsSigned(this PtxType type) => type is PtxType.S8 or PtxType.S16 or PtxType.S32 or PtxType.S64;
    public static bool IsUnsigned(this PtxType type) => type is PtxType.U8 or PtxType.U16 or PtxType.U32 or PtxType.U64;
    public static bool IsInteger(this PtxType type) => type.IsSigned() || type.IsUnsigned();
    public static bool IsFloat(this PtxType type) => type is PtxType.F16 or PtxType.F16x2 or PtxType.BF16 or PtxType.BF16x2 or PtxType.TF32 or PtxType.F32 or PtxType.F64;

    /// <summary>Whether an operand of an instruction's type may be a register of another: equal size, and of the same kind or untyped.</summary>
    public static bool Accepts(this PtxType instruction, PtxType register)
    {
        if (instruction == PtxType.Pred || register == PtxType.Pred) return instruction == register;
        if (instruction.Size() != register.Size()) return false;
        if (instruction.IsBits() || register.IsBits()) return true;
        return instruction.IsInteger() ? register.IsInteger() : instruction == register;
    }

    /// <summary>As <see cref="Accepts"/>, but for loads, stores and conversions, where an integer's register may be wider than the value.</summary>
    public static bool AcceptsWider(this PtxType instruction, PtxType register)
    {
        if (instruction.Accepts(register)) return true;
        if (instruction == PtxType.Pred || register == PtxType.Pred || instruction.IsFloat()) return false;
        return register.Size() > instruction.Size() && !register.IsFloat();
    }
}
