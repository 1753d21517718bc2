using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Absolute value, elementwise.</summary>
    /// <remarks>The gradient at 0 is 0, as in PyTorch.</remarks>
    [Operation("abs")]
    public Tensor Abs() => Eager.Run("abs", [this]);
}

sealed class AbsOperation : UnaryOperation
{
    public override string Name => "abs";
    protected override UnaryDomain Domain => UnaryDomain.Number;
    protected override Scalar Value(Scalar x) => Scalar.Abs(x);
    protected override Expr Gradient(GradContext g, Expr gradient) => g.Where(g.X > 0, gradient, g.Where(g.X < 0, -gradient, 0));
}
