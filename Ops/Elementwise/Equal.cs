using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Where two tensors are equal, elementwise with broadcasting: bools.</summary>
    [Operation("equal")]
    public Tensor EqualTo(Tensor other) => Eager.Run("equal", [this, other]);
}

sealed class EqualOperation : ComparisonOperation
{
    public override string Name => "equal";
    public override bool Commutes => true;
    protected override Scalar Value(Scalar a, Scalar b) => Scalar.Equal(a, b);
}
