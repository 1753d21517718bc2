using System.ComponentModel;
using Graph.Compiler.Targets;

namespace Graph.Runtime.Cpu;

/// <summary>
/// A 2-D convolution (cross-correlation, as in PyTorch) on tensors of float32, or of what <see cref="Sums"/> says:
/// image [Batch, Channels, Height, Width], weight [Filters, Channels / Groups, KernelHeight, KernelWidth],
/// map [Batch, Filters, MapHeight, MapWidth]. The forward pass reads image and weight and makes the map; the gradients read the map's
/// gradient through <see cref="Map"/> and make that of the image or of the weight.
/// </summary>
/// <remarks>
/// What is read is read through strides, or made by a body. What is written is contiguous.
/// Padding is what lies above and to the left; what lies below and to the right follows from the map's size and may differ.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct ConvolutionCall
{
    /// <summary>The type of the sums, and of operands and tiles: float32, float64 or int32.</summary>
    public SumType Sums;

    public long Batch, Channels, Height, Width;
    public long Filters, KernelHeight, KernelWidth;
    public long MapHeight, MapWidth;
    public long StrideHeight, StrideWidth, PaddingTop, PaddingLeft, DilationHeight, DilationWidth;
    public long Groups;

    public float* Image, Weight, Map;

    /// <summary>The weight as <see cref="Convolution.PackWeight"/> writes it, for a forward pass; null where it is packed in the call.</summary>
    public float* PackedWeight;

    /// <summary>Where the elements of what is read lie, those of a weight by filter, channel of a group, row and column; nobody looks at those of what is written.</summary>
    public PlaneStrides ImageStrides, MapStrides, WeightStrides;

    /// <summary>
    /// Make blocks of the logical [Batch, Channels, Height·Width], [Batch, Filters, MapHeight·MapWidth] and, with no batch, [Filters, Channels / Groups · KernelHeight·KernelWidth] instead of their being read.
    /// Padding stays 0. May be asked for the same block more than once.
    /// </summary>
    public TileCall ImageMaker, MapMaker, WeightMaker;

    /// <summary>
    /// Forward and image gradient: consumes finished blocks instead of storing them. The logical matrix is [Batch, Filters, MapHeight·MapWidth]
    /// forward and [Batch, Channels, Height·Width] for the gradient of the image.
    /// </summary>
    public delegate*<void**, long*, float*, long, long, long, long, long, long, void> Epilogue;
    public void** EpiloguePointers;
    public long* EpilogueDims;

    /// <summary>Memory that the workers share for packed weights and partial sums, of at least <see cref="Convolution.WorkspaceFloats"/>.</summary>
    public float* Workspace;
    public long WorkspaceFloats;

    internal readonly ConvolutionSizes Sizes => new(
        Batch, Channels, Height, Width, Filters, KernelHeight, KernelWidth, MapHeight, MapWidth, StrideHeight, StrideWidth, PaddingTop, PaddingLeft, DilationHeight, DilationWidth, Groups);

    /// <summary>Says that all three are contiguous.</summary>
    public void LayDense()
    {
        ImageStrides = PlaneStrides.Dense(Channels, Height, Width);
        MapStrides = PlaneStrides.Dense(Filters, MapHeight, MapWidth);
        WeightStrides = PlaneStrides.Dense(Channels / Groups, KernelHeight, KernelWidth);
    }

    /// <summary>Whether the taps of a weight's window lie behind one another.</summary>
    internal readonly bool HasDenseWindows => (KernelWidth == 1 || WeightStrides.Column == 1) && (KernelHeight == 1 || WeightStrides.Row == KernelWidth);

    /// <summary>Whether the channels of a weight's filter do, too.</summary>
    internal readonly bool HasDenseFilters => HasDenseWindows && (Channels == Groups || WeightStrides.Channel == KernelHeight * KernelWidth);

    internal readonly ConvolutionPlanes Images => new(Image, ImageStrides, ImageMaker, Height, Width);

    internal readonly ConvolutionPlanes Maps => new(Map, MapStrides, MapMaker, MapHeight, MapWidth);
}

/// <summary>Elements from one image, channel, row and column to the next.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct PlaneStrides
{
    public long Image, Channel, Row, Column;

    public static PlaneStrides Dense(long channels, long height, long width) => new() { Image = channels * height * width, Channel = height * width, Row = width, Column = 1 };
}
