using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>−1, 0 or 1 by the sign of x, elementwise; its gradient is 0.</summary>
    [Operation("sign")]
    public Tensor Sign() => Eager.Run("sign", [this]);
}

sealed class SignOperation : ElementwiseOperation
{
    public override string Name => "sign";
    public override int Arity => 1;

    public override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes)
    {
        // False and true are 0 and 1 already.
        if (x[0].Type == DType.Bool) return x[0];
        var (zero, one) = (Scalar.Of(0, x[0].Type), Scalar.Of(1, x[0].Type));
        return Scalar.Select(Scalar.Less(zero, x[0]), one, Scalar.Select(Scalar.Less(x[0], zero), -one, x[0]));
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) => [null];
}
