using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Exponential linear unit: x where it is positive, <c>alpha · (eˣ − 1)</c> elsewhere.</summary>
    /// <remarks>Clevert, Unterthiner and Hochreiter, ICLR 2016.</remarks>
    [Operation("elu")]
    public Tensor Elu(double alpha = 1) => Eager.Run("elu", [this], ("alpha", alpha));
}

sealed class EluOperation : UnaryOperation
{
    public override string Name => "elu";
    protected override UnaryDomain Domain => UnaryDomain.Real;
    protected override Scalar Value(Scalar x) => x;

    // The exponential sees no positive number, so it does not overflow where it is not used.
    protected override Scalar Value(Scalar x, AttributeMap attributes) =>
        Scalar.Select(Scalar.Less(Scalar.Of(0, x.Type), x), x, (Scalar.Exp(Scalar.Min(x, 0)) - 1) * attributes.Real("alpha", 1));

    protected override Expr Gradient(GradContext g, Expr gradient) => g.Where(g.X > 0, gradient, gradient * (g.Output + g.Attributes.Real("alpha", 1)));
}
