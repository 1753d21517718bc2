using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>e to the x, elementwise.</summary>
    [Operation("exp")]
    public Tensor Exp() => Eager.Run("exp", [this]);
}

sealed class ExpOperation : UnaryOperation
{
    public override string Name => "exp";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;
    protected override Scalar Value(Scalar x) => Scalar.Exp(x);
    protected override Expr Gradient(GradContext g, Expr gradient) => gradient * g.Output;
}
