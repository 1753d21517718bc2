using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Where x is false (or 0), elementwise: bools.</summary>
    [Operation("logical_not")]
    public static Tensor operator !(Tensor x) => Eager.Run("logical_not", [x]);
}

sealed class LogicalNotOperation : ElementwiseOperation
{
    public override string Name => "logical_not";
    public override int Arity => 1;
    public override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes) => Scalar.Not(Scalar.Cast(x[0], DType.Bool));
    public override ImmutableArray<Value?> Gradient(GradContext g) => [null];
}
