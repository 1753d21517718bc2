using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Operations;
using Graph.Operations.Reference;

namespace Graph;

public partial class Tensor
{
    /// <summary>Joins tensors along an axis; the other axes agree.</summary>
    [Operation("concat")]
    public static Tensor Concat(Tensor[] tensors, int axis = 0) => Eager.Run("concat", tensors, ("axis", axis));

    /// <summary>Joins tensors of one shape along a new axis.</summary>
    [Operation("stack")]
    public static Tensor Stack(Tensor[] tensors, int axis = 0) => Eager.Run("stack", tensors, ("axis", axis));
}

sealed class ConcatOperation : Operation
{
    public override string Name => "concat";
    public override OpKind Kind => OpKind.Library;
    public override bool AdoptsNumbers => true;

    public override LibraryTraits Library(Node node)
    {
        var axis = node.Attributes.Axis(node.Output.Shape);
        var (parts, start) = (new List<ViewMap>(), Dim.Zero);
        EquatableArray<ViewAxis> axes = [.. node.Output.Shape.Select((_, a) => ViewAxis.Of(a))];
        foreach (var part in node.Inputs)
        {
            parts.Add(new ViewMap.Strided([.. node.Output.Shape.Select((_, a) => a == axis ? start : Dim.Zero)], axes));
            start += part.Shape[axis];
        }
        return new() { Types = LibraryTraits.AnyType, Parts = [.. parts], Strided = [.. Enumerable.Range(0, parts.Count)], StridedResults = [0] };
    }

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        if (operands.IsEmpty) throw new ShapeException("Concat needs at least one tensor", Diagnostics.Concat);
        return operands.Length == 1 ? operands : base.Emit(b, operands, AttributeMap.Of(("axis", attributes.Axis(operands[0].Shape, 0))));
    }

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1, int.MaxValue);
        var first = context[0];
        var axis = context.Attributes.Axis(first.Shape);
        var total = Dim.Zero;
        foreach (var type in context.Inputs)
        {
            if (type.DType != first.DType) throw new ShapeException($"Concat joins tensors of one element type, but got {first} and {type}", Diagnostics.Type);
            if (type.Shape.Rank != first.Shape.Rank || type.Shape.With(axis, 0) != first.Shape.With(axis, 0))
                throw new ShapeException($"Concat along axis {axis} needs equal sizes along the other axes, but got {first.Shape} and {type.Shape}", Diagnostics.Concat);
            total += type.Shape[axis];
        }
        return [first.With(first.Shape.With(axis, total))];
    }

    public override void Evaluate(Evaluation e)
    {
        var to = e.Create(0);
        var strides = to.Strides();
        var axis = e.Attributes.Axis(e.Node.Output.Shape);
        long start = 0;
        foreach (var part in e.Inputs)
        {
            Strided.Copy(part, 0, part.Strides(), to, start * strides[axis], strides, part.Shape);
            start += part.Shape[axis];
        }
    }

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var axis = g.Attributes.Axis(g.Output.Shape);
        var gradients = ImmutableArray.CreateBuilder<Value?>();
        var start = Dim.Zero;
        for (var i = 0; i < g.Node.Inputs.Length; i++)
        {
            var (from, to) = (start, start + g.Input(i).Shape[axis]);
            gradients.Add(g.For(i, () => g.Of(g.Builder.Slice(g.OutputGradient, axis, from, to))));
            start = to;
        }
        return gradients.ToImmutable();
    }
}

/// <summary><c>concat</c> of tensors with a new axis.</summary>
sealed class StackOperation : LanguageOperation
{
    public override string Name => "stack";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        if (x.IsEmpty) throw new ShapeException("Stack needs at least one tensor", Diagnostics.Concat);
        var other = x.FirstOrDefault(v => v.Shape != x[0].Shape);
        if (other is not null) throw new ShapeException($"Stack needs tensors of one shape, but got {x[0].Shape} and {other.Shape}", Diagnostics.Concat);
        var axis = x[0].Shape.Insert(0, 1).Axis(attributes.Int("axis"));
        return b.Apply("concat", [.. x.Select(v => UnsqueezeOperation.Insert(b, v, axis))], AttributeMap.Of(("axis", axis)))[0];
    }
}
