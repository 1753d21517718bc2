using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The same numbers, which no gradient flows through: what they were computed from is a constant to every loss and to <c>Tensor.Gradient</c>.</summary>
    /// <remarks>It costs nothing: the same memory, unless it is a result. In eager code, which has no gradients, it is the tensor itself.</remarks>
    [Operation("detach")]
    public Tensor Detach() => Eager.Run("detach", [this]);
}

/// <summary>Its operand, without a gradient. A composite, so that it stands until everything is differentiated and is gone before anything is lowered.</summary>
sealed class DetachOperation : CompositeOperation
{
    public override string Name => "detach";
    public override TypePolicy Policy(Node node) => TypePolicy.Widest;

    // Integers have no gradient to keep out, and an index that the caller checks is to be seen as what it is.
    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        operands[0].DType.IsFloat() ? base.Emit(b, operands, attributes) : [operands[0]];

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        return [context[0]];
    }

    public override Dim Flops(Node node) => Dim.Zero;

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes) => x;

    public override ImmutableArray<Value?> Gradient(GradContext g) => [null];
}
