using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Cosine of an angle in radians, elementwise.</summary>
    [Operation("cos")]
    public Tensor Cos() => Eager.Run("cos", [this]);
}

sealed class CosOperation : UnaryOperation
{
    public override string Name => "cos";
    protected override Scalar Value(Scalar x) => Scalar.Cos(x);
    protected override Expr Gradient(GradContext g, Expr gradient) => -(gradient * g.X.Apply("sin"));
}
