using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Removes an axis of size 1.</summary>
    [Operation("squeeze")]
    public Tensor Squeeze(int axis) => Eager.Run("squeeze", [this], ("axis", axis));

    /// <summary>Removes every axis of size 1.</summary>
    [Operation("squeeze")]
    public Tensor Squeeze() => Eager.Run("squeeze", [this]);
}

/// <summary>A <c>reshape</c>.</summary>
sealed class SqueezeOperation : LanguageOperation
{
    public override string Name => "squeeze";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var shape = x[0].Shape;
        if (!attributes.Has("axis")) return b.Reshape(x[0], new(shape.Where(d => !d.Is(1))));
        var axis = attributes.Axis(shape);
        return shape[axis].Is(1) ? b.Reshape(x[0], shape.Remove(axis)) : throw new ShapeException($"Squeeze removes an axis of size 1, but axis {axis} of {shape} is {shape[axis]}", Diagnostics.Axis);
    }
}
