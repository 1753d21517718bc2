using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The tensor so many times along an axis, one copy after the other.</summary>
    [Operation("repeat")]
    public Tensor Repeat(int times, int axis = 0) => Eager.Run("repeat", [this], ("times", times), ("axis", axis));
}

/// <summary>An <c>expand</c> of a new axis, merged.</summary>
sealed class RepeatOperation : LanguageOperation
{
    public override string Name => "repeat";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var shape = x[0].Shape;
        var axis = attributes.Axis(shape, 0);
        var times = attributes.Dim("times");
        var copies = b.Expand(b.Reshape(x[0], shape.Insert(axis, 1)), shape.Insert(axis, times));
        return b.Reshape(copies, shape.With(axis, shape[axis] * times));
    }
}
