using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Sine of an angle in radians, elementwise.</summary>
    [Operation("sin")]
    public Tensor Sin() => Eager.Run("sin", [this]);
}

sealed class SinOperation : UnaryOperation
{
    public override string Name => "sin";
    protected override Scalar Value(Scalar x) => Scalar.Sin(x);
    protected override Expr Gradient(GradContext g, Expr gradient) => gradient * g.X.Apply("cos");
}
