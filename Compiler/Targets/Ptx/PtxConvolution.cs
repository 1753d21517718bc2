using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// Convolutions and their gradients as products that nobody writes down, one for each group of channels: what a window sees is read where it lies, padding is 0. Rows are filters (channels for an image's gradient), columns
/// the pixels of all images (channels and taps for a weight's gradient), and summed are channels and taps (filters and taps; the pixels of all images).
/// </summary>
class PtxConvolution : PtxTiles
{
    readonly ConvolutionKernel kernel;
    readonly PtxTileBody?[] makers;
    readonly PtxTileBody? epilogue;
    readonly PtxOperand channels, filters, height, width, kernelHeight, kernelWidth, mapHeight, mapWidth, taps;
    PtxOperand firstChannel, firstFilter;

    /// <summary>The names of its operands' parameters.</summary>
    protected static readonly string[] Names = ["a", "b", "c"];

    /// <summary>The group's first channel.</summary>
    protected PtxOperand FirstChannel => firstChannel;

    /// <summary>The group's first filter.</summary>
    protected PtxOperand FirstFilter => firstFilter;

    /// <summary>Rows and columns of a kind of plane: images, maps, windows.</summary>
    protected (PtxOperand Down, PtxOperand Across) Image => (height, width);

    /// <inheritdoc cref="Image"/>
    protected (PtxOperand Down, PtxOperand Across) Map => (mapHeight, mapWidth);

    /// <inheritdoc cref="Image"/>
    protected (PtxOperand Down, PtxOperand Across) WindowSize => (kernelHeight, kernelWidth);

    /// <summary>The body that makes an operand; null where it lies in memory.</summary>
    protected PtxTileBody? Maker(int operand) => makers[operand];

    /// <summary>What takes results; null where they go to memory.</summary>
    protected PtxTileBody? Takes => epilogue;

    /// <summary>Its parameters, in order.</summary>
    public static ImmutableArray<PtxArgument> Arguments(ConvolutionKernel kernel) =>
    [
        .. kernel.Operands.SelectMany((o, i) => o.Access is { } access ? new PtxArgument[] { new PtxArgument.Operand(Names[i], PtxPart.Kernel, access.Pointer) } : []),
        .. Hook("a", kernel.Operands[0].Maker, PtxPart.MakesA), .. Hook("b", kernel.Operands[1].Maker, PtxPart.MakesB), .. Hook("c", kernel.Epilogue, PtxPart.Epilogue),
        .. Sizes(kernel.Sizes.Concat(kernel.Operands.SelectMany(o => o.Access?.Strides ?? []))), .. Counts, .. PtxConvolutionFours.Flags(kernel),
    ];

    protected PtxConvolution(ConvolutionKernel kernel, PtxWriter code, bool isWide) : base(code, isWide, kernel.Text, kernel.Accumulator, kernel.Sums, false, Arguments(kernel))
    {
        if (!kernel.Sums.HasPlainConvolutions) throw new NotSupportedException($"The PTX target adds convolutions up in blocks one behind the other, but {kernel.Name} asks for {kernel.Sums.Text}.");
        this.kernel = kernel;
        makers = [.. kernel.Operands.Take(2).Select((o, i) => o.Maker is { } body ? Body(body, Names[i]) : null)];
        if (kernel.Epilogue is { } takes) epilogue = Body(takes, "c");
        PtxOperand Of(int i) => Size(kernel.Sizes[i]);
        var groups = Index.Number(kernel.Window.Groups);
        (channels, height, width, filters) = (Index.Divide(Of(1), groups), Of(2), Of(3), Index.Divide(Of(4), groups));
        (kernelHeight, kernelWidth, mapHeight, mapWidth) = (Of(5), Of(6), Of(7), Of(8));
        taps = Index.Multiply(kernelHeight, kernelWidth);
        var pixels = Index.Multiply(Of(0), Index.Multiply(mapHeight, mapWidth));
        Extents = kernel.Kind switch
        {
            ConvolutionKind.Forward => (filters, pixels, Index.Multiply(channels, taps)),
            ConvolutionKind.ImageGradient => (channels, Index.Multiply(Of(0), Index.Multiply(height, width)), Index.Multiply(filters, taps)),
            ConvolutionKind.WeightGradient => (filters, Index.Multiply(channels, taps), pixels),
            _ => throw new InvalidOperationException($"A convolution is of the unknown kind {kernel.Kind}."),
        };
    }

    /// <summary>Its extents in numbers, for launches: matrices, rows, columns, summed extent.</summary>
    public static (long Groups, long M, long N, long K) ExtentsOf(ConvolutionLaunch launch, DimBinding binding)
    {
        var s = launch.Shape.Evaluate(binding);
        var (channels, filters, taps) = (s.Channels / s.Groups, s.Filters / s.Groups, s.KernelHeight * s.KernelWidth);
        var pixels = s.Batch * s.MapHeight * s.MapWidth;
        return launch.Kind switch
        {
            ConvolutionKind.Forward => (s.Groups, filters, pixels, channels * taps),
            ConvolutionKind.ImageGradient => (s.Groups, channels, s.Batch * s.Height * s.Width, filters * taps),
            ConvolutionKind.WeightGradient => (s.Groups, filters, channels * taps, pixels),
            _ => throw new InvalidOperationException($"A convolution is of the unknown kind {launch.Kind}."),
        };
    }

