using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Where one is true, elementwise with broadcasting: bools.</summary>
    [Operation("logical_or")]
    public static Tensor operator |(Tensor left, Tensor right) => Eager.Run("logical_or", [left, right]);
}

sealed class LogicalOrOperation : ComparisonOperation
{
    public override string Name => "logical_or";
    public override bool Commutes => true;
    protected override Scalar Value(Scalar a, Scalar b) => Scalar.Or(Scalar.Cast(a, DType.Bool), Scalar.Cast(b, DType.Bool));
}
