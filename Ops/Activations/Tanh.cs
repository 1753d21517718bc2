using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Hyperbolic tangent, elementwise.</summary>
    [Operation("tanh")]
    public Tensor Tanh() => Eager.Run("tanh", [this]);
}

sealed class TanhOperation : UnaryOperation
{
    public override string Name => "tanh";
    protected override Scalar Value(Scalar x) => Scalar.Tanh(x);
    protected override Expr Gradient(GradContext g, Expr gradient) => gradient * (1 - g.Output * g.Output);
}
