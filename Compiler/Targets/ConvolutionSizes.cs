namespace Graph.Compiler.Targets;

/// <summary>The sizes of a convolution in numbers.</summary>
public readonly record struct ConvolutionSizes(
    long Batch, long Channels, long Height, long Width, long Filters, long KernelHeight, long KernelWidth, long MapHeight, long MapWidth,
    long StrideHeight, long StrideWidth, long PaddingTop, long PaddingLeft, long DilationHeight, long DilationWidth, long Groups);
