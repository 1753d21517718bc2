using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Merges the axes from <paramref name="start"/> to <paramref name="end"/> (inclusive) into one.</summary>
    [Operation("flatten")]
    public Tensor Flatten(int start = 0, int end = -1) => Eager.Run("flatten", [this], ("start", start), ("end", end));
}

/// <summary>A <c>reshape</c>.</summary>
sealed class FlattenOperation : LanguageOperation
{
    public override string Name => "flatten";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var shape = x[0].Shape;
        if (shape.Rank == 0) return b.Reshape(x[0], Shape.Of(1));
        var axes = shape.Axes([attributes.Int("start"), attributes.Int("end", -1)]);
        var (start, end) = (axes[0], axes[1]);
        if (end < start) throw new ShapeException($"Flatten goes from a lower axis to a higher one, but got {start} to {end} for {shape}", Diagnostics.Axis);
        var merged = shape.Dims.Skip(start).Take(end - start + 1).Aggregate(Dim.One, (product, d) => product * d);
        return b.Reshape(x[0], new([.. shape.Dims.Take(start), merged, .. shape.Dims.Skip(end + 1)]));
    }
}
