using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The <paramref name="k"/> largest elements along an axis, the largest first, and where each of them stood (i64); or the smallest, the smallest first. Of equal ones the first come first; not a number counts as the largest.</summary>
    /// <param name="k">How many, from 0 to the axis's size.</param>
    /// <param name="axis">Along which axis.</param>
    /// <param name="largest">False for the smallest.</param>
    [Operation("topk")]
    public (Tensor Values, Tensor Indices) TopK(int k, int axis = -1, bool largest = true)
    {
        var results = Eager.RunAll("topk", [this], ("k", k), ("axis", axis), ("largest", largest));
        return (results[0], results[1]);
    }
}

/// <summary>The beginning of <c>sort</c>. Operand: x. Results: the elements, and their indices along <c>axis</c>.</summary>
sealed class TopKOperation : CompositeOperation
{
    public override string Name => "topk";
    public override TypePolicy Policy(Node node) => TypePolicy.Widest;

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) => base.Emit(
        b, operands, AttributeMap.Of(("k", attributes.Int("k")), ("axis", attributes.Axis(operands[0].Shape)), ("largest", attributes.Bool("largest", true))));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        var (shape, k) = (context.Shape(0), context.Attributes.Int("k"));
        var axis = context.Attributes.Axis(shape);
        if (k < 0) throw new ShapeException($"TopK needs a number of elements that is at least 0, but got {k}", Diagnostics.Number);
        return [context[0].With(shape.With(axis, k)), new(DType.I64, shape.With(axis, k))];
    }

    public override IEnumerable<SizeRule> SizeRules(Node node)
    {
        var (shape, k) = (node.Inputs[0].Shape, node.Attributes.Int("k"));
        var axis = node.Attributes.Axis(shape);
        return base.SizeRules(node).Append(new(shape[axis], k, $"TopK takes {k} elements along axis {axis} of {shape}", Diagnostics.Bounds));
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var (axis, k) = (attributes.Axis(x[0].Shape), attributes.Int("k"));
        var sorted = b.Node("sort", x, AttributeMap.Of(("axis", axis), ("descending", attributes.Bool("largest", true)))).Outputs;
        return [b.Slice(sorted[0], axis, 0, k), b.Slice(sorted[1], axis, 0, k)];
    }
}
