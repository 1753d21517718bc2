using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Picks along an axis: result[i, j] = x[i, index[i, j]] for the last axis of a matrix.</summary>
    /// <param name="index">Integers, in the shape of x but for the axis.</param>
    /// <remarks>As torch.gather where the other axes agree; an index outside of the axis picks 0.</remarks>
    [Operation("gather")]
    public Tensor Gather(Tensor index, int axis = -1) => Eager.Run("gather", [this, index], ("axis", axis));
}

/// <summary>Operands: x, index. A masked sum, so it suits axes of moderate size; rows of a table are <c>embedding</c>'s.</summary>
sealed class GatherOperation : CompositeOperation
{
    public override string Name => "gather";

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, AttributeMap.Of(("axis", attributes.Axis(operands[0].Shape))));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 2);
        var (x, index) = (context.Shape(0), context.Shape(1));
        Rules.Index("Gather", "indices", context[1].DType);
        var axis = context.Attributes.Axis(x);
        if (index.Rank != x.Rank || index.With(axis, 0) != x.With(axis, 0))
            throw new ShapeException($"Gather along axis {axis} needs indices in the shape of {x} but for that axis, and got {index}", Diagnostics.Companion);
        return [context[0].With(index)];
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        // The picks stand on the axis before the one they pick from.
        var axis = attributes.Axis(x[0].Shape);
        var choices = b.Reshape(x[0], x[0].Shape.Insert(axis, 1));
        var picks = b.Reshape(x[1], x[1].Shape.Insert(axis + 1, 1));
        Shape line = new(Enumerable.Range(0, choices.Shape.Rank).Select(a => a == axis + 1 ? choices.Shape[a] : Dim.One));
        var hit = b.Equal(b.Iota(line, axis + 1, x[1].DType), picks);
        return [b.Cast(b.Sum(b.Where(hit, choices, b.ConstantLike(0, choices)), axis + 1, keep: false), x[0].DType)];
    }
}
