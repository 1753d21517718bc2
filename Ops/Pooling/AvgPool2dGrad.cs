using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>The gradient of a mean pool's x, of shape <c>shape</c>: each element of dy is shared by its window. Operand: dy.</summary>
sealed class AvgPool2dGradOperation : Operation
{
    public override string Name => "avg_pool2d_grad";
    public override OpKind Kind => OpKind.Library;
    public override LibraryTraits Library(Node node) => PoolingShape.Library(node.Output.Type, node.Inputs[0].Type);

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        Rules.Real(Name, "the gradient", context[0].DType);
        var shape = new Shape(context.Attributes.Dims("shape"));
        Rules.Same(Name, "a gradient", context.Shape(0), PoolingShape.Infer(Name, shape, context.Attributes));
        return [context[0].With(shape)];
    }

    public override string? Undefined(Node node) => WindowTaps.TooMany(PoolingShape.Window(node.Attributes));

    public override ImmutableArray<Value> Define(Builder b, Node node)
    {
        var dy = b.Cast(node.Inputs[0], node.Output.DType.Accumulator());
        var part = b.Mul(dy, PoolingShape.Share(b, node.Attributes, dy));
        return [b.Cast(new WindowTaps(b, PoolingShape.Window(node.Attributes), dy.Shape).Spread(_ => part, node.Output.Shape), node.Output.DType)];
    }

    public override void Evaluate(Evaluation e)
    {
        var (dy, dx) = (e[0], e.Create(0));
        var (ys, xs) = (dy.Real, dx.Real);
        AveragePlaces.Visit(dx.Shape, dy.Shape, PoolingShape.Window(e.Attributes), (to, from, share) => xs[to] += ys[from] * share);
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) =>
        [g.For(0, () => g.Of(g.Builder.Node("avg_pool2d", [g.OutputGradient], g.Attributes.Without("shape")).Output))];

    public override Dim Flops(Node node)
    {
        var w = PoolingShape.Window(node.Attributes);
        return node.Inputs[0].Shape.Size * (w.KernelHeight * w.KernelWidth);
    }
}
