using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Error function, elementwise.</summary>
    [Operation("erf")]
    public Tensor Erf() => Eager.Run("erf", [this]);
}

sealed class ErfOperation : UnaryOperation
{
    public override string Name => "erf";
    protected override Scalar Value(Scalar x) => Scalar.Erf(x);
    protected override Expr Gradient(GradContext g, Expr gradient) => gradient * (2 / System.Math.Sqrt(System.Math.PI)) * (-(g.X * g.X)).Exp();
}
