using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;
using Graph.Operations.Reference;

namespace Graph;

/// <summary>The gradient of a convolution's x, of shape <c>shape</c>: the transposed convolution of dy with w. Operands: dy, w.</summary>
sealed class Conv2dGradInputOperation : Operation
{
    public override string Name => "conv2d_grad_input";
    public override OpKind Kind => OpKind.Convolution;
    public override ConvolutionForm Convolution(Node node) => ConvolutionShape.Form(ConvolutionForm.Result, 1, 0, node.Attributes);
    public override LibraryTraits Library(Node node) => new() { Types = LibraryTraits.RealType, Strided = [0, 1], Hooks = LibraryHooks.Prologue | LibraryHooks.Epilogue };

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 2);
        var shape = new Shape(context.Attributes.Dims("shape"));
        Rules.Same(Name, "a gradient", context.Shape(0), ConvolutionShape.Infer(Name, shape, context.Shape(1), context.Attributes));
        Rules.SameReal(Name, "the gradient", context[0].DType, "the weight", context[1].DType);
        return [context[0].With(shape)];
    }

    public override IEnumerable<SizeRule> SizeRules(Node node)
    {
        var shape = node.Output.Shape;
        foreach (var axis in new[] { 2, 3 })
            yield return new(shape[axis], 1, $"ConvTranspose2d gives an image of shape {shape}, whose sizes are at least 1", Diagnostics.Window);
    }

    public override string? Undefined(Node node) => ConvolutionDefinition.Undefined(node.Inputs[1].Shape, node.Attributes);

    public override ImmutableArray<Value> Define(Builder b, Node node) => [ConvolutionDefinition.Image(b, node)];

    public override void Evaluate(Evaluation e)
    {
        var (dy, w, dx) = (e[0], e[1], e.Create(0));
        var s = new ConvolutionShape.Sizes(dx.Shape, w.Shape, dy.Shape, e.Attributes);
        var matrix = s.Scratch();
        for (var i = 0; i < s.Batch * s.Groups; i++)
        {
            Gemm.Run(
                Matrix.RowMajor(w.Real, i % s.Groups * s.Weight, s.Columns.Rows).Transposed, Matrix.RowMajor(dy.Real, i * s.Map, s.Columns.Columns), matrix, 0, s.Columns.Columns,
                s.Columns.Rows, s.Columns.Columns, s.Filters, accumulate: false);
            s.Columns.Gather(matrix, dx.Real, i * s.Image);
        }
    }

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var attributes = g.Attributes.Without("shape");
        return
        [
            g.For(0, () => g.Of(g.Builder.Node("conv2d", [g.OutputGradient, g.Input(1)], attributes).Output)),
            g.For(1, () => g.Of(g.Builder.Node("conv2d_grad_weight", [g.OutputGradient, g.Input(0)], ConvolutionShape.WithShape(attributes, g.Input(1).Shape)).Output)),
        ];
    }

    public override Dim Flops(Node node) => ConvolutionShape.Flops(node.Inputs[0].Shape, node.Inputs[1].Shape);
}
