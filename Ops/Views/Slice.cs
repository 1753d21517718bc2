using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>
    /// The elements from <paramref name="start"/> to <paramref name="end"/> (exclusive) along an axis, every <paramref name="step"/>-th; negative bounds count from the end.
    /// </summary>
    [Operation("slice")]
    public Tensor Slice(int axis, int start, int end = int.MaxValue, int step = 1) => Eager.Run("slice", [this], ("axis", axis), ("start", start), ("end", end), ("step", step));

    /// <summary>One element along an axis; the axis goes. Negative indices count from the end.</summary>
    [Operation("select")]
    public Tensor Select(int axis, int index) => Eager.Run("select", [this], ("axis", axis), ("index", index));
}

sealed class SliceOperation : ViewOperation
{
    public override string Name => "slice";

    // A bound of the language: counted from the end when negative, cut off at the end as in PyTorch.
    internal static Dim Bound(Dim bound, Dim size) =>
        !bound.TryConstant(out var b) ? bound
        : b < 0 ? size + b
        : b == int.MaxValue || (size.TryConstant(out var s) && b > s) ? size
        : bound;

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var x = operands[0];
        var axis = attributes.Axis(x.Shape);
        var size = x.Shape[axis];
        var (start, end) = (Bound(attributes.Dim("start"), size), attributes.Has("end") ? Bound(attributes.Dim("end"), size) : size);
        Check(x.Shape, axis, start, end);
        x = b.Slice(x, axis, start, end);
        var step = attributes.Int("step", 1);
        return step switch
        {
            1 => [x],
            > 1 => [Strided(b, x, axis, step)],
            _ => throw new ShapeException($"Slice needs a step of at least 1, but got {step}", Diagnostics.Bounds),
        };
    }

    // Every step-th element is the first of each group of step.
    static Value Strided(Builder b, Value x, int axis, long step)
    {
        if (!x.Shape[axis].TryConstant(out var size)) throw new ShapeException($"Slice with a step needs a number along the axis, but {x.Shape} has {x.Shape[axis]}", Diagnostics.Symbolic);
        var groups = (size + step - 1) / step;
        if (groups * step != size) x = b.Emit("pad", [x], ("axis", axis), ("before", Attributes.List(0)), ("after", Attributes.List(groups * step - size)));
        var grouped = b.Reshape(x, x.Shape.With(axis, groups).Insert(axis + 1, step));
        var first = b.Slice(grouped, axis + 1, 0, 1);
        return b.Reshape(first, first.Shape.Remove(axis + 1));
    }

    static void Check(Shape shape, int axis, Dim start, Dim end)
    {
        // Bounds with names are checked when they are bound.
        if ((start.TryConstant(out var s) && s < 0) || ((end - start).TryConstant(out var length) && length < 0) || ((shape[axis] - end).TryConstant(out var rest) && rest < 0))
            throw new ShapeException($"Slice from {start} to {end} lies outside of axis {axis} of {shape}", Diagnostics.Bounds);
    }

    public override IEnumerable<SizeRule> SizeRules(Node node)
    {
        var shape = node.Inputs[0].Shape;
        var axis = node.Attributes.Axis(shape);
        var (start, end) = (node.Attributes.Dim("start"), node.Attributes.Dim("end"));
        var what = $"Slice from {start} to {end} lies outside of axis {axis} of {shape}";
        yield return new(start, 0, what, Diagnostics.Bounds);
        yield return new(end - start, 0, what, Diagnostics.Bounds);
        yield return new(shape[axis] - end, 0, what, Diagnostics.Bounds);
    }

    protected override Shape Result(Shape shape, AttributeMap attributes)
    {
        var axis = attributes.Axis(shape);
        var (start, end) = (attributes.Dim("start"), attributes.Dim("end"));
        Check(shape, axis, start, end);
        return shape.With(axis, end - start);
    }

    public override ViewMap View(Node node)
    {
        var axis = node.Attributes.Axis(node.Inputs[0].Shape);
        return new ViewMap.Strided([.. node.Inputs[0].Shape.Select((_, a) => a == axis ? node.Attributes.Dim("start") : Dim.Zero)], [.. node.Inputs[0].Shape.Select((_, a) => ViewAxis.Of(a))]);
    }

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var axis = g.Attributes.Axis(g.X.Shape);
        return [g.For(0, () => g.Of(PadOperation.Pad(g.Builder, g.OutputGradient, axis, g.Attributes.Dim("start"), g.X.Shape[axis] - g.Attributes.Dim("end"))))];
    }
}

/// <summary>A <c>slice</c> of one, reshaped.</summary>
sealed class SelectOperation : LanguageOperation
{
    public override string Name => "select";

    public override string? PicksBy => "index";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var shape = x[0].Shape;
        var axis = attributes.Axis(shape);
        var index = attributes.Dim("index");
        if (index.TryConstant(out var i) && i < 0) index = shape[axis] + i;
        if ((shape[axis] - index - 1).TryConstant(out var after) && after < 0 || index.TryConstant(out i) && i < 0)
            throw new ShapeException($"Select of {index} lies outside of axis {axis} of {shape}", Diagnostics.Bounds);
        return b.Reshape(b.Slice(x[0], axis, index, index + 1), shape.Remove(axis));
    }
}
