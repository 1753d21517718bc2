using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Running sums along an axis, each including its own element.</summary>
    [Operation("cumsum")]
    public Tensor CumSum(int axis = -1) => Eager.Run("cumsum", [this], ("axis", axis));
}

/// <summary>A product with a triangle of ones: n² work, but in parallel and in a fixed order.</summary>
sealed class CumSumOperation : CompositeOperation
{
    public override string Name => "cumsum";

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, AttributeMap.Of(("axis", attributes.Axis(operands[0].Shape))));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        context.Attributes.Axis(context.Shape(0));
        Rules.Real("CumSum", "x", context[0].DType);
        return [context[0]];
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var axis = attributes.Axis(x[0].Shape);
        var last = x[0].Shape.Rank - 1;
        int[] order = [.. Enumerable.Range(0, last + 1)];
        (order[axis], order[last]) = (order[last], order[axis]);
        var moved = b.Transpose(x[0], order);
        var n = moved.Shape[last];
        var triangle = b.Cast(b.LessEqual(b.Iota(Shape.Of(n, 1), 0, DType.I32), b.Iota(Shape.Of(1, n), 1, DType.I32)), x[0].DType);
        var rows = b.MatMul(MatMulOperation.Rows(b, moved), triangle);
        return [b.Transpose(b.Reshape(rows, moved.Shape), order)];
    }
}
