using System;
using System.Globalization;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>The classes of registers that emitted text declares.</summary>
public enum RegisterClass
{
    /// <summary>A truth value: <c>%p</c>.</summary>
    Predicate,
    /// <summary>16 bits of memory on their way: <c>%h</c>.</summary>
    Half,
    /// <summary>An integer of 32 bits: <c>%r</c>.</summary>
    Word,
    /// <summary>An integer of 64 bits or an address: <c>%rd</c>.</summary>
    Long,
    /// <summary>A float32 number: <c>%f</c>.</summary>
    Single,
    /// <summary>A float64 number, within functions that are written out: <c>%d</c>.</summary>
    Double,
}

/// <summary>What an instruction reads: a register, or a number in the text.</summary>
/// <param name="Class">Of the register, or of registers that may hold the number.</param>
/// <param name="Text">As it stands in the text.</param>
public readonly record struct PtxOperand(RegisterClass Class, string Text)
{
    /// <summary>Whether it is a register and no number.</summary>
    public bool IsRegister => Text[0] == '%';

    /// <summary>A number of 32 bits.</summary>
    public static PtxOperand Word(long value) => new(RegisterClass.Word, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>A number of 64 bits.</summary>
    public static PtxOperand Long(long value) => new(RegisterClass.Long, value == long.MinValue ? "0x8000000000000000" : value.ToString(CultureInfo.InvariantCulture));

    /// <summary>A float32 number, by its bits.</summary>
    public static PtxOperand Single(float value) => new(RegisterClass.Single, "0f" + BitConverter.ToUInt32(BitConverter.GetBytes(value), 0).ToString("X8", CultureInfo.InvariantCulture));

    /// <summary>A float64 number, by its bits.</summary>
    public static PtxOperand Double(double value) => new(RegisterClass.Double, "0d" + BitConverter.DoubleToInt64Bits(value).ToString("X16", CultureInfo.InvariantCulture));

    public override string ToString() => Text;
}

/// <summary>Which register holds a scalar of an element type.</summary>
static class PtxRegisters
{
    /// <summary>Numbers of 16 bits are computed as float32, those of 8 bits as 32-bit integers, truth values as predicates.</summary>
    /// <exception cref="System.NotSupportedException">There is none.</exception>
    public static RegisterClass Of(DType type) => type switch
    {
        DType.F32 or DType.F16 or DType.BF16 => RegisterClass.Single,
        DType.F64 => RegisterClass.Double,
        DType.I64 => RegisterClass.Long,
        DType.I32 or DType.I8 or DType.U8 => RegisterClass.Word,
        DType.Bool => RegisterClass.Predicate,
        _ => throw new System.NotSupportedException($"The PTX target does not compute in {type.Name()}."),
    };

    /// <summary>The letter of a class.</summary>
    public static string Prefix(this RegisterClass of) => of switch
    {
        RegisterClass.Predicate => "%p",
        RegisterClass.Half => "%h",
        RegisterClass.Word => "%r",
        RegisterClass.Long => "%rd",
        RegisterClass.Single => "%f",
        RegisterClass.Double => "%d",
        _ => throw new ArgumentOutOfRangeException(nameof(of), of, "There is no such class of registers."),
    };

    /// <summary>The type that registers of a class are declared with, and that moves have.</summary>
    public static string Type(this RegisterClass of) => of switch
    {
        RegisterClass.Predicate => "pred",
        RegisterClass.Half => "b16",
        RegisterClass.Word => "b32",
        RegisterClass.Long => "b64",
        RegisterClass.Single => "f32",
        RegisterClass.Double => "f64",
        _ => throw new ArgumentOutOfRangeException(nameof(of), of, "There is no such class of registers."),
    };
}