    /// <summary>The text of the kernel.</summary>
    public static string Write(ConvolutionKernel kernel, PtxEntry entry, bool isWide)
    {
        var code = new PtxWriter(entry, Threads, Resident);
        new PtxConvolution(kernel, code, isWide).Multiply();
        return code.ToString();
    }

    protected override (PtxOperand M, PtxOperand N, PtxOperand K) Extents { get; }

    protected override (bool Left, bool Right) AreDeep => kernel.Kind switch
    {
        ConvolutionKind.Forward => (true, false),
        ConvolutionKind.ImageGradient => (false, false),
        _ => (true, true),
    };

    protected override void Begin(PtxOperand matrix) => (firstChannel, firstFilter) = (Index.Multiply(matrix, channels), Index.Multiply(matrix, filters));

    protected override PtxOperand Left(PtxOperand row, PtxOperand depth)
    {
        if (kernel.Kind == ConvolutionKind.WeightGradient)
        {
            var (image, y, x) = Pixel(depth, mapHeight, mapWidth);
            return Plane(1, image, Index.Add(firstFilter, row), y, x, mapWidth);
        }
        var (outer, tap) = Divide(depth, taps);
        return kernel.Kind == ConvolutionKind.Forward ? Weight(1, Index.Add(firstFilter, row), outer, tap) : Weight(1, Index.Add(firstFilter, outer), row, tap);
    }

    protected override PtxOperand Right(PtxOperand depth, PtxOperand column)
    {
        switch (kernel.Kind)
        {
            case ConvolutionKind.Forward:
            {
                var ((channel, tap), (image, y, x)) = (Divide(depth, taps), Pixel(column, mapHeight, mapWidth));
                return Seen(image, channel, y, x, tap);
            }
            case ConvolutionKind.WeightGradient:
            {
                var ((channel, tap), (image, y, x)) = (Divide(column, taps), Pixel(depth, mapHeight, mapWidth));
                return Seen(image, channel, y, x, tap);
            }
            default:
            {
                var ((filter, tap), (image, y, x)) = (Divide(depth, taps), Pixel(column, height, width));
                return Reached(image, filter, y, x, tap);
            }
        }
    }

    protected override Func<PtxOperand, PtxOperand, PtxOperand[]>? LeftFour => !PtxConvolutionFours.HasLeft(kernel) ? null : (row, depth) =>
    {
        if (kernel.Kind == ConvolutionKind.Forward)
        {
            var (channel, tap) = Divide(depth, taps);
            var (ky, kx) = Divide(tap, kernelWidth);
            return LoadFour(1, Index.Add(firstFilter, row), channel, ky, kx);
        }
        var (image, y, x) = Pixel(depth, mapHeight, mapWidth);
        return LoadFour(1, image, Index.Add(firstFilter, row), y, x);
    };

    // Of windows of one pixel: there is one tap, and the map's pixels are the image's.
    protected override Func<PtxOperand, PtxOperand, PtxOperand[]>? RightFour => !PtxConvolutionFours.HasRight(kernel) ? null : (depth, column) =>
    {
        var (plane, pixel) = kernel.Kind == ConvolutionKind.WeightGradient ? (column, depth) : (depth, column);
        var (image, y, x) = Pixel(pixel, height, width);
        return LoadFour(0, image, Index.Add(kernel.Kind == ConvolutionKind.ImageGradient ? firstFilter : firstChannel, plane), y, x);
    };

    PtxOperand[] LoadFour(int operand, params PtxOperand[] places) => PtxConversions.LoadFour(Code, kernel.Operands[operand].Access!.Type, Place(operand, places));

    protected override Action<PtxOperand, PtxOperand, PtxOperand[]>? WriteFour => !PtxConvolutionFours.HasResult(kernel) ? null : (row, column, values) => Result(row, column,
        (image, plane, pixel) => new PtxBodyOfFour(epilogue!, Code, Index).Take(image, plane, pixel, values),
        places => PtxConversions.StoreFour(Code, kernel.Operands[2].Access!.Type, Place(2, places), values));

    protected override void Write(PtxOperand row, PtxOperand column, PtxOperand value) => Result(row, column,
        (image, plane, pixel) => epilogue!.Take(image, plane, pixel, value),
        places => PtxConversions.Store(Code, "global", kernel.Operands[2].Access!.Type, Place(2, places), value));

    // Where an element of the result goes: to the epilogue, or to memory.
    void Result(PtxOperand row, PtxOperand column, Action<PtxOperand, PtxOperand, PtxOperand> take, Action<PtxOperand[]> store)
    {
        if (kernel.Kind == ConvolutionKind.WeightGradient)
        {
            var (channel, tap) = Divide(column, taps);
            var (ky, kx) = Divide(tap, kernelWidth);
            store([Index.Add(firstFilter, row), channel, ky, kx]);
            return;
        }
        var isForward = kernel.Kind == ConvolutionKind.Forward;
        var across = isForward ? mapWidth : width;
        var (image, y, x) = Pixel(column, isForward ? mapHeight : height, across);
        var plane = Index.Add(isForward ? firstFilter : firstChannel, row);
        if (epilogue is not null) take(image, plane, Index.MultiplyAdd(y, across, x));
        else store([image, plane, y, x]);
    }

