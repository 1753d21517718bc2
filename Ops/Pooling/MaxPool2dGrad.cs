using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>The gradient of a maximum pool's x, of shape <c>shape</c>: each element of dy goes to where its maximum lay. Operands: dy, index.</summary>
sealed class MaxPool2dGradOperation : Operation
{
    public override string Name => "max_pool2d_grad";
    public override OpKind Kind => OpKind.Library;
    public override LibraryTraits Library(Node node) => PoolingShape.Library(node.Output.Type, node.Inputs[0].Type);

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 2);
        Rules.Real(Name, "the gradient", context[0].DType);
        var shape = new Shape(context.Attributes.Dims("shape"));
        Rules.Same(Name, "indices", context.Shape(1), context.Shape(0));
        Rules.Rank(Name, "the gradient", context.Shape(0), 4, 4, "a gradient of shape [batch, channels, height, width]");
        return [context[0].With(shape)];
    }

    public override string? Undefined(Node node) => null;

    public override ImmutableArray<Value> Define(Builder b, Node node)
    {
        var (map, image) = (node.Inputs[0].Shape, node.Output.Shape);
        var planes = Shape.Of(map[0], map[1], map[2] * map[3]);
        return [b.Reshape(Comparing.Added(b, b.Reshape(node.Inputs[0], planes), b.Reshape(node.Inputs[1], planes), 2, image[2] * image[3]), image)];
    }

    public override void Evaluate(Evaluation e)
    {
        var (dy, index, dx) = (e[0], e[1], e.Create(0));
        var (from, to) = (dy.Shape[2] * dy.Shape[3], dx.Shape[2] * dx.Shape[3]);
        for (long i = 0; i < dy.Size; i++) dx.Real[i / from * to + index.Int[i]] += dy.Real[i];
    }

    // Back again: from each plane, the elements where the maxima lay.
    public override ImmutableArray<Value?> Gradient(GradContext g) =>
    [
        g.For(0, () =>
        {
            var (b, shape) = (g.Builder, g.X.Shape);
            Shape Planes(Shape s) => Shape.Of(s[0], s[1], s[2] * s[3]);
            var picked = b.Emit("gather", [g.OutputGradient.Reshape(Planes(g.Output.Shape)), g.Input(1).Reshape(Planes(shape))], ("axis", 2));
            return g.Of(picked).Reshape(shape);
        }),
        null,
    ];
}
