using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Inserts an axis of size 1 before axis <paramref name="axis"/>; −1 is after the last.</summary>
    [Operation("unsqueeze")]
    public Tensor Unsqueeze(int axis) => Eager.Run("unsqueeze", [this], ("axis", axis));
}

/// <summary>A <c>reshape</c>.</summary>
sealed class UnsqueezeOperation : LanguageOperation
{
    public override string Name => "unsqueeze";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes) => Insert(b, x[0], attributes.Int("axis"));

    public static Value Insert(Builder b, Value x, long axis)
    {
        // The new axis is counted in the result.
        var place = x.Shape.Insert(0, 1).Axis(axis);
        return b.Reshape(x, x.Shape.Insert(place, 1));
    }
}
