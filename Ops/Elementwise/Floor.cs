using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The largest integer not above x, elementwise; its gradient is 0.</summary>
    [Operation("floor")]
    public Tensor Floor() => Eager.Run("floor", [this]);
}

sealed class FloorOperation : StepOperation
{
    public override string Name => "floor";
    protected override Scalar Value(Scalar x) => Scalar.Floor(x);
}
