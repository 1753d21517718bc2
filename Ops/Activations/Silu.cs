using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Sigmoid linear unit, <c>x · sigmoid(x)</c>, elementwise.</summary>
    /// <remarks>Elfwing et al., "Sigmoid-weighted linear units", 2017.</remarks>
    [Operation("silu")]
    public Tensor Silu() => Eager.Run("silu", [this]);
}

sealed class SiluOperation : UnaryOperation
{
    public override string Name => "silu";
    protected override UnaryDomain Domain => UnaryDomain.Real;
    protected override Scalar Value(Scalar x) => x * Scalar.Sigmoid(x);
    protected override Expr Gradient(GradContext g, Expr gradient)
    {
        var s = g.X.Apply("sigmoid");
        return gradient * (s * (1 + g.X * (1 - s)));
    }
}
