using System.Collections.Immutable;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Kernels;

/// <summary>Which of the three convolutions.</summary>
public enum ConvolutionKind
{
    Forward,
    ImageGradient,
    WeightGradient,
}

/// <summary>How a window walks over an image.</summary>
public readonly record struct ConvolutionWindow(int StrideHeight, int StrideWidth, int PaddingTop, int PaddingLeft, int DilationHeight, int DilationWidth, int Groups);

/// <summary>
/// A convolution or one of its gradients as a value: its operands, the window, what is done to the result on the way out, and the order of the sums. How it is computed is the target's business: the CPU has
/// an implicit product, which calls the body as a generated function.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Which of the three.</param>
/// <param name="Accumulator">The type of the sums.</param>
/// <param name="Sizes">Batch, channels, height, width, filters, kernel height and width, map height and width.</param>
/// <param name="Window">The window.</param>
/// <param name="Operands">
/// In their storage types, each over its four axes: Forward image, weight → map; ImageGradient map, weight → image; WeightGradient image, map → weight. The last is absent when the epilogue consumes it.
/// </param>
/// <param name="Epilogue">Consumes finished tiles.</param>
/// <param name="Sums">The order of the sums.</param>
public sealed record ConvolutionKernel(
    string Name, ConvolutionKind Kind, DType Accumulator, ImmutableArray<Extent> Sizes, ConvolutionWindow Window, ImmutableArray<Access> Operands, LoopKernel? Epilogue, ProductSums Sums)
    : Kernel(Name)
{
    string? text;

    public override bool IsGenerated => false;

    public override string Text => text ??= Print();

    string Print()
    {
        var text = new StringBuilder();
        text.Append("convolution ").Append(Kind.ToString().ToLowerInvariant()).Append(' ').Append(Accumulator.Name()).Append('\n');
        text.Append("  sizes ").Append(string.Join(",", Sizes)).Append('\n');
        var w = Window;
        text.Append("  stride ").Append(w.StrideHeight).Append(',').Append(w.StrideWidth).Append(" padding ").Append(w.PaddingTop).Append(',').Append(w.PaddingLeft)
            .Append(" dilation ").Append(w.DilationHeight).Append(',').Append(w.DilationWidth).Append(" groups ").Append(w.Groups).Append('\n');
        for (var i = 0; i < Operands.Length; i++) text.Append("  access ").Append(i).Append(": ").Append(Operands[i]).Append('\n');
        if (Epilogue is not null) text.Append("  then ").Append(Epilogue.Name).Append('\n');
        text.Append("  sums ").Append(Sums.Text).Append('\n');
        return text.ToString();
    }
}
