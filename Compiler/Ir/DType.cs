using System;

namespace Graph.Compiler.Ir;

/// <summary>The element types of a tensor.</summary>
public enum DType
{
    /// <summary>IEEE binary64.</summary>
    F64,
    /// <summary>IEEE binary32.</summary>
    F32,
    /// <summary>IEEE binary16.</summary>
    F16,
    /// <summary>The upper half of a binary32.</summary>
    BF16,
    /// <summary>64-bit signed integer.</summary>
    I64,
    /// <summary>32-bit signed integer.</summary>
    I32,
    /// <summary>8-bit signed integer.</summary>
    I8,
    /// <summary>One byte, 0 or 1.</summary>
    Bool,
}

/// <summary>Names, sizes and promotion of element types.</summary>
public static class DTypes
{
    static readonly string[] Names = ["f64", "f32", "f16", "bf16", "i64", "i32", "i8", "bool"];

    /// <summary>The name used in the text form, such as <c>f32</c>.</summary>
    public static string Name(this DType type) => Names[(int)type];

    /// <summary>Bytes of one element.</summary>
    public static int Size(this DType type) => type switch
    {
        DType.F64 or DType.I64 => 8,
        DType.F32 or DType.I32 => 4,
        DType.F16 or DType.BF16 => 2,
        DType.I8 or DType.Bool => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "There is no such element type."),
    };

    public static bool IsFloat(this DType type) => type <= DType.BF16;

    public static bool IsInteger(this DType type) => type is DType.I64 or DType.I32 or DType.I8;

    /// <summary>Reads a name of the text form.</summary>
    public static bool TryParse(string name, out DType type)
    {
        var index = Array.IndexOf(Names, name);
        type = index < 0 ? default : (DType)index;
        return index >= 0;
    }

    /// <summary>
    /// The type of a binary operation's result. Floats win over integers, integers over bool; among floats the wider one, f16 with bf16 gives f32.
    /// The table is written out in docs/architecture.md.
    /// </summary>
    public static DType Promote(DType a, DType b)
    {
        if (a == b) return a;
        if (a.IsFloat() && b.IsFloat())
            return (a, b) is (DType.F16, DType.BF16) or (DType.BF16, DType.F16) ? DType.F32 : (DType)Math.Min((int)a, (int)b);
        if (a.IsFloat()) return a;
        if (b.IsFloat()) return b;
        return (DType)Math.Min((int)a, (int)b);
    }
}
