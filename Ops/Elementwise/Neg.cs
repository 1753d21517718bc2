using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The negative, elementwise.</summary>
    [Operation("neg")]
    public static Tensor operator -(Tensor x) => Eager.Run("neg", [x]);
}

sealed class NegOperation : UnaryOperation
{
    public override string Name => "neg";
    protected override UnaryDomain Domain => UnaryDomain.Number;
    protected override Scalar Value(Scalar x) => -x;
    protected override Expr Gradient(GradContext g, Expr gradient) => -gradient;
}
