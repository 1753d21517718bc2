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
    protected override UnaryDomain Domain => UnaryDomain.Any;

    // The square of a bool is an i64, as in PyTorch.
    protected override Scalar Value(Scalar x) => x.Type == DType.Bool ? Scalar.Cast(x, DType.I64) : x * x;

    protected override Expr Gradient(GradContext g, Expr gradient) => gradient * 2 * g.X;
}
