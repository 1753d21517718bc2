using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Difference, elementwise with broadcasting.</summary>
    [Operation("sub")]
    public static Tensor operator -(Tensor left, Tensor right) => Eager.Run("sub", [left, right]);
}

sealed class SubOperation : BinaryOperation
{
    public override string Name => "sub";

    protected override Scalar Value(Scalar a, Scalar b)
    {
        Rules.Number("Subtraction", "one operand", a.Type);
        return a - b;
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) => [g.For(0, () => g.OutputGradient), g.For(1, () => -g.OutputGradient)];
}
