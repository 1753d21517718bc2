using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The nearest integer, halves to even, elementwise; its gradient is 0.</summary>
    [Operation("round")]
    public Tensor Round() => Eager.Run("round", [this]);
}

sealed class RoundOperation : StepOperation
{
    public override string Name => "round";
    protected override Scalar Value(Scalar x) => Scalar.Round(x);
}
