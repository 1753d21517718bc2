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

    public static void Integer(string operation, string operand, DType type)
    {
        if (!type.IsInteger()) throw new ShapeException($"{operation} needs integers for {operand}, but got {type.Name()}", Diagnostics.Type);
    }

    public static void Bool(string operation, string operand, DType type)
    {
        if (type != DType.Bool) throw new ShapeException($"{operation} needs bools for {operand}, but got {type.Name()}", Diagnostics.Type);
    }
}
