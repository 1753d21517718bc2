using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Sigmoid linear unit with straight lines for its sigmoid: 0 below −3, x above 3, <c>x · (x + 3) / 6</c> between, elementwise.</summary>
    /// <remarks>Howard et al., "Searching for MobileNetV3", 2019. The gradient at −3 and 3 is that of the middle, as in PyTorch.</remarks>
    [Operation("hard_swish")]
    public Tensor HardSwish() => Eager.Run("hard_swish", [this]);
}

sealed class HardSwishOperation : UnaryOperation
{
    public override string Name => "hard_swish";
    protected override UnaryDomain Domain => UnaryDomain.Real;
    protected override Scalar Value(Scalar x) => x * Scalar.Min(Scalar.Max(x + 3, 0), 6) / 6;
    protected override Expr Gradient(GradContext g, Expr gradient) => g.Where(g.X < -3, g.Number(0), g.Where(g.X > 3, gradient, gradient * (g.X / 3 + 0.5)));
}
