using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;
using Graph.Operations.Reference;

namespace Graph;

/// <summary>The gradient of a convolution's w, of shape <c>shape</c>. Operands: x, dy.</summary>
sealed class Conv2dGradWeightOperation : Operation
{
    public override string Name => "conv2d_grad_weight";
    public override OpKind Kind => OpKind.Convolution;
    public override ConvolutionForm Convolution(Node node) => ConvolutionShape.Form(0, ConvolutionForm.Result, 1, node.Attributes);
    public override LibraryTraits Library(Node node) => new() { Types = LibraryTraits.RealType, Strided = [0, 1], Hooks = LibraryHooks.Prologue };

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 2);
        var shape = new Shape(context.Attributes.Dims("shape"));
        Rules.Same(Name, "a gradient", context.Shape(1), ConvolutionShape.Infer(Name, context.Shape(0), shape, context.Attributes));
        Rules.SameReal(Name, "x", context[0].DType, "the gradient", context[1].DType);
        return [context[0].With(shape)];
    }

    public override string? Undefined(Node node) => ConvolutionDefinition.Undefined(node.Output.Shape, node.Attributes);

    public override ImmutableArray<Value> Define(Builder b, Node node) => [ConvolutionDefinition.Weight(b, node)];

    public override void Evaluate(Evaluation e)
    {
        var (x, dy, dw) = (e[0], e[1], e.Create(0));
        var s = new ConvolutionShape.Sizes(x.Shape, dw.Shape, dy.Shape, e.Attributes);
        var matrix = s.Scratch();
        for (var i = 0; i < s.Batch * s.Groups; i++)
        {
            s.Columns.Spread(x.Real, i * s.Image, matrix);
            Gemm.Run(
                Matrix.RowMajor(dy.Real, i * s.Map, s.Columns.Columns), Matrix.RowMajor(matrix, 0, s.Columns.Columns).Transposed, dw.Real, i % s.Groups * s.Weight, s.Columns.Rows,
                s.Filters, s.Columns.Rows, s.Columns.Columns, accumulate: true);
        }
    }

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var attributes = g.Attributes.Without("shape");
        return
        [
            g.For(0, () => g.Of(g.Builder.Node("conv2d_grad_input", [g.Input(1), g.OutputGradient], ConvolutionShape.WithShape(attributes, g.X.Shape)).Output)),
            g.For(1, () => g.Of(g.Builder.Node("conv2d", [g.X, g.OutputGradient], attributes).Output)),
        ];
    }

    public override Dim Flops(Node node) => ConvolutionShape.Flops(node.Inputs[1].Shape, node.Output.Shape);
}
