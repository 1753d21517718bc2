using System;
using System.Linq;

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
    /// <summary>8-bit unsigned integer, 0 to 255: images, masks, quantized activations.</summary>
    U8,
    /// <summary>4-bit signed integer, −8 to 7: two in a byte, the earlier one in the lower half.</summary>
    I4,
    /// <summary>One byte, 0 or 1.</summary>
    Bool,
    /// <summary>
    /// No number: the order of effects. An operation that does something beside giving results (a collective, reading a file) takes the token of the one before and gives one, so that the data that an
    /// effect depends on and the effects before it are one and the same thing to every pass.
    /// </summary>
    Token,
}

/// <summary>Names, sizes and promotion of element types.</summary>
public static class DTypes
{
    // In the order of the enumeration.
    static readonly string[] Names = ["f64", "f32", "f16", "bf16", "i64", "i32", "i8", "u8", "i4", "bool", "token"];

    /// <summary>The name used in the text form, such as <c>f32</c>.</summary>
    public static string Name(this DType type) =>
        (uint)type < (uint)Names.Length ? Names[(int)type] : throw new ArgumentOutOfRangeException(nameof(type), type, "There is no such element type.");

    /// <summary>Bits of one element in memory.</summary>
    public static int Bits(this DType type) => type switch
    {
        DType.F64 or DType.I64 => 64,
        DType.F32 or DType.I32 => 32,
        DType.F16 or DType.BF16 => 16,
        DType.I8 or DType.U8 or DType.Bool => 8,
        DType.I4 => 4,
        DType.Token => 0,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "There is no such element type."),
    };

    /// <summary>Bytes that elements behind one another take: a last byte that is not full counts.</summary>
    /// <param name="type">Their type.</param>
    /// <param name="elements">How many.</param>
    public static long Bytes(this DType type, long elements) => checked(elements * type.Bits() + 7) / 8;

    /// <summary>Bytes of one element, where each has an address.</summary>
    /// <exception cref="NotSupportedException">Elements of the type are parts of bytes: <see cref="Bytes"/> says what several take.</exception>
    public static int Size(this DType type) => type.Bits() % 8 == 0 ? type.Bits() / 8 : throw new NotSupportedException($"An element of {type.Name()} is a part of a byte and has no address.");

    public static bool IsFloat(this DType type) => type is DType.F64 or DType.F32 or DType.F16 or DType.BF16;

    /// <summary>Reals of 16 bits, which are stored as such and computed as float32: each result is rounded to them.</summary>
    public static bool IsNarrowFloat(this DType type) => type is DType.F16 or DType.BF16;

    /// <summary>The type that sums and products of a type are computed in.</summary>
    public static DType Accumulator(this DType type) => type.IsNarrowFloat() ? DType.F32 : type is DType.I8 or DType.U8 or DType.I4 ? DType.I32 : type;

    public static bool IsInteger(this DType type) => type is DType.I64 or DType.I32 or DType.I8 or DType.U8 or DType.I4;

    /// <summary>The least and the greatest number of a type of integers of up to 32 bits.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no such type.</exception>
    public static (int Least, int Greatest) Range(this DType type) => type switch
    {
        DType.I32 => (int.MinValue, int.MaxValue),
        DType.I8 => (sbyte.MinValue, sbyte.MaxValue),
        DType.U8 => (byte.MinValue, byte.MaxValue),
        DType.I4 => (-8, 7),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No type of integers of up to 32 bits."),
    };

    /// <summary>A number cut off to the lowest bits of a type of integers, as arithmetic in it wraps around; whole in 64 bits.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no type of integers or bools.</exception>
    public static long Wrap(this DType type, long value) => type switch
    {
        DType.I32 => unchecked((int)value),
        DType.I8 => unchecked((sbyte)value),
        DType.U8 => unchecked((byte)value),
        DType.I4 => unchecked(value << 60 >> 60),
        DType.I64 or DType.Bool => value,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No type of integers."),
    };

    /// <summary>Reads a name of the text form.</summary>
    public static bool TryParse(string name, out DType type)
    {
        // By hand: a start reads types, and a search of the framework's brings vectors and comparers with it.
        for (var place = 0; place < Names.Length; place++)
            if (Names[place] == name)
            {
                type = (DType)place;
                return true;
            }
        type = default;
        return false;
    }

    /// <summary>The type of a binary operation's result: floats win over integers, integers over bool; among floats the wider one, f16 with bf16 gives f32.</summary>
    /// <exception cref="ShapeException">One is a token, on which there is no arithmetic.</exception>
    public static DType Promote(DType a, DType b) =>
        Promotions.Table[(int)a, (int)b] ?? throw new ShapeException($"there is no arithmetic on {a.Name()} and {b.Name()}");

    // Made when it is first asked for: a model that starts promotes nothing.
    static class Promotions
    {
        // What two element types give, each pair once. docs/architecture.md has the same table in words.
        public static readonly DType?[,] Table = Read(
        [
            "      f64 f32 f16  bf16 i64  i32  i8   u8   i4   bool",
            "f64   f64 f64 f64  f64  f64  f64  f64  f64  f64  f64",
            "f32       f32 f32  f32  f32  f32  f32  f32  f32  f32",
            "f16           f16  f32  f16  f16  f16  f16  f16  f16",
            "bf16               bf16 bf16 bf16 bf16 bf16 bf16 bf16",
            "i64                     i64  i64  i64  i64  i64  i64",
            "i32                          i32  i32  i32  i32  i32",
            "i8                                i8   i32  i8   i8",
            "u8                                     u8   i32  u8",
            "i4                                          i4   i4",
            "bool                                             bool",
        ]);

        // A row begins with its type and is aligned at the right: it lacks the pairs that rows above have.
        static DType?[,] Read(string[] rows)
        {
            var table = new DType?[Names.Length, Names.Length];
            DType[][] words = [.. rows.Select(r => r.Split([' '], StringSplitOptions.RemoveEmptyEntries).Select(w => TryParse(w, out var type) ? type : throw new ArgumentException($"{w} is no element type.")).ToArray())];
            var columns = words[0];
            foreach (var row in words.Skip(1))
                for (var i = 1; i < row.Length; i++)
                {
                    var column = columns[columns.Length - row.Length + i];
                    table[(int)row[0], (int)column] = table[(int)column, (int)row[0]] = row[i];
                }
            return table;
        }
    }
}
