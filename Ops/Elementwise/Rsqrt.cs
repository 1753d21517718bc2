using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Reciprocal of the square root, elementwise.</summary>
    [Operation("rsqrt")]
    public Tensor Rsqrt() => Eager.Run("rsqrt", [this]);
}

sealed class RsqrtOperation : UnaryOperation
{
    public override string Name => "rsqrt";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;
    protected override Scalar Value(Scalar x) => Scalar.Rsqrt(x);
    protected override Expr Gradient(GradContext g, Expr gradient) => gradient * -0.5 * (g.Output * g.Output * g.Output);
}
