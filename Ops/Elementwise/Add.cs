using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Sum, elementwise with broadcasting; of two bools, whether one is true.</summary>
    [Operation("add")]
    public static Tensor operator +(Tensor left, Tensor right) => Eager.Run("add", [left, right]);
}

sealed class AddOperation : BinaryOperation
{
    public override string Name => "add";
    public override bool Commutes => true;
    protected override Scalar Value(Scalar a, Scalar b) => a.Type == DType.Bool ? Scalar.Or(a, b) : a + b;
    public override ImmutableArray<Value?> Gradient(GradContext g) => [g.For(0, () => g.OutputGradient), g.For(1, () => g.OutputGradient)];
}
