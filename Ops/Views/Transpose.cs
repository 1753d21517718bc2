using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Two axes swapped.</summary>
    [Operation("transpose")]
    public Tensor Transpose(int first, int second) => Eager.Run("transpose", [this], ("first", first), ("second", second));

    /// <summary>The axes in another order: axis i of the result is axis <c>order[i]</c> of this tensor.</summary>
    [Operation("transpose")]
    public Tensor Permute(params int[] order) => Eager.Run("transpose", [this], ("order", order));

    /// <summary>The last two axes swapped: the transposed matrix.</summary>
    [Operation("transpose")]
    public Tensor T => Eager.Run("transpose", [this]);
}

sealed class TransposeOperation : ViewOperation
{
    public override string Name => "transpose";

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var shape = operands[0].Shape;
        int[] order = [.. Enumerable.Range(0, shape.Rank)];
        if (attributes.Has("order")) order = [.. shape.Axes([.. attributes.Ints("order").Select(a => (long)a)])];
        else
        {
            if (shape.Rank < 2 && !attributes.Has("first")) throw new ShapeException($"T needs at least two axes, but got {shape}", Diagnostics.Rank);
            var pair = shape.Axes([attributes.Int("first", -2), attributes.Int("second", -1)]);
            (order[pair[0]], order[pair[1]]) = (pair[1], pair[0]);
        }
        Check(shape, order);
        return [b.Transpose(operands[0], order)];
    }

    static void Check(Shape shape, int[] order)
    {
        if (!order.OrderBy(a => a).SequenceEqual(Enumerable.Range(0, shape.Rank)))
            throw new ShapeException($"Permute needs every axis of {shape} once, but got [{string.Join(", ", order)}]", Diagnostics.Axis);
    }

    protected override Shape Result(Shape shape, AttributeMap attributes)
    {
        int[] order = [.. attributes.Ints("order")];
        Check(shape, order);
        return new(order.Select(a => shape[a]));
    }

    public override ViewMap View(Node node) =>
        new ViewMap.Strided([.. node.Inputs[0].Shape.Select(_ => Dim.Zero)], [.. node.Attributes.Ints("order").Select(axis => ViewAxis.Of(axis))]);

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var order = g.Attributes.Ints("order");
        var inverse = new int[order.Length];
        for (var i = 0; i < order.Length; i++) inverse[order[i]] = i;
        return [g.For(0, () => g.Of(g.Builder.Transpose(g.OutputGradient, inverse)))];
    }
}
