using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The angle in radians whose tangent an element is, from −π/2 to π/2, elementwise.</summary>
    [Operation("atan")]
    public Tensor Atan() => Eager.Run("atan", [this]);
}

sealed class AtanOperation : UnaryOperation
{
    public override string Name => "atan";
    protected override Scalar Value(Scalar x) => Scalar.Function(ScalarOp.Atan, x);
    protected override Expr Gradient(GradContext g, Expr gradient) => gradient / (1 + g.X * g.X);
}
