using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Parts of <paramref name="size"/> along an axis; the last may be smaller.</summary>
    [Operation("split")]
    public Tensor[] Split(int size, int axis = 0) => Eager.RunAll("split", [this], ("size", size), ("axis", axis));

    /// <summary>Parts of the given sizes along an axis.</summary>
    [Operation("split")]
    public Tensor[] Split(int[] sizes, int axis = 0) => Eager.RunAll("split", [this], ("sizes", sizes), ("axis", axis));

    /// <summary>So many equal parts along an axis; where it does not divide, the last is smaller.</summary>
    [Operation("split")]
    public Tensor[] Chunk(int chunks, int axis = 0) => Eager.RunAll("split", [this], ("chunks", chunks), ("axis", axis));
}

/// <summary>Slices of the given <c>sizes</c> along <c>axis</c>, one result each; their gradients are joined in one step.</summary>
sealed class SplitOperation : CompositeOperation
{
    public override string Name => "split";
    public override TypePolicy Policy(Node node) => TypePolicy.Widest;
    public override bool ReturnsArray => true;

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var shape = operands[0].Shape;
        var axis = attributes.Axis(shape, 0);
        var sizes = attributes.Has("sizes") ? attributes.Dims("sizes") : Sizes(shape, axis, attributes);
        return base.Emit(b, operands, AttributeMap.Of(("axis", axis), ("sizes", sizes)));
    }

    static ImmutableArray<Dim> Sizes(Shape shape, int axis, AttributeMap attributes)
    {
        var total = shape[axis];
        if (attributes.Has("chunks"))
        {
            var chunks = attributes.Int("chunks");
            if (chunks > 0 && Dim.TryDivide(total, chunks, out var part)) return [.. Enumerable.Repeat(part, (int)chunks)];
            return chunks > 0 && total.TryConstant(out var n) ? Parts(n, (n + chunks - 1) / chunks)
                : throw new ShapeException($"Chunk cannot cut axis {axis} of {shape} into {chunks} parts", Diagnostics.Bounds);
        }
        var size = attributes.Dim("size");
        if (total.TryConstant(out var whole) && size.TryConstant(out var s) && s > 0) return Parts(whole, s);
        return Dim.TryDivide(total, size, out var count) && count.TryConstant(out var c) && c > 0 ? [.. Enumerable.Repeat(size, (int)c)]
            : throw new ShapeException($"Split cannot cut axis {axis} of {shape} into parts of {size}", Diagnostics.Bounds);
    }

    static ImmutableArray<Dim> Parts(long total, long size)
    {
        var parts = ImmutableArray.CreateBuilder<Dim>();
        for (long start = 0; start < total; start += size) parts.Add(System.Math.Min(size, total - start));
        return parts.ToImmutable();
    }

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        var shape = context.Shape(0);
        var axis = context.Attributes.Axis(shape);
        var sizes = context.Attributes.Dims("sizes");
        if (sizes.Aggregate(Dim.Zero, (sum, s) => sum + s) != shape[axis])
            throw new ShapeException($"Split needs sizes that add up to axis {axis} of {shape}, but got [{string.Join(", ", sizes)}]", Diagnostics.Bounds);
        return [.. sizes.Select(s => context[0].With(shape.With(axis, s)))];
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var axis = attributes.Axis(x[0].Shape);
        var start = Dim.Zero;
        var parts = ImmutableArray.CreateBuilder<Value>();
        foreach (var size in attributes.Dims("sizes"))
        {
            parts.Add(b.Slice(x[0], axis, start, start + size));
            start += size;
        }
        return parts.ToImmutable();
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) =>
        [g.For(0, () => g.Of(g.Builder.Emit("concat", [.. g.Node.Outputs.Select((_, i) => g.Gradient(i).Value)], ("axis", g.Attributes.Axis(g.X.Shape)))))];
}
