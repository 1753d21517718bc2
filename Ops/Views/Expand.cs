using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Repeats axes of size 1 to <paramref name="shape"/>, aligned at the last axis, without copying; −1 keeps a size.</summary>
    [Operation("expand")]
    public Tensor Expand(params int[] shape) => Eager.Run("expand", [this], ("shape", shape));
}

sealed class ExpandOperation : ViewOperation
{
    public override string Name => "expand";

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var dims = attributes.Dims("shape");
        var shape = operands[0].Shape;
        var extra = dims.Length - shape.Rank;
        return [b.Expand(operands[0], new(dims.Select((d, i) => !d.Is(-1) ? d : i >= extra ? shape[i - extra] : throw new ShapeException($"Expand of {shape} cannot keep axis {i} of {new Shape(dims)}", Diagnostics.Expand))))];
    }

    protected override Shape Result(Shape shape, AttributeMap attributes)
    {
        var result = new Shape(attributes.Dims("shape"));
        var extra = result.Rank - shape.Rank;
        if (extra < 0) throw new ShapeException($"Expand of {shape} to {result} would drop axes", Diagnostics.Expand);
        for (var i = 0; i < shape.Rank; i++)
            if (!shape[i].Is(1) && shape[i] != result[i + extra])
                throw new ShapeException($"Expand repeats axes of size 1, but {shape} to {result} changes {shape[i]} to {result[i + extra]}", Diagnostics.Expand);
        return result;
    }

    public override ViewMap View(Node node)
    {
        var (from, to) = (node.Inputs[0].Shape, node.Output.Shape);
        var extra = to.Rank - from.Rank;
        return new ViewMap.Strided([.. from.Select(_ => Dim.Zero)], [.. to.Select((size, axis) => axis < extra || from[axis - extra] != size ? ViewAxis.Repeated : ViewAxis.Of(axis - extra))]);
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) => [g.For(0, () => g.OutputGradient)];
}
