using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;
using Graph.Operations.Reference;

namespace Graph;

public sealed partial class State
{
    /// <summary>
    /// Gives a part of it new values, which later reads see: the elements from <paramref name="at"/> on along an axis, as many as <paramref name="value"/> has there. A cache takes its next token so: compiled, only
    /// the part is written, however long the state is.
    /// </summary>
    /// <param name="value">The new values: of the state's shape, but shorter along the axis.</param>
    /// <param name="at">
    /// A number (i32 or i64): the first place that is written. A call throws <see cref="ArgumentOutOfRangeException"/>, and has changed nothing, for one from which <paramref name="value"/> does not fit: before anything runs
    /// when it is an argument of the model, else when the launch that looks at it meets it.
    /// </param>
    /// <param name="axis">The axis.</param>
    /// <inheritdoc cref="Assign" path="/remarks"/>
    public void AssignAt(Tensor value, Tensor at, int axis = 0) => Assign(Eager.Run("placed", [this, value, at], ("axis", axis)));
}

/// <summary>
/// A tensor with a part of it replaced. Operands: the whole, the part, and where it begins along <c>axis</c> (an integer, which a <c>check_index</c> has seen to lie inside). Where the result lies in the whole's own memory,
/// the kernel writes the part alone.
/// </summary>
sealed class PlacedOperation : Operation
{
    public override string Name => "placed";
    public override OpKind Kind => OpKind.Library;
    public override LibraryTraits Library(Node node) => new() { Types = LibraryTraits.AnyType, Strided = [1], InPlace = [new(0, 0)] };

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var (whole, part, at) = (operands[0], operands[1], operands[2]);
        Rules.Index("AssignAt", "the place", at.DType);
        if (!at.Shape.Size.Is(1)) throw new ShapeException($"AssignAt begins at one place, but got {at.Shape}", Diagnostics.Companion);
        var axis = attributes.Axis(whole.Shape);
        CheckPart(whole.Shape, part.Shape, axis);
        var place = CheckIndexOperation.Of(b, at, whole.Shape[axis] - part.Shape[axis] + 1, null, "AssignAt's place");
        return base.Emit(b, [whole, b.Cast(part, whole.DType), b.Reshape(place, Shape.Scalar)], AttributeMap.Of(("axis", axis)));
    }

    static void CheckPart(Shape whole, Shape part, int axis)
    {
        if (part.Rank != whole.Rank || part.With(axis, 0) != whole.With(axis, 0))
            throw new ShapeException($"AssignAt needs values of the state's shape {whole} but along axis {axis}, but got {part}", Diagnostics.Companion);
        if ((whole[axis] - part[axis]).TryConstant(out var rest) && rest < 0)
            throw new ShapeException($"AssignAt writes {part[axis]} places along axis {axis}, but the state {whole} has {whole[axis]}", Diagnostics.Bounds);
    }

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 3);
        if (context[1].DType != context[0].DType) throw new ShapeException($"{Name} puts elements of one type side by side, but got {context[0]} and {context[1]}", Diagnostics.Type);
        Rules.Index(Name, "the place", context[2].DType);
        if (context.Shape(2).Rank != 0) throw new ShapeException($"{Name} begins at one place, but got {context.Shape(2)}", Diagnostics.Companion);
        CheckPart(context.Shape(0), context.Shape(1), context.Attributes.Axis(context.Shape(0)));
        return [context[0]];
    }

    public override IEnumerable<SizeRule> SizeRules(Node node)
    {
        var (whole, part) = (node.Inputs[0].Shape, node.Inputs[1].Shape);
        var axis = node.Attributes.Axis(whole);
        yield return new(whole[axis] - part[axis], 0, $"AssignAt writes {part[axis]} places along axis {axis}, but the state {whole} has {whole[axis]}", Diagnostics.Bounds);
    }

    public override int? Replaces(Node node) => 0;

    public override string? Undefined(Node node) => null;

    public override ImmutableArray<Value> Define(Builder b, Node node)
    {
        var (whole, part) = (node.Inputs[0], node.Inputs[1]);
        var axis = node.Attributes.Axis(whole.Shape);
        var place = b.Iota(Comparing.Ones(whole.Shape.Rank).With(axis, whole.Shape[axis]), axis);
        var along = b.Sub(place, b.Cast(node.Inputs[2], DType.I64));
        var isInside = b.Emit("logical_and", [b.LessEqual(b.ConstantLike(0, along), along), b.Less(along, b.Size(part.Shape[axis], DType.I64))]);
        return [b.Where(isInside, Comparing.Picked(b, part, along, axis), whole)];
    }

    public override void Evaluate(Evaluation e)
    {
        var (whole, part, to) = (e[0], e[1], e.Create(0));
        var axis = e.Attributes.Axis(e.Node.Output.Shape);
        var at = e[2].Int[0];
        if (at < 0 || at > whole.Shape[axis] - part.Shape[axis]) throw new ArgumentOutOfRangeException(null, $"AssignAt's place {at} lies outside of 0 to {whole.Shape[axis] - part.Shape[axis]}.");
        var strides = to.Strides();
        Strided.Copy(whole, 0, strides, to, 0, strides, whole.Shape);
        Strided.Copy(part, 0, part.Strides(), to, at * strides[axis], strides, part.Shape);
    }

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var (b, axis, part, at) = (g.Builder, g.Attributes.Axis(g.X.Shape), g.Input(1), g.Input(2));
        return
        [
            g.For(0, () => g.Of(b.Node("placed", [g.OutputGradient, b.Zeros(g.Node.Inputs[1].Type), at], g.Attributes).Output)),
            g.For(1, () =>
            {
                var along = new Shape(part.Shape.Select((d, i) => i == axis ? d : Dim.One));
                var from = b.Add(b.Iota(along, axis), b.Cast(at, DType.I64));
                return g.Of(b.Emit("gather", [g.OutputGradient, b.Expand(from, part.Shape)], ("axis", axis)));
            }),
            null,
        ];
    }

    public override Dim Flops(Node node) => Dim.Zero;
}
