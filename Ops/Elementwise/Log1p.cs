using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary><c>log(1 + x)</c> to full precision near 0, elementwise.</summary>
    /// <remarks>Kahan's correction: log(u) · x / (u − 1) with u = 1 + x.</remarks>
    [Operation("log1p")]
    public Tensor Log1p() => Eager.Run("log1p", [this]);
}

sealed class Log1pOperation : UnaryOperation
{
    public override string Name => "log1p";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;
    protected override Scalar Value(Scalar x) => Kahan(x, 1 + x);

    // Dividing by what u really is takes back the rounding of 1 + x.
    static Scalar Kahan(Scalar x, Scalar u) => Scalar.Select(Scalar.Equal(u, Scalar.Of(1, x.Type)), x, Scalar.Log(u) * x / (u - 1));

    protected override Expr Gradient(GradContext g, Expr gradient) => gradient / (1 + g.X);
}
