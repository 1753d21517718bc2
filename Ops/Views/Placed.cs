using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public sealed partial class State
{
    /// <summary>Gives a part of it new values, which later reads see: the elements from <paramref name="at"/> on along an axis, as many as <paramref name="value"/> has there. A cache takes its next token so.</summary>
    /// <param name="value">The new values: of the state's shape, but shorter along the axis.</param>
    /// <param name="at">A number (i32 or i64): the first place that is written. What would lie outside of the axis is left out.</param>
    /// <param name="axis">The axis.</param>
    /// <inheritdoc cref="Assign" path="/remarks"/>
    public void AssignAt(Tensor value, Tensor at, int axis = 0) => Assign(Eager.Run("placed", [this, value, at], ("axis", axis)));
}

/// <summary>A tensor with a part of it replaced. Operands: the whole, the part, and where it begins along <c>axis</c> (an integer).</summary>
sealed class PlacedOperation : LanguageOperation
{
    public override string Name => "placed";

    // The place is an integer, whatever the numbers are that are put there.
    public override bool AdoptsNumbers => false;

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var (whole, part) = (x[0], x[1]);
        Rules.Index("AssignAt", "the place", x[2].DType);
        if (!x[2].Shape.Size.Is(1)) throw new ShapeException($"AssignAt begins at one place, but got {x[2].Shape}", Diagnostics.Companion);
        var axis = whole.Shape.Axis(attributes.Int("axis"));
        if (part.Shape.Rank != whole.Shape.Rank || Enumerable.Range(0, whole.Shape.Rank).Any(i => i != axis && part.Shape[i] != whole.Shape[i]))
            throw new ShapeException($"AssignAt needs values of the state's shape {whole.Shape} but along axis {axis}, but got {part.Shape}", Diagnostics.Companion);
        var length = part.Shape[axis];
        if (length.IsConstant && whole.Shape[axis].IsConstant && length.Constant > whole.Shape[axis].Constant)
            throw new ShapeException($"AssignAt writes {length} places along axis {axis}, but the state {whole.Shape} has {whole.Shape[axis]}", Diagnostics.Bounds);
        part = b.Cast(part, whole.DType);
        var along = new Shape(whole.Shape.Select((d, i) => i == axis ? d : Dim.One));
        var place = b.Sub(b.Iota(along, axis), b.Reshape(b.Cast(x[2], DType.I64), Shape.Scalar));
        var inside = b.Emit("logical_and", [b.LessEqual(b.Constant(0, DType.I64), place), b.Less(place, b.Size(length, DType.I64))]);
        if (!length.Is(1))
        {
            var source = b.Maximum(b.Minimum(place, b.Size(length - 1, DType.I64)), b.Constant(0, DType.I64));
            part = b.Emit("gather", [part, b.Expand(source, whole.Shape)], ("axis", axis));
        }
        return b.Where(inside, part, whole);
    }
}
