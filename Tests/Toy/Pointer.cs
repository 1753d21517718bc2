using System;
using System.Runtime.InteropServices;
using Graph.Compiler.Ir;

namespace Graph.Tests.Toy;

/// <summary>A number of any element type: reals in the one, integers and bools in the other.</summary>
readonly record struct Number(double Real, long Whole)
{
    public static Number Of(double real) => new(real, 0);
    public static Number Of(long whole) => new(0, whole);
    public static Number Of(bool truth) => new(0, truth ? 1 : 0);

    /// <summary>As a real number, whatever its type.</summary>
    public double As(DType type) => type.IsFloat() ? Real : Whole;
}

/// <summary>A place in memory from which elements of one type are counted.</summary>
/// <param name="Memory">The bytes that it points into.</param>
/// <param name="Start">Where, in bits.</param>
/// <param name="Type">The storage type of the elements.</param>
readonly record struct Pointer(byte[] Memory, long Start, DType Type)
{
    /// <summary>The same place, some elements further.</summary>
    public Pointer Plus(long elements) => this with { Start = Start + elements * Type.Bits() };

    long Bit(long index) => Start + index * Type.Bits();

    Span<byte> At(long index) => Memory.AsSpan(checked((int)(Bit(index) / 8)), (Type.Bits() + 7) / 8);

    /// <summary>An element.</summary>
    public Number Load(long index)
    {
        var at = At(index);
        return Type switch
        {
            DType.F64 => Number.Of(MemoryMarshal.Read<double>(at)),
            DType.F32 => Number.Of((double)MemoryMarshal.Read<float>(at)),
            DType.F16 => Number.Of((double)MemoryMarshal.Read<Half>(at)),
            DType.BF16 => Number.Of((double)BitConverter.Int32BitsToSingle(MemoryMarshal.Read<ushort>(at) << 16)),
            DType.I64 => Number.Of(MemoryMarshal.Read<long>(at)),
            DType.I32 => Number.Of((long)MemoryMarshal.Read<int>(at)),
            DType.I8 => Number.Of((long)(sbyte)at[0]),
            DType.U8 => Number.Of((long)at[0]),
            DType.I4 => Number.Of(DType.I4.Wrap(at[0] >> (int)(Bit(index) % 8))),
            DType.Bool => Number.Of(at[0] != 0),
            _ => throw new NotSupportedException($"The toy has no memory for {Type.Name()}."),
        };
    }

    /// <summary>Writes an element; a real number is rounded to the storage type, ties to even.</summary>
    public void Store(long index, Number value)
    {
        var at = At(index);
        switch (Type)
        {
            case DType.F64: MemoryMarshal.Write(at, value.Real); break;
            case DType.F32: MemoryMarshal.Write(at, (float)value.Real); break;
            case DType.F16: MemoryMarshal.Write(at, (Half)Rounding.Round(value.Real, DType.F16)); break;
            case DType.BF16: MemoryMarshal.Write(at, (ushort)(BitConverter.SingleToInt32Bits((float)Rounding.Round(value.Real, DType.BF16)) >>> 16)); break;
            case DType.I64: MemoryMarshal.Write(at, value.Whole); break;
            case DType.I32: MemoryMarshal.Write(at, unchecked((int)value.Whole)); break;
            case DType.I8 or DType.U8: at[0] = unchecked((byte)value.Whole); break;
            case DType.I4:
                var low = (int)(Bit(index) % 8);
                at[0] = (byte)((at[0] & ~(15 << low)) | (int)(value.Whole & 15) << low);
                break;
            case DType.Bool: at[0] = value.Whole != 0 ? (byte)1 : (byte)0; break;
            default: throw new NotSupportedException($"The toy has no memory for {Type.Name()}.");
        }
    }

    /// <summary>An element as a real number.</summary>
    public double Real(long index) => Load(index).As(Type);

    /// <summary>Writes a real number, rounded to the storage type.</summary>
    public void Store(long index, double value) => Store(index, Type.IsFloat() ? Number.Of(value) : Number.Of((long)value));
}
