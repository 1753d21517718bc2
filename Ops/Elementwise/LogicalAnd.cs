using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Where both are true, elementwise with broadcasting: bools.</summary>
    [Operation("logical_and")]
    public static Tensor operator &(Tensor left, Tensor right) => Eager.Run("logical_and", [left, right]);
}

sealed class LogicalAndOperation : ComparisonOperation
{
    public override string Name => "logical_and";
    public override bool Commutes => true;
    protected override Scalar Value(Scalar a, Scalar b) => Scalar.And(Scalar.Cast(a, DType.Bool), Scalar.Cast(b, DType.Bool));
}
