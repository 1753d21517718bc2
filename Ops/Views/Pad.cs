using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;
using Graph.Operations.Reference;

namespace Graph;

public partial class Tensor
{
    /// <summary>Adds elements of <paramref name="value"/> before and after each axis.</summary>
    /// <param name="before">How many before, one number an axis.</param>
    /// <param name="after">How many after, one number an axis.</param>
    [Operation("pad")]
    public Tensor Pad(int[] before, int[] after, double value = 0) => Eager.Run("pad", [this], ("before", before), ("after", after), ("value", value));
}

/// <summary>Zeros before and after one axis.</summary>
sealed class PadOperation : Operation
{
    public override string Name => "pad";
    public override OpKind Kind => OpKind.Library;

    public static Value Pad(Builder b, Value x, int axis, Dim before, Dim after) =>
        before.Is(0) && after.Is(0) ? x : b.Emit("pad", [x], ("axis", axis), ("before", Attributes.List(before)), ("after", Attributes.List(after)));

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        if (attributes.Has("axis")) return base.Emit(b, operands, attributes);
        var x = operands[0];
        var (before, after) = (attributes.Dims("before"), attributes.Dims("after"));
        if (before.Length != x.Shape.Rank || after.Length != x.Shape.Rank)
            throw new ShapeException($"Pad needs a number before and after each axis of {x.Shape}, but got {before.Length} and {after.Length}", Diagnostics.Rank);
        // Padding with another number is padding the difference with zeros.
        var value = attributes.Real("value");
        Rules.Holds("Pad", value, x.DType);
        var isMask = x.DType == DType.Bool && value != 0;
        if (isMask) (x, value) = (b.Emit("logical_not", [x]), 0);
        if (value != 0) x = b.Sub(x, b.ConstantLike(value, x));
        for (var axis = 0; axis < before.Length; axis++) x = Pad(b, x, axis, before[axis], after[axis]);
        return [isMask ? b.Emit("logical_not", [x]) : value != 0 ? b.Add(x, b.ConstantLike(value, x)) : x];
    }

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        var shape = context.Shape(0);
        var axis = context.Attributes.Axis(shape);
        var (before, after) = (context.Attributes.Dim("before"), context.Attributes.Dim("after"));
        if ((before.TryConstant(out var b) && b < 0) || (after.TryConstant(out var a) && a < 0))
            throw new ShapeException($"Pad of {shape} by {before} and {after} needs numbers of at least 0", Diagnostics.Bounds);
        return [context[0].With(shape.With(axis, before + shape[axis] + after))];
    }

    public override IEnumerable<SizeRule> SizeRules(Node node)
    {
        foreach (var name in new[] { "before", "after" })
        {
            var count = node.Attributes.Dim(name);
            yield return new(count, 0, $"Pad {name} {node.Inputs[0].Shape} adds {count} elements, but at least 0 are needed", Diagnostics.Bounds);
        }
    }

    public override void Evaluate(Evaluation e)
    {
        var to = e.Create(0);
        var strides = to.Strides();
        var axis = e.Attributes.Axis(e.Node.Output.Shape);
        Strided.Copy(e[0], 0, e[0].Strides(), to, e.Attributes.Dim("before").Evaluate(e.Binding) * strides[axis], strides, e[0].Shape);
    }

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var axis = g.Attributes.Axis(g.X.Shape);
        var before = g.Attributes.Dim("before");
        return [g.For(0, () => g.Of(g.Builder.Slice(g.OutputGradient, axis, before, before + g.X.Shape[axis])))];
    }
}
