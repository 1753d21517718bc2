using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The transposed convolution of [N, C, H, W] with a weight [C, O / groups, kh, kw]: [N, O, (H − 1)·stride − 2·padding + dilation·(kh − 1) + outputPadding + 1, …].</summary>
    /// <param name="bias">[O]</param>
    /// <param name="outputPadding">Rows and columns added at the end, which a stride leaves open.</param>
    /// <remarks>As torch.nn.functional.conv_transpose2d: the gradient of a convolution, used forward.</remarks>
    [Operation("conv_transpose2d")]
    public Tensor ConvTranspose2d(Tensor weight, Tensor? bias = null, int stride = 1, int padding = 0, int outputPadding = 0, int dilation = 1, int groups = 1) =>
        Eager.Run(
            "conv_transpose2d", bias is null ? [this, weight] : [this, weight, bias],
            ("stride", stride), ("padding", padding), ("outputPadding", outputPadding), ("dilation", dilation), ("groups", groups));
}

/// <summary><c>conv2d_grad_input</c></summary>
sealed class ConvTranspose2dOperation : LanguageOperation
{
    public override string Name => "conv_transpose2d";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var (shape, weight) = (x[0].Shape, x[1].Shape);
        Rules.Rank("ConvTranspose2d", "x", shape, 4, 4, "x of shape [batch, channels, height, width]");
        Rules.Rank("ConvTranspose2d", "the weight", weight, 4, 4, "a weight of shape [channels, filters / groups, height, width]");
        for (var i = 1; i < x.Length; i++) Rules.SameReal("ConvTranspose2d", "x", x[0].DType, i == 1 ? "the weight" : "the bias", x[i].DType);
        if (shape[1] != weight[0]) throw new ShapeException($"ConvTranspose2d needs a weight for {shape[1]} channels, but x is {shape} and the weight is {weight}: {shape[1]} ≠ {weight[0]}", Diagnostics.Channels);
        var canonical = ConvolutionShape.Canonical(weight, attributes);
        var window = ConvolutionShape.Window(weight, attributes);
        var (extraHeight, extraWidth) = attributes.Pair("output_padding", 0);
        Dim Size(int axis, long kernel, long stride, long padding, long dilation, long extra) => (shape[axis] - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1;
        var result = Shape.Of(
            shape[0], weight[1] * canonical.Int("groups"),
            Size(2, window.KernelHeight, window.StrideHeight, window.PaddingHeight, window.DilationHeight, extraHeight),
            Size(3, window.KernelWidth, window.StrideWidth, window.PaddingWidth, window.DilationWidth, extraWidth));
        var y = b.Node("conv2d_grad_input", [x[0], x[1]], ConvolutionShape.WithShape(canonical, result)).Output;
        if (x.Length == 2) return y;
        Rules.Vector("ConvTranspose2d", "a bias", x[2].Shape, result[1], $"one number for each filter of {weight}");
        return b.Add(y, b.Reshape(x[2], Shape.Of(result[1], 1, 1)));
    }
}
