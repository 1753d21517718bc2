using System.Collections.Generic;
using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;
using Graph.Operations.Reference;

namespace Graph;

public partial class Tensor
{
    /// <summary>Cross-correlation of [N, C, H, W] with a weight [O, C / groups, kh, kw]: [N, O, oh, ow] with oh = ⌊(H + 2·padding − dilation·(kh − 1) − 1) / stride⌋ + 1.</summary>
    /// <remarks>Real tensors are of one element type; integers of up to 32 bits, of one type or of two, are added up as 32-bit ones, which wrap around, and that is the result's type; they have no gradient.</remarks>
    /// <param name="weight">[O, C / groups, kh, kw]</param>
    /// <param name="bias">[O]</param>
    /// <param name="stride">The window's step along both axes.</param>
    /// <param name="padding">Zeros added around the image.</param>
    /// <param name="dilation">The distance between the window's elements.</param>
    /// <param name="groups">Into how many groups channels and filters are divided.</param>
    [Operation("conv2d")]
    public Tensor Conv2d(Tensor weight, Tensor? bias = null, int stride = 1, int padding = 0, int dilation = 1, int groups = 1) =>
        Eager.Run("conv2d", bias is null ? [this, weight] : [this, weight, bias], ("stride", stride), ("padding", padding), ("dilation", dilation), ("groups", groups));

    /// <summary>The same with one number for the height and one for the width.</summary>
    [Operation("conv2d")]
    public Tensor Conv2d(Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, int groups = 1) =>
        Eager.Run("conv2d", bias is null ? [this, weight] : [this, weight, bias], ("stride", stride), ("padding", padding), ("dilation", dilation), ("groups", groups));
}

/// <summary>Operands: x [N, C, H, W], w [O, C / groups, kh, kw].</summary>
sealed class Conv2dOperation : Operation
{
    public override string Name => "conv2d";
    public override OpKind Kind => OpKind.Convolution;
    public override ConvolutionForm Convolution(Node node) => ConvolutionShape.Form(0, 1, ConvolutionForm.Result, node.Attributes);
    public override LibraryTraits Library(Node node) => new() { Types = [.. LibraryTraits.RealType, .. Rules.SummedAsIntegers], Strided = [0, 1], Hooks = LibraryHooks.Prologue | LibraryHooks.Epilogue };

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var (x, w) = (operands[0], operands[1]);
        ConvolutionShape.Infer("Conv2d", x.Shape, w.Shape, attributes);
        if (operands.Length == 3 && x.DType.IsFloat()) Rules.SameReal("Conv2d", "x", x.DType, "the bias", operands[2].DType);
        var y = b.Node(this, [x, w], ConvolutionShape.Canonical(w.Shape, attributes)).Output;
        if (operands.Length == 3 && operands[2].DType != y.DType)
            throw new ShapeException($"Conv2d of {x.DType.Name()} and {w.DType.Name()} adds up in {y.DType.Name()}, but the bias is {operands[2].DType.Name()}: Cast(ElementType.I32) converts it", Diagnostics.Type);
        if (operands.Length == 2) return [y];
        Rules.Vector("Conv2d", "a bias", operands[2].Shape, w.Shape[0], $"one number for each filter of {w.Shape}");
        return [b.Add(y, b.Reshape(operands[2], Shape.Of(w.Shape[0], 1, 1)))];
    }

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 2);
        var shape = ConvolutionShape.Infer("Conv2d", context.Shape(0), context.Shape(1), context.Attributes);
        if (Rules.IsSummedAsInteger(context[0].DType) && Rules.IsSummedAsInteger(context[1].DType)) return [new(DType.I32, shape)];
        Rules.SameReal("Conv2d", "x", context[0].DType, "the weight", context[1].DType);
        return [context[0].With(shape)];
    }

    public override IEnumerable<SizeRule> SizeRules(Node node) => ConvolutionShape.Window(node.Inputs[1].Shape, node.Attributes).SizeRules("Conv2d", node.Inputs[0].Shape);

    public override string? Undefined(Node node) => ConvolutionDefinition.Undefined(node.Inputs[1].Shape, node.Attributes);

    public override ImmutableArray<Value> Define(Builder b, Node node) => [ConvolutionDefinition.Forward(b, node)];

    public override void Evaluate(Evaluation e)
    {
        var (x, w, y) = (e[0], e[1], e.Create(0));
        if (!y.DType.IsFloat())
        {
            Integers(x, w, y, new(e.Attributes, (int)w.Shape[2], (int)w.Shape[3]), (int)e.Attributes.Int("groups", 1));
            return;
        }
        var s = new ConvolutionShape.Sizes(x.Shape, w.Shape, y.Shape, e.Attributes);
        var matrix = s.Scratch();
        for (var i = 0; i < s.Batch * s.Groups; i++)
        {
            s.Columns.Spread(x.Real, i * s.Image, matrix);
            Gemm.Run(
                Matrix.RowMajor(w.Real, i % s.Groups * s.Weight, s.Columns.Rows), Matrix.RowMajor(matrix, 0, s.Columns.Columns), y.Real, i * s.Map, s.Columns.Columns,
                s.Filters, s.Columns.Columns, s.Columns.Rows, accumulate: false);
        }
    }

    static void Integers(TensorData x, TensorData w, TensorData y, Window window, int groups)
    {
        var (channels, height, width, filters) = (w.Shape[1], x.Shape[2], x.Shape[3], w.Shape[0]);
        for (long i = 0; i < y.Size; i++)
        {
            var (column, row, filter, image) = (i % y.Shape[3], i / y.Shape[3] % y.Shape[2], i / (y.Shape[2] * y.Shape[3]) % filters, i / (y.Shape[2] * y.Shape[3]) / filters);
            var first = filter / (filters / groups) * channels;
            var sum = 0;
            for (long tap = 0; tap < channels * window.KernelHeight * window.KernelWidth; tap++)
            {
                var (c, ky, kx) = (tap / window.KernelWidth / window.KernelHeight, tap / window.KernelWidth % window.KernelHeight, tap % window.KernelWidth);
                var (from, at) = (row * window.StrideHeight + ky * window.DilationHeight - window.PaddingHeight, column * window.StrideWidth + kx * window.DilationWidth - window.PaddingWidth);
                if (from < 0 || from >= height || at < 0 || at >= width) continue;
                unchecked { sum += (int)x.Int[((image * x.Shape[1] + first + c) * height + from) * width + at] * (int)w.Int[filter * channels * window.KernelHeight * window.KernelWidth + tap]; }
            }
            y.Int[i] = sum;
        }
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) =>
    [
        g.For(0, () => g.Of(g.Builder.Node("conv2d_grad_input", [g.OutputGradient, g.Input(1)], ConvolutionShape.WithShape(g.Attributes, g.X.Shape)).Output)),
        g.For(1, () => g.Of(g.Builder.Node("conv2d_grad_weight", [g.X, g.OutputGradient], ConvolutionShape.WithShape(g.Attributes, g.Input(1).Shape)).Output)),
    ];

    public override Dim Flops(Node node) => ConvolutionShape.Flops(node.Output.Shape, node.Inputs[1].Shape);
}
