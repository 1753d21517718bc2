using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary><c>log(1 + eˣ)</c>, elementwise, without overflow.</summary>
    [Operation("softplus")]
    public Tensor Softplus() => Eager.Run("softplus", [this]);
}

sealed class SoftplusOperation : UnaryOperation
{
    public override string Name => "softplus";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;
    protected override UnaryDomain Domain => UnaryDomain.Real;
    protected override Scalar Value(Scalar x) => Scalar.Max(x, 0) + Scalar.Log(1 + Scalar.Exp(-Scalar.Abs(x)));
    protected override Expr Gradient(GradContext g, Expr gradient) => gradient * g.X.Apply("sigmoid");
}
