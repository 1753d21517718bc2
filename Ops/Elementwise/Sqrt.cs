using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Square root, elementwise.</summary>
    /// <remarks>Not a number below 0; the gradient at 0 is infinite.</remarks>
    [Operation("sqrt")]
    public Tensor Sqrt() => Eager.Run("sqrt", [this]);
}

sealed class SqrtOperation : UnaryOperation
{
    public override string Name => "sqrt";
    protected override Scalar Value(Scalar x) => Scalar.Sqrt(x);
    protected override Expr Gradient(GradContext g, Expr gradient) => gradient * 0.5 / g.Output;
}
