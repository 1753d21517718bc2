using System.Collections.Generic;
using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The index of the largest element along an axis, the first of equal ones: integers (i64). Of real numbers, integers or bools; not a number counts as the largest.</summary>
    [Operation("argmax")]
    public Tensor ArgMax(int axis = -1, bool keep = false) => Eager.Run("argmax", [this], ("axis", axis), ("keep", keep));
}

sealed class ArgMaxOperation : Operation
{
    public override string Name => "argmax";
    public override OpKind Kind => OpKind.Library;
    public override LibraryTraits Library(Node node) => new() { Types = LibraryTraits.ComparedType };

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var axis = attributes.Axis(operands[0].Shape);
        var result = b.Emit(Name, operands, ("axis", axis));
        return [attributes.Bool("keep") ? b.Reshape(result, operands[0].Shape.With(axis, 1)) : result];
    }

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        return [new(DType.I64, context.Shape(0).Remove(context.Attributes.Axis(context.Shape(0))))];
    }

    public override IEnumerable<SizeRule> SizeRules(Node node)
    {
        var shape = node.Inputs[0].Shape;
        var axis = node.Attributes.Axis(shape);
        return [.. base.SizeRules(node), new(shape[axis], 1, $"ArgMax along axis {axis} of {shape} needs an element", Diagnostics.Bounds)];
    }

    public override void Evaluate(Evaluation e)
    {
        var x = e[0];
        var axis = e.Attributes.Axis(e.Node.Inputs[0].Shape);
        long inner = 1;
        for (var a = axis + 1; a < x.Rank; a++) inner *= x.Shape[a];
        var to = e.Create(0);
        for (long i = 0; i < to.Size; i++)
        {
            var start = i / inner * x.Shape[axis] * inner + i % inner;
            long best = 0;
            for (long k = 1; k < x.Shape[axis]; k++)
                if (Above(x, start + k * inner, start + best * inner)) best = k;
            to.Int[i] = best;
        }
    }

    // Not a number is above every number, as in PyTorch.
    static bool Above(TensorData x, long a, long b) => x.Real is { } real ? real[a] > real[b] || (double.IsNaN(real[a]) && !double.IsNaN(real[b])) : x.Int[a] > x.Int[b];

    public override ImmutableArray<Value?> Gradient(GradContext g) => [null];
    public override Dim Flops(Node node) => node.Inputs[0].Shape.Size;
}
