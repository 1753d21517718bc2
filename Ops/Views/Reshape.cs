using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The same elements in the same order under another shape; one size may be −1 and follows from the others.</summary>
    [Operation("reshape")]
    public Tensor Reshape(params int[] shape) => Eager.Run("reshape", [this], ("shape", shape));
}

sealed class ReshapeOperation : ViewOperation
{
    public override string Name => "reshape";

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var dims = attributes.Dims("shape");
        var unknown = dims.Select((d, i) => (d, i)).Where(p => p.d.Is(-1)).Select(p => p.i).ToArray();
        if (unknown.Length > 1) throw new ShapeException($"Reshape takes one size of -1, but got {new Shape(dims)}", Diagnostics.Reshape);
        if (unknown.Length == 1)
        {
            var known = dims.RemoveAt(unknown[0]).Aggregate(Dim.One, (product, d) => product * d);
            var size = operands[0].Shape.Size;
            if (!Dim.TryDivide(size, known, out var rest))
                throw new ShapeException($"Reshape of {operands[0].Shape} to {new Shape(dims)} has no size for -1: {size} elements do not divide into {known}", Diagnostics.Reshape);
            dims = dims.SetItem(unknown[0], rest);
        }
        return [b.Reshape(operands[0], new(dims))];
    }

    protected override Shape Result(Shape shape, AttributeMap attributes)
    {
        var result = new Shape(attributes.Dims("shape"));
        return result.Size == shape.Size ? result
            : throw new ShapeException($"Reshape keeps the number of elements, but {shape} has {shape.Size} and {result} has {result.Size}", Diagnostics.Reshape);
    }

    public override ViewMap View(Node node) => ViewMap.Regrouped.Instance;

    public override ImmutableArray<Value?> Gradient(GradContext g) => [g.For(0, () => g.OutputGradient.Reshape(g.X.Shape))];
}
