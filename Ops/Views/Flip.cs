using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The elements in reverse order along the given axes, without copying: from the last to the first.</summary>
    /// <param name="axes">Each at most once; negative ones count from the end.</param>
    [Operation("flip")]
    public Tensor Flip(params int[] axes) => Eager.Run("flip", [this], ("axes", axes));
}

/// <summary>The axes <c>axes</c>, ascending, from their last element to their first.</summary>
sealed class FlipOperation : ViewOperation
{
    public override string Name => "flip";

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var axes = attributes.Axes(operands[0].Shape);
        return axes.Length == 0 ? operands : base.Emit(b, operands, AttributeMap.Of(("axes", axes)));
    }

    protected override Shape Result(Shape shape, AttributeMap attributes)
    {
        attributes.Axes(shape);
        return shape;
    }

    public override ViewMap View(Node node)
    {
        var shape = node.Output.Shape;
        var axes = node.Attributes.Axes(shape);
        return new ViewMap.Strided(
            [.. shape.Select((size, axis) => axes.Contains(axis) ? size - 1 : Dim.Zero)], [.. shape.Select((_, axis) => axes.Contains(axis) ? new ViewAxis(axis, -1) : ViewAxis.Of(axis))]);
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) => [g.For(0, () => g.OutputGradient.Apply(Name, ("axes", g.Attributes.Axes(g.X.Shape))))];
}
