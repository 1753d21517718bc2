using System.ComponentModel;

namespace Graph.Runtime.Cpu;

/// <summary>
/// A 2-D convolution (cross-correlation, as in PyTorch) on contiguous NCHW float32 tensors:
/// image [Batch, Channels, Height, Width], weight [Filters, Channels / Groups, KernelHeight, KernelWidth],
/// map [Batch, Filters, MapHeight, MapWidth]. The forward pass reads image and weight and makes the map; the gradients read the map's
/// gradient through <see cref="Map"/> and make that of the image or of the weight.
/// </summary>
/// <remarks>
/// Padding is what lies above and to the left; what lies below and to the right follows from the map's size and may differ.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct ConvolutionCall
{
    public long Batch, Channels, Height, Width;
    public long Filters, KernelHeight, KernelWidth;
    public long MapHeight, MapWidth;
    public long StrideHeight, StrideWidth, PaddingTop, PaddingLeft, DilationHeight, DilationWidth;
    public long Groups;

    public float* Image, Weight, Map;

    /// <summary>
    /// Forward and image gradient: consumes finished blocks instead of storing them. The logical matrix is [Batch, Filters, MapHeight·MapWidth]
    /// forward and [Batch, Channels, Height·Width] for the gradient of the image.
    /// </summary>
    public delegate*<void**, long*, float*, long, long, long, long, long, long, void> Epilogue;
    public void** EpiloguePointers;
    public long* EpilogueDims;
}
