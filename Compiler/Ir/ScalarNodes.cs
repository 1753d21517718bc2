namespace Graph.Compiler.Ir;

/// <summary>Questions to a value about the one number or the one scalar operation that it is.</summary>
public static class ScalarNodes
{
    /// <summary>The number that a scalar is under every binding.</summary>
    public static bool TryConstant(this Value value, out double number)
    {
        number = 0;
        if (Literal(value) is not { Op: ScalarOp.Constant } constant) return false;
        number = constant.Constant;
        return true;
    }

    /// <summary>The size that a scalar is under every binding.</summary>
    public static bool TrySize(this Value value, out Dim size)
    {
        size = Dim.Zero;
        var literal = Literal(value);
        if (literal is { Op: ScalarOp.Cast }) literal = literal.Arguments[0];
        if (literal is not { Op: ScalarOp.Dimension }) return false;
        size = literal.Size!;
        return true;
    }

    /// <summary>Whether a node is this one scalar operation on its operands as they are, in order, and after broadcasting.</summary>
    public static bool Is(this Node node, ScalarOp op) =>
        node.Operation is ElementwiseOperation elementwise && elementwise.Arity > 0 && elementwise.Expression(node) is var expression && expression.Op == op && expression.AppliesToInputs(node.Inputs.Length);

    // What a scalar without operands is.
    static Scalar? Literal(Value value) =>
        value.Producer is { Operation: ElementwiseOperation { Arity: 0 } elementwise } node && value.Shape.Rank == 0 ? elementwise.Expression(node) : null;
}
