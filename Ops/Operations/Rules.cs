using System;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>Checks that several shape rules share.</summary>
static class Rules
{
    public static void Rank(string operation, string operand, Shape shape, int least, int most, string expected)
    {
        if (shape.Rank < least || shape.Rank > most)
            throw new ShapeException($"{operation} needs {expected}, but {operand} is {shape} with {shape.Rank} {(shape.Rank == 1 ? "axis" : "axes")}", Diagnostics.Rank);
    }

    public static void Vector(string operation, string operand, Shape shape, Dim length, string why)
    {
        if (shape.Rank != 1 || shape[0] != length) throw new ShapeException($"{operation} needs {operand} of shape [{length}] ({why}), but got {shape}", Diagnostics.Companion);
    }

    public static void Same(string operation, string operand, Shape shape, Shape expected)
    {
        if (shape != expected) throw new ShapeException($"{operation} needs {operand} of shape {expected}, but got {shape}", Diagnostics.Companion);
    }

    /// <summary>Integers that say which row, class or element: wide enough for any table, so not i8.</summary>
    public static void Index(string operation, string operand, DType type)
    {
        if (type is not (DType.I64 or DType.I32))
            throw new ShapeException($"{operation} needs i64 or i32 for {operand}, but got {type.Name()}: {Casting(DType.I64)}", Diagnostics.Type);
    }

    public static void Bool(string operation, string operand, DType type)
    {
        if (type != DType.Bool) throw new ShapeException($"{operation} needs bools for {operand}, but got {type.Name()}: compare it, as in x > 0", Diagnostics.Type);
    }

    /// <summary>Real numbers of any width; PyTorch takes no integers there either.</summary>
    public static void Real(string operation, string operand, DType type)
    {
        if (!type.IsFloat()) throw new ShapeException($"{operation} needs real numbers for {operand}, but got {type.Name()}: {Casting(DType.F32)}", Diagnostics.Type);
    }

    /// <summary>Real numbers of one width, as a kernel that reads both at once needs them.</summary>
    public static void SameReal(string operation, string operand, DType type, string other, DType expected)
    {
        Real(operation, operand, type);
        Real(operation, other, expected);
        if (type != expected)
            throw new ShapeException($"{operation} needs {operand} and {other} of one element type, but got {type.Name()} and {expected.Name()}: {Casting(expected)}", Diagnostics.Type);
    }

    /// <summary>Integers whose products are added up as 32-bit ones.</summary>
    public static readonly EquatableArray<DType> SummedAsIntegers = [DType.I32, DType.I8, DType.U8, DType.I4];

    /// <inheritdoc cref="SummedAsIntegers"/>
    public static bool IsSummedAsInteger(DType type) => SummedAsIntegers.Contains(type);

    /// <summary>Numbers, on which there is arithmetic.</summary>
    public static void Number(string operation, string operand, DType type)
    {
        if (type == DType.Bool) throw new ShapeException($"{operation} needs numbers for {operand}, but got bool: Cast(ElementType.I32) counts true as 1", Diagnostics.Type);
    }

    /// <summary>A number that a tensor of this type can hold.</summary>
    public static void Holds(string operation, double value, DType type)
    {
        var fits = type.IsFloat() || type switch
        {
            DType.Bool => value is 0 or 1,
            DType.I64 => value is >= long.MinValue and < 9223372036854775808.0,
            _ => type.Range() is var (least, greatest) && value >= least && value <= greatest,
        } && value == Math.Floor(value);
        if (!fits) throw new ShapeException($"{operation} puts the number {new Attr.Real(value)} into a tensor of {type.Name()}, which cannot hold it: {Casting(DType.F32)}", Diagnostics.Type);
    }

    static string Casting(DType type) => $"Cast(ElementType.{type.Name().ToUpperInvariant()}) converts it";

    /// <summary>An operation's name as the modelling language writes it: leaky_relu is LeakyRelu.</summary>
    public static string Pascal(string name) => string.Concat(name.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word.Substring(1)));
}
