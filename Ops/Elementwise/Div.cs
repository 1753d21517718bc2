using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Quotient, elementwise with broadcasting; that of integers is real (f32), as in PyTorch: cast it to cut off the fraction.</summary>
    [Operation("div")]
    public static Tensor operator /(Tensor left, Tensor right) => Eager.Run("div", [left, right]);
}

sealed class DivOperation : BinaryOperation
{
    public override string Name => "div";
    protected override Scalar Value(Scalar a, Scalar b) => a.Type.IsFloat() ? a / b : Scalar.Cast(a, DType.F32) / Scalar.Cast(b, DType.F32);

    public override ImmutableArray<Value?> Gradient(GradContext g) => [g.For(0, () => g.OutputGradient / g.Input(1)), g.For(1, () => -(g.OutputGradient * g.Output / g.Input(1)))];
}
