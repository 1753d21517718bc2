namespace Graph.Compiler.Ir;

/// <summary>Values that hold what a caller gives: their numbers are looked at before a call runs.</summary>
public static class Arguments
{
    /// <summary>Whether a value is an argument's.</summary>
    public static bool Are(Value value) => Of(value) is not null;

    /// <summary>The argument all of whose elements a value holds, in whatever order; null when there is none.</summary>
    public static Value? Of(Value value)
    {
        while (value.Producer is { } p && (p.Operation.View(p)?.ShowsAll(p.Inputs[0].Shape, value.Shape) == true || (p.Is(ScalarOp.Cast) && p.Inputs[0].DType == DType.I32 && value.DType == DType.I64))) value = p.Inputs[0];
        return value.Producer is null && value.State is null && value.Name is not null ? value : null;
    }
}
