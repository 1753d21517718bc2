using System;
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

/// <summary>One of a convolution's tensors.</summary>
/// <param name="Access">Where it lies, over its four axes, in its storage type; null when <paramref name="Maker"/> makes it.</param>
/// <param name="Maker">
/// Makes tiles of what is read: those of an image or a map have channels for rows and the pixels of an image for columns, those of a weight filters and the rest. Padding is 0, whatever the body would make of it.
/// </param>
public sealed record ConvolutionOperand(Access? Access, LoopKernel? Maker)
{
    /// <summary>A weight that lies in the target's packed form (<see cref="PackKernel"/>).</summary>
    public bool IsPacked { get; init; }
}

/// <summary>
/// A convolution or one of its gradients as a value: its operands, the window, what is done to them on the way in and to the result on the way out, and the order of the sums. How it is computed is the
/// target's business: the CPU has an implicit product, which calls the bodies as generated functions.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Which of the three.</param>
/// <param name="Accumulator">The type of the sums.</param>
/// <param name="Sizes">Batch, channels, height, width, filters, kernel height and width, map height and width.</param>
/// <param name="Window">The window.</param>
/// <param name="Operands">
/// The two that it reads, then the result. Forward image, weight → map; ImageGradient map, weight → image; WeightGradient image, map → weight. The result is absent when the epilogue consumes it.
/// </param>
/// <param name="Epilogue">Consumes finished tiles.</param>
/// <param name="Sums">The order of the sums.</param>
/// <param name="Workspace">What it works in; null when it needs nothing.</param>
public sealed record ConvolutionKernel(
    string Name, ConvolutionKind Kind, DType Accumulator, ImmutableArray<Extent> Sizes, ConvolutionWindow Window, ImmutableArray<ConvolutionOperand> Operands, LoopKernel? Epilogue, ProductSums Sums, Workspace? Workspace)
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
        for (var i = 0; i < Operands.Length; i++)
            text.Append("  access ").Append(i).Append(": ").Append(Operands[i].Maker?.Name ?? Operands[i].Access?.ToString() ?? throw new InvalidOperationException($"The convolution {Name} has neither a place nor a body for operand {i}."))
                .Append(Operands[i].IsPacked ? " packed" : "").Append('\n');
        if (Epilogue is not null) text.Append("  then ").Append(Epilogue.Name).Append('\n');
        text.Append("  sums ").Append(Sums.Text).Append('\n');
        if (Workspace is not null) text.Append("  workspace ").Append(Workspace).Append('\n');
        return text.ToString();
    }
}