    (PtxOperand Quotient, PtxOperand Remainder) Divide(PtxOperand a, PtxOperand b)
    {
        var quotient = Index.Divide(a, b);
        return (quotient, Index.Subtract(a, Index.Multiply(quotient, b)));
    }

    /// <summary>Splits a number over planes of rows and columns.</summary>
    protected (PtxOperand Plane, PtxOperand Y, PtxOperand X) Pixel(PtxOperand number, PtxOperand down, PtxOperand across)
    {
        var (above, x) = Divide(number, across);
        var (image, y) = Divide(above, down);
        return (image, y, x);
    }

    // What a tap of a window sees of an image; padding is 0.
    PtxOperand Seen(PtxOperand image, PtxOperand channel, PtxOperand y, PtxOperand x, PtxOperand tap)
    {
        var (w, (ky, kx)) = (kernel.Window, Divide(tap, kernelWidth));
        PtxOperand Along(PtxOperand at, int stride, PtxOperand step, int dilation, int padding) =>
            Index.Subtract(Index.MultiplyAdd(at, Index.Number(stride), Index.Multiply(step, Index.Number(dilation))), Index.Number(padding));
        var (row, column) = (Along(y, w.StrideHeight, ky, w.DilationHeight, w.PaddingTop), Along(x, w.StrideWidth, kx, w.DilationWidth, w.PaddingLeft));
        return Within([(row, height), (column, width)], () => Plane(0, image, Index.Add(firstChannel, channel), row, column, width));
    }

    // The element of a map whose window has a pixel under a tap; 0 where there is none.
    PtxOperand Reached(PtxOperand image, PtxOperand filter, PtxOperand y, PtxOperand x, PtxOperand tap)
    {
        var (w, (ky, kx)) = (kernel.Window, Divide(tap, kernelWidth));
        PtxOperand From(PtxOperand at, PtxOperand step, int dilation, int padding) => Index.Subtract(Index.Add(at, Index.Number(padding)), Index.Multiply(step, Index.Number(dilation)));
        var (fromY, fromX) = (From(y, ky, w.DilationHeight, w.PaddingTop), From(x, kx, w.DilationWidth, w.PaddingLeft));
        var ((row, besideY), (column, besideX)) = (Divide(fromY, Index.Number(w.StrideHeight)), Divide(fromX, Index.Number(w.StrideWidth)));
        return Within([(fromY, null), (fromX, null), (besideY, Index.Number(1)), (besideX, Index.Number(1)), (row, mapHeight), (column, mapWidth)],
            () => Plane(0, image, Index.Add(firstFilter, filter), row, column, mapWidth));
    }

    // A value where all places are from 0 to below an end; 0 elsewhere.
    PtxOperand Within(IEnumerable<(PtxOperand Place, PtxOperand? End)> places, Func<PtxOperand> read)
    {
        var (value, outside) = (Code.Copy(Zero), Code.Label("PADDING"));
        foreach (var (place, end) in places)
        {
            Code.Branch(outside, Index.Compare("lt", place, Index.Number(0)));
            if (end is { } below) Code.Branch(outside, Index.Compare("ge", place, below));
        }
        Code.Assign(value, read());
        Code.Place(outside);
        return value;
    }

    // An element of an image or a map.
    PtxOperand Plane(int operand, PtxOperand image, PtxOperand plane, PtxOperand y, PtxOperand x, PtxOperand across) =>
        makers[operand] is { } maker ? maker.Make(image, plane, Index.MultiplyAdd(y, across, x)) : Load(operand, image, plane, y, x);

    PtxOperand Weight(int operand, PtxOperand filter, PtxOperand channel, PtxOperand tap)
    {
        if (makers[operand] is { } maker) return maker.Make(Index.Number(0), filter, Index.MultiplyAdd(channel, taps, tap));
        var (ky, kx) = Divide(tap, kernelWidth);
        return Load(operand, filter, channel, ky, kx);
    }

    PtxOperand Load(int operand, params PtxOperand[] places) => PtxConversions.Load(Code, "global", kernel.Operands[operand].Access!.Type, Place(operand, places));

    string Place(int operand, PtxOperand[] places) => "[" + Address(operand, places) + "]";

    /// <summary>The address of an element of an operand, by its place along each axis.</summary>
    protected PtxOperand Address(int operand, params PtxOperand[] places)
    {
        var access = kernel.Operands[operand].Access!;
        var element = Index.Number(0);
        for (var axis = 0; axis < places.Length; axis++) element = Index.MultiplyAdd(places[axis], Size(access.Strides[axis]), element);
        return Index.Address(Argument(Names[operand]), element, access.Type.Size());
    }
}
