using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Logistic function <c>1 / (1 + e⁻ˣ)</c>, elementwise.</summary>
    [Operation("sigmoid")]
    public Tensor Sigmoid() => Eager.Run("sigmoid", [this]);
}

sealed class SigmoidOperation : UnaryOperation
{
    public override string Name => "sigmoid";
    protected override Scalar Value(Scalar x) => Scalar.Sigmoid(x);
    protected override Expr Gradient(GradContext g, Expr gradient) => gradient * (g.Output * (1 - g.Output));
}
