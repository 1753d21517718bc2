using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// The forms of convolutions on tensor cores: the tiles of products. What windows see is gathered; of a forward convolution the filters are a matrix, a line of channels and taps each, which is copied where its lines begin at multiples of 16, 8 or 4
/// bytes.
/// </summary>
static class PtxTensorWindows
{
    /// <summary>The type that tensor cores multiply in a convolution; null where they do not: operands of two types, or of none of 16 bits.</summary>
    public static DType? TypeOf(ConvolutionKernel kernel)
    {
        if (kernel.Accumulator != DType.F32 || !kernel.Sums.HasPlainConvolutions || kernel.Operands[1].IsPacked) return null;
        DType Type(int i) => kernel.Operands[i].Access?.Type ?? PtxTensorForm.Made(kernel.Operands[i].Maker!).Type;
        return Type(0) is DType.F16 or DType.BF16 && Type(0) == Type(1) ? Type(0) : null;
    }

    /// <summary>Whether an operand is a weight: over filters, channels and taps.</summary>
    public static bool IsWeight(ConvolutionKernel kernel, int operand) => operand == 1 && kernel.Kind != ConvolutionKind.WeightGradient;

    /// <summary>How an operand lies in memory: named by the convolution itself, or all that its body reads; null for one that has to be made.</summary>
    public static PtxTensorPlanes? PlanesOf(ConvolutionKernel kernel, int operand)
    {
        if (kernel.Operands[operand] is { Access: { } access }) return new(-1, access, access.Strides[0], access.Strides[1], access.Strides[2], access.Strides[3]);
        var body = kernel.Operands[operand].Maker!;
        var read = PtxTensorForm.OnlyRead(body);
        if (read < 0) return null;
        var ((rows, lanes), outer) = (PtxTensorForm.Strides(body, read), Enumerable.Range(0, body.Axes.Length).Where(i => body.Axes[i].Role == AxisRole.Outer && !body.Axes[i].Size.Is(1)).ToList());
        // A body's lanes are pixels, or of a weight channels and taps.
        if (IsWeight(kernel, operand)) return outer.Count == 0 ? new(read, body.Accesses[read], rows, null, null, lanes) : null;
        return outer.Count <= 1 ? new(read, body.Accesses[read], outer.Count == 0 ? Extent.Zero : body.Accesses[read].Strides[outer[0]], rows, null, lanes) : null;
    }

    /// <summary>All forms that a launch may take, whatever its sizes are.</summary>
    public static IEnumerable<PtxTensorForm> All(ConvolutionLaunch launch) => from tile in Tiles(launch) from left in Copies(launch) select new PtxTensorForm(tile, left, 0);

    /// <summary>The form that it takes under a binding.</summary>
    public static PtxTensorForm Of(ConvolutionLaunch launch, DimBinding binding)
    {
        var (groups, m, n, k) = PtxConvolution.ExtentsOf(launch, binding);
        return new(PtxTensorTile.Choose(m, n, k, groups, Tiles(launch)), Copies(launch).First(bytes => PtxTensorForm.Begin(Places(launch) ?? [], bytes, binding)), 0);
    }

    static ImmutableArray<PtxTensorTile> Tiles(ConvolutionLaunch launch)
    {
        var s = launch.Shape;
        Dim Of(Dim all) => Dim.TryDivide(all, s.Groups, out var each) ? each : all;
        var (channels, filters, taps, pixels) = (Of(s.Channels), Of(s.Filters), s.KernelHeight * s.KernelWidth, s.Batch * s.MapHeight * s.MapWidth);
        var (m, n, k) = launch.Kind switch
        {
            ConvolutionKind.Forward => (filters, pixels, channels * taps),
            ConvolutionKind.ImageGradient => (channels, s.Batch * s.Height * s.Width, filters * taps),
            ConvolutionKind.WeightGradient => (filters, channels * taps, pixels),
            _ => throw new InvalidOperationException($"A convolution is of the unknown kind {launch.Kind}."),
        };
        return PtxTensorForm.Tiles(m, n, k, [s.Groups], (_, _, _, _) => 1);
    }

    static IEnumerable<int> Copies(ConvolutionLaunch launch) => Places(launch) is { } places ? PtxTensorForm.Copies(places) : [0];

    // What the places of filters are sums of multiples of, in elements; null where they are no lines.
    static IEnumerable<Dim>? Places(ConvolutionLaunch launch)
    {
        if (launch.Kind != ConvolutionKind.Forward || PlanesOf(launch.Kernel, 1) is not { } planes || !planes.Column.Is(1)) return null;
        var (first, dims) = planes.IsOfBody ? (launch.HookB!.First, launch.HookB.Dims) : (0, launch.Dims);
        bool Is(Extent? stride, Dim size) => stride is not { } given || given.In(dims) == size;
        var shape = launch.Shape;
        if (!Is(planes.Row, shape.KernelWidth) || !Is(planes.Plane, shape.KernelHeight * shape.KernelWidth)) return null;
        return [planes.First.In(dims), launch.Operands[first + planes.Access.Pointer].Offset];
    }
}

/// <summary>An operand of a convolution as it lies in memory: images and maps over image, plane, row and column, weights over filter, channel, row and column.</summary>
/// <param name="OfBody">The number of the access among those of its body; −1 for one of the convolution itself.</param>
/// <param name="Access">The access.</param>
/// <param name="First">How far images or filters lie apart, in elements.</param>
/// <param name="Plane">How far planes lie apart; null where they follow one another.</param>
/// <param name="Row">How far rows lie apart; null where they follow one another.</param>
/// <param name="Column">How far columns lie apart.</param>
sealed record PtxTensorPlanes(int OfBody, Access Access, Extent First, Extent? Plane, Extent? Row, Extent Column)
{
    public bool IsOfBody => OfBody >= 0;
}
