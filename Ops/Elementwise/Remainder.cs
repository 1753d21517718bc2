using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Remainder <c>left − right · ⌊left / right⌋</c>, elementwise with broadcasting: it has the sign of <paramref name="right"/>, as torch.remainder and Python's %.</summary>
    /// <remarks>
    /// C#'s own % on numbers, as on sizes and hyper-parameters, has the sign of the left operand. Of integers it is an integer, and a call throws <see cref="System.DivideByZeroException"/>
    /// where <paramref name="right"/> is 0; of real numbers it is not a number there. The gradient passes to <paramref name="left"/>; that of <paramref name="right"/> is −⌊left / right⌋.
    /// </remarks>
    [Operation("remainder")]
    public static Tensor operator %(Tensor left, Tensor right) => Eager.Run("remainder", [left, right]);
}

sealed class RemainderOperation : BinaryOperation
{
    public override string Name => "remainder";

    protected override Scalar Value(Scalar a, Scalar b)
    {
        Rules.Number("%", "the operands", a.Type);
        return Scalar.Remainder(a, b);
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) =>
        [g.For(0, () => g.OutputGradient), g.For(1, () => -(g.OutputGradient * (g.Input(0) / g.Input(1)).Apply("floor")))];
}
