using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Product, elementwise with broadcasting; of two bools, whether both are true.</summary>
    [Operation("mul")]
    public static Tensor operator *(Tensor left, Tensor right) => Eager.Run("mul", [left, right]);
}

sealed class MulOperation : BinaryOperation
{
    public override string Name => "mul";
    public override bool Commutes => true;
    protected override Scalar Value(Scalar a, Scalar b) => a.Type == DType.Bool ? Scalar.And(a, b) : a * b;
    public override ImmutableArray<Value?> Gradient(GradContext g) => [g.For(0, () => g.OutputGradient * g.Input(1)), g.For(1, () => g.OutputGradient * g.Input(0))];
}
