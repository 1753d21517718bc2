using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The larger of two numbers, elementwise with broadcasting; not a number if one of them is not.</summary>
    /// <remarks>Where both are equal, each gets half of the gradient, as in PyTorch.</remarks>
    [Operation("maximum")]
    public static Tensor Maximum(Tensor left, Tensor right) => Eager.Run("maximum", [left, right]);
}

sealed class MaximumOperation : BinaryOperation
{
    public override string Name => "maximum";
    protected override Scalar Value(Scalar a, Scalar b) => a.Type == DType.Bool ? Scalar.Or(a, b) : Scalar.Max(a, b);

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        Expr Share(Expr winner, Expr loser) => g.Where(
            g.Of(g.Builder.Equal(winner, loser)), g.OutputGradient * 0.5, g.Where(g.Of(g.Builder.Less(loser, winner)), g.OutputGradient, 0));
        return [g.For(0, () => Share(g.Input(0), g.Input(1))), g.For(1, () => Share(g.Input(1), g.Input(0)))];
    }
}
