using System;
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
    /// <param name="value">What is written there, as it is: infinities and NaN too. A tensor of integers or bools takes what it can hold.</param>
    [Operation("pad")]
    public Tensor Pad(int[] before, int[] after, double value = 0) => Eager.Run("pad", [this], ("before", before), ("after", after), ("value", value));
}

/// <summary>Elements of one number, <c>value</c> (0 when absent), before and after one axis. The elements of x are copied.</summary>
sealed class PadOperation : Operation
{
    public override string Name => "pad";
    public override OpKind Kind => OpKind.Library;
    public override LibraryTraits Library(Node node) => new() { Types = LibraryTraits.AnyType, Strided = [0] };

    /// <summary>Pads one axis.</summary>
    public static Value Pad(Builder b, Value x, int axis, Dim before, Dim after, double value = 0)
    {
        if (before.Is(0) && after.Is(0)) return x;
        var attributes = AttributeMap.Of(("axis", axis), ("before", Attributes.List(before)), ("after", Attributes.List(after)));
        // All bits of +0 are 0; -0 is a number of its own.
        return b.Node("pad", [x], BitConverter.DoubleToInt64Bits(value) == 0 ? attributes : attributes.With("value", value)).Output;
    }

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        if (attributes.Has("axis")) return base.Emit(b, operands, attributes);
        var x = operands[0];
        var (before, after) = (attributes.Dims("before"), attributes.Dims("after"));
        if (before.Length != x.Shape.Rank || after.Length != x.Shape.Rank)
            throw new ShapeException($"Pad needs a number before and after each axis of {x.Shape}, but got {before.Length} and {after.Length}", Diagnostics.Rank);
        var value = attributes.Real("value");
        Rules.Holds("Pad", value, x.DType);
        for (var axis = 0; axis < before.Length; axis++) x = Pad(b, x, axis, before[axis], after[axis], value);
        return [x];
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

    public override string? Undefined(Node node) => null;

    public override ImmutableArray<Value> Define(Builder b, Node node)
    {
        var axis = node.Attributes.Axis(node.Output.Shape);
        Value? Around(string name) => node.Attributes.Dim(name) is var count && count.Is(0) ? null : b.Full(node.Attributes.Real("value"), node.Output.Type.With(node.Output.Shape.With(axis, count)));
        Value?[] parts = [Around("before"), node.Inputs[0], Around("after")];
        return [b.Emit("concat", [.. parts.OfType<Value>()], ("axis", axis))];
    }

    public override void Evaluate(Evaluation e)
    {
        var to = e.Create(0);
        var value = Rounding.Round(e.Attributes.Real("value"), to.DType);
        if (BitConverter.DoubleToInt64Bits(value) != 0)
            for (long i = 0; i < to.Size; i++) to[i] = value;
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
