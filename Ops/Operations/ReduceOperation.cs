using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations.Reference;

namespace Graph.Operations;

/// <summary>Shapes of operations along axes: <c>axes</c>, ascending, which go or, with <c>keep</c>, stay with size 1.</summary>
static class Reduced
{
    public static Shape Result(Shape shape, AttributeMap attributes)
    {
        var axes = attributes.Axes(shape);
        return attributes.Bool("keep")
            ? new(shape.Select((d, i) => axes.Contains(i) ? Dim.One : d))
            : new(shape.Where((_, i) => !axes.Contains(i)));
    }

    /// <summary>The shape with the reduced axes in place with size 1.</summary>
    public static Shape Kept(Shape shape, AttributeMap attributes) => Result(shape, attributes.With("keep", true));

    /// <summary>The attributes of the language (one axis, negative axes, none for all) in the form of the IR.</summary>
    public static AttributeMap Canonical(Shape shape, AttributeMap attributes) =>
        attributes.Without("axis").With("axes", attributes.Axes(shape)).With("keep", attributes.Bool("keep"));

    /// <summary><paramref name="value"/> where <paramref name="x"/> is not 0, and 0 where it is: the gradient of a root at 0.</summary>
    public static Expr WhereNotZero(GradContext g, Expr x, Expr value) => g.Where(g.Of(g.Builder.Equal(x, g.Builder.ConstantLike(0, x))), g.Number(0), value);

    /// <summary>How many elements go into one.</summary>
    public static Dim Count(Shape shape, AttributeMap attributes) => attributes.Axes(shape).Aggregate(Dim.One, (product, a) => product * shape[a]);
}

/// <summary>Sum, maximum, minimum along axes.</summary>
abstract class ReduceOperation : Operation
{
    public sealed override OpKind Kind => OpKind.Reduce;

    public sealed override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        return [new(ResultType(context[0].DType), Reduced.Result(context.Shape(0), context.Attributes))];
    }

    protected virtual DType ResultType(DType type) => type;

    public abstract override Accumulation Reduce(Node node);

    public sealed override void Evaluate(Evaluation e) => Accumulating.Run(Reduce(e.Node), e[0], e.Attributes.Axes(e.Node.Inputs[0].Shape), e.Create(0));

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var canonical = Reduced.Canonical(operands[0].Shape, attributes);
        return canonical.Dims("axes").IsEmpty ? operands : base.Emit(b, operands, canonical);
    }

    public sealed override Dim Flops(Node node) => node.Inputs[0].Shape.Size;
}

/// <summary>The largest or smallest element along axes.</summary>
abstract class ExtremeOperation : ReduceOperation
{
    // Exact in every type.
    public sealed override TypePolicy Policy(Node node) => TypePolicy.Widest;

    // Bools have an order as integers.
    protected static Accumulation Extreme(Node node, Func<Scalar, Scalar, Scalar> combine, double neutral)
    {
        var type = node.Inputs[0].DType;
        return Accumulation.Of(combine, neutral, type, type == DType.Bool ? DType.I32 : type, node.Output.DType);
    }

    // There is no largest element of none.
    public sealed override IEnumerable<SizeRule> SizeRules(Node node)
    {
        var shape = node.Inputs[0].Shape;
        return base.SizeRules(node).Concat(node.Attributes.Axes(shape).Select(a => new SizeRule(shape[a], 1, $"{Rules.Pascal(Name)} along axis {a} of {shape} needs an element", Diagnostics.Bounds)));
    }

    // Elements that share the extreme share the gradient, as torch.amax and torch.amin do.
    public sealed override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var kept = Reduced.Kept(g.X.Shape, g.Attributes);
        return
        [
            g.For(0, () =>
            {
                var hit = g.Of(g.Builder.Cast(g.Builder.Equal(g.X, g.Output.Reshape(kept)), g.X.Value.DType));
                return hit * (g.OutputGradient.Reshape(kept) / hit.Sum(g.Attributes.Axes(g.X.Shape), keep: true));
            }),
        ];
    }
}
