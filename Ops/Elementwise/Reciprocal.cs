using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>1 / x, elementwise.</summary>
    [Operation("reciprocal")]
    public Tensor Reciprocal() => Eager.Run("reciprocal", [this]);
}

sealed class ReciprocalOperation : UnaryOperation
{
    public override string Name => "reciprocal";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;
    protected override Scalar Value(Scalar x) => 1 / x;
    protected override Expr Gradient(GradContext g, Expr gradient) => -(gradient * (g.Output * g.Output));
}
