using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Rectified linear unit, <c>max(x, 0)</c>, elementwise.</summary>
    /// <remarks>The gradient at 0 is 0, as in PyTorch. Nair and Hinton, ICML 2010.</remarks>
    [Operation("relu")]
    public Tensor Relu() => Eager.Run("relu", [this]);
}

sealed class ReluOperation : UnaryOperation
{
    public override string Name => "relu";
    protected override UnaryDomain Domain => UnaryDomain.Number;
    protected override Scalar Value(Scalar x) => Scalar.Max(x, 0);
    protected override Expr Gradient(GradContext g, Expr gradient) => g.Where(g.Output > 0, gradient, 0);
}
