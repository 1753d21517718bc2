using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Natural logarithm, elementwise.</summary>
    /// <remarks>Minus infinity at 0, not a number below.</remarks>
    [Operation("log")]
    public Tensor Log() => Eager.Run("log", [this]);
}

sealed class LogOperation : UnaryOperation
{
    public override string Name => "log";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;
    protected override Scalar Value(Scalar x) => Scalar.Log(x);
    protected override Expr Gradient(GradContext g, Expr gradient) => gradient / g.X;
}
