namespace Graph.Compiler.Ir;

/// <summary>A parameter or result of a function as its callers know it.</summary>
public sealed record NamedTensor(string Name, TensorType Type)
{
    public Shape Shape => Type.Shape;
    public DType DType => Type.DType;

    public override string ToString() => Name + ": " + Type;
}
