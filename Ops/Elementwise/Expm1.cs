using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary><c>eˣ − 1</c> to full precision near 0, elementwise.</summary>
    /// <remarks>Kahan's correction: (u − 1) · x / log(u) with u = eˣ.</remarks>
    [Operation("expm1")]
    public Tensor Expm1() => Eager.Run("expm1", [this]);
}

sealed class Expm1Operation : UnaryOperation
{
    public override string Name => "expm1";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;
    protected override Scalar Value(Scalar x) => Kahan(x, Scalar.Exp(x));

    // Far from 0 nothing cancels, and the correction would divide infinities.
    static Scalar Kahan(Scalar x, Scalar u) => Scalar.Select(
        Scalar.Equal(u, Scalar.Of(1, x.Type)), x,
        Scalar.Select(Scalar.Less(Scalar.Of(1, x.Type), Scalar.Abs(x)), u - 1, (u - 1) * x / Scalar.Log(u)));

    protected override Expr Gradient(GradContext g, Expr gradient) => gradient * (g.Output + 1);
}
