using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// Where a convolution reads and writes four neighbours of its matrices as one access: weights and maps along the summed extent, what a window of one pixel sees along pixels, results along columns. Which of them a kernel may have follows from its
/// value; whether they lie so, a launch finds out from sizes and strides.
/// </summary>
static class PtxConvolutionFours
{
    // The operands of a convolution as those of a product: what windows see is the right one.
    const int Right = 0, Left = 1, Result = 2;

    /// <summary>Whether the left operand may be staged by four.</summary>
    public static bool HasLeft(ConvolutionKernel kernel) => kernel.Kind != ConvolutionKind.ImageGradient && IsFour(kernel, Left);

    /// <summary>Whether the right operand may be: a window of one pixel sees neighbours.</summary>
    public static bool HasRight(ConvolutionKernel kernel) => IsFour(kernel, Right) && kernel.Sizes[5].Is(1) && kernel.Sizes[6].Is(1)
        && kernel.Window is { StrideHeight: 1, StrideWidth: 1, PaddingTop: 0, PaddingLeft: 0 };

    /// <summary>Whether results may be written by four, or taken by the epilogue.</summary>
    public static bool HasResult(ConvolutionKernel kernel) => kernel.Epilogue is { } takes ? PtxBodyOfFour.Fits(takes) : IsFour(kernel, Result);

    static bool IsFour(ConvolutionKernel kernel, int operand) => kernel.Operands[operand].Access is { } access && PtxFours.IsFour(access.Type);

    /// <summary>The parameters that say so.</summary>
    public static IEnumerable<PtxArgument> Flags(ConvolutionKernel kernel) =>
        from flag in new (bool Has, string Name)[] { (HasLeft(kernel), PtxTiles.Left4Name), (HasRight(kernel), PtxTiles.Right4Name), (HasResult(kernel), PtxTiles.Result4Name) }
        where flag.Has
        select new PtxArgument.Flag(flag.Name);

    /// <summary>What they are in a launch.</summary>
    /// <param name="launch">The launch.</param>
    /// <param name="starts">Where blocks of the summed extent begin, and the last one ends.</param>
    /// <param name="binding">The sizes.</param>
    public static IEnumerable<(string Name, long IsAligned)> Of(ConvolutionLaunch launch, IReadOnlyList<long> starts, DimBinding binding)
    {
        var (kernel, s) = (launch.Kernel, launch.Shape.Evaluate(binding));
        var taps = s.KernelHeight * s.KernelWidth;
        var areSteps = starts.All(IsMultiple);
        if (HasLeft(kernel))
            yield return (PtxTiles.Left4Name, One(areSteps && (kernel.Kind == ConvolutionKind.Forward ? IsDense(Left, taps, s.KernelHeight, s.KernelWidth) : AreDensePlanes(Left, s.MapHeight, s.MapWidth))));
        if (HasRight(kernel))
        {
            // Padding behind the image alone would give it a larger map.
            var areSame = s.MapHeight == s.Height && s.MapWidth == s.Width;
            yield return (PtxTiles.Right4Name, One(areSame && (kernel.Kind != ConvolutionKind.WeightGradient || areSteps) && AreDensePlanes(Right, s.Height, s.Width)));
        }
        if (HasResult(kernel))
        {
            var (height, width) = kernel.Kind == ConvolutionKind.Forward ? (s.MapHeight, s.MapWidth) : (s.Height, s.Width);
            yield return (PtxTiles.Result4Name, One(
                kernel.Kind == ConvolutionKind.WeightGradient ? IsMultiple(s.Channels / s.Groups * taps) && IsDense(Result, taps, s.KernelHeight, s.KernelWidth)
                : kernel.Epilogue is { } takes ? IsMultiple(height * width) && PtxBodyOfFour.AreAligned(takes, i => launch.Operands[launch.HookC!.First + i], launch.HookC!.Dims, binding)
                : AreDensePlanes(Result, height, width)));
        }

        static long One(bool holds) => holds ? 1 : 0;

        static bool IsMultiple(long number) => number % PtxFours.Elements == 0;

        long Stride(int operand, int axis) => kernel.Operands[operand].Access!.Strides[axis].In(launch.Dims).Evaluate(binding);

        bool Begins(int operand) => IsMultiple(launch.Operands[kernel.Operands[operand].Access!.Pointer].Offset.Evaluate(binding)) && IsMultiple(Stride(operand, 0));

        // Rows of a plane, one behind the other.
        bool IsPlane(int operand, long height, long width) => (width == 1 || Stride(operand, 3) == 1) && (height == 1 || Stride(operand, 2) == width);

        // A weight whose channels and taps lie behind one another.
        bool IsDense(int operand, long taps, long height, long width) => Begins(operand) && IsPlane(operand, height, width) && Stride(operand, 1) == taps;

        bool AreDensePlanes(int operand, long height, long width) => Begins(operand) && IsPlane(operand, height, width) && IsMultiple(height * width) && IsMultiple(Stride(operand, 1));
    }
}
