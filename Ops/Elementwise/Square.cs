using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>x · x, elementwise.</summary>
    [Operation("square")]
    public Tensor Square() => Eager.Run("square", [this]);
}

sealed class SquareOperation : UnaryOperation
{
    public override string Name => "square";
    protected override bool IsReal => false;
    protected override Scalar Value(Scalar x) => x * x;
    protected override Expr Gradient(GradContext g, Expr gradient) => gradient * 2 * g.X;
}
