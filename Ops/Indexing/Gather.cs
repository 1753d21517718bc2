using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Picks along an axis: result[i, j] = x[i, index[i, j]] for the last axis of a matrix.</summary>
    /// <param name="index">
    /// Integers from 0 to the axis's size − 1, in the shape of x but for the axis. A call throws <see cref="ArgumentOutOfRangeException"/> for others: before anything runs when they are
    /// an argument of the model, else when the launch that picks meets them. Nothing outside of x is ever read.
    /// </param>
    /// <remarks>As torch.gather where the other axes agree.</remarks>
    [Operation("gather")]
    public Tensor Gather(Tensor index, int axis = -1) => Eager.Run("gather", [this, index], ("axis", axis));
}

/// <summary>Operands: x [outer, extent, inner], index [outer, picks, inner].</summary>
sealed class GatherOperation : Operation
{
    public override string Name => "gather";
    public override OpKind Kind => OpKind.Library;
    public override LibraryTraits Library(Node node) => new() { Types = LibraryTraits.AnyType, Strided = [0, 1] };

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

    public override IEnumerable<IndexRule> IndexRules(Node node) => [new(1, node.Inputs[0].Shape[node.Attributes.Axis(node.Inputs[0].Shape)], null, "Gather's index")];

    public override string? Undefined(Node node) => null;

    public override ImmutableArray<Value> Define(Builder b, Node node) => [Comparing.Picked(b, node.Inputs[0], Comparing.Checked(b, node, 1), node.Attributes.Axis(node.Inputs[0].Shape))];

    public override void Evaluate(Evaluation e)
    {
        var (x, index, to) = (e[0], e[1], e.Create(0));
        Visit(index, e.Attributes.Axis(e.Node.Inputs[0].Shape), x, (pick, place) =>
        {
            if (to.Real is { } real) real[pick] = x.Real[place];
            else to.Int[pick] = x.Int[place];
        });
    }

    /// <summary>Calls back with the number of every pick and the place in <paramref name="x"/> that it picks.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside of the axis.</exception>
    internal static void Visit(TensorData index, int axis, TensorData x, Action<long, long> visit)
    {
        long inner = 1;
        for (var a = axis + 1; a < x.Rank; a++) inner *= x.Shape[a];
        var (extent, picks) = (x.Shape[axis], index.Shape[axis]);
        for (long i = 0; i < index.Size; i++)
        {
            var at = index.Int[i];
            if (at < 0 || at >= extent) throw new ArgumentOutOfRangeException(null, $"Gather's index {at} lies outside of the {extent} elements of axis {axis}.");
            visit(i, (i / (inner * picks) * extent + at) * inner + i % inner);
        }
    }

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var axis = g.Attributes.Axis(g.X.Shape);
        return [g.For(0, () => g.Of(g.Builder.Emit("gather_grad", [g.OutputGradient, g.Input(1)], ("axis", axis), ("size", Attributes.List(g.X.Shape[axis]))))), null];
    }

    public override Dim Flops(Node node) => Dim.Zero;
}
