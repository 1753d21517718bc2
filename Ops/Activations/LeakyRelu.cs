using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>x where it is positive, <c>slope · x</c> elsewhere.</summary>
    /// <remarks>Maas et al., "Rectifier nonlinearities improve neural network acoustic models", 2013.</remarks>
    [Operation("leaky_relu")]
    public Tensor LeakyRelu(double slope = 0.01) => Eager.Run("leaky_relu", [this], ("slope", slope));
}

sealed class LeakyReluOperation : UnaryOperation
{
    public override string Name => "leaky_relu";
    protected override UnaryDomain Domain => UnaryDomain.Real;
    protected override Scalar Value(Scalar x) => x;
    protected override Scalar Value(Scalar x, AttributeMap attributes) => Scalar.Select(Scalar.Less(Scalar.Of(0, x.Type), x), x, x * attributes.Real("slope", 0.01));
    protected override Expr Gradient(GradContext g, Expr gradient) => g.Where(g.X > 0, gradient, gradient * g.Attributes.Real("slope", 0.01));
}
