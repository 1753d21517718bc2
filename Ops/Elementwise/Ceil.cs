using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The smallest integer not below x, elementwise; its gradient is 0.</summary>
    [Operation("ceil")]
    public Tensor Ceil() => Eager.Run("ceil", [this]);
}

sealed class CeilOperation : StepOperation
{
    public override string Name => "ceil";
    protected override Scalar Value(Scalar x) => Scalar.Ceil(x);
}
