using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Squared error <c>(x − target)²</c>, by default its mean: a scalar.</summary>
    /// <param name="target">Shape of x.</param>
    [Operation("mse_loss")]
    public Tensor MseLoss(Tensor target, Reduction reduction = Reduction.Mean) => Eager.Run("mse_loss", [this, target], ("reduction", reduction));
}

sealed class MseLossOperation : CompositeOperation
{
    public override string Name => "mse_loss";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;
    public override bool AdoptsNumbers => true;

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, AttributeMap.Of(("reduction", attributes.Reduction())));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 2);
        Rules.Same("MseLoss", "a target", context.Shape(1), context.Shape(0));
        Rules.Real("MseLoss", "x and the target", DTypes.Promote(context[0].DType, context[1].DType));
        return [new(DTypes.Promote(context[0].DType, context[1].DType), context.Attributes.Reduction() == "none" ? context.Shape(0) : Shape.Scalar)];
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var error = b.Sub(x[0], x[1]);
        var squares = b.Mul(error, error);
        int[] axes = [.. Enumerable.Range(0, squares.Shape.Rank)];
        return [attributes.Reduction() switch { "none" => squares, "sum" => b.Sum(squares, axes, keep: false), _ => MeanOperation.Of(b, squares, axes, keep: false) }];
    }
}
