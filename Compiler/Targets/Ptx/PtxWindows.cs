using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>How pools walk over planes: the elements that a window sees, and the windows that see an element.</summary>
static class PtxWindows
{
    /// <summary>Sizes that pools take.</summary>
    public static ImmutableArray<string> Names { get; } =
        ["height", "width", "map_height", "map_width", "kernel_height", "kernel_width", "stride_height", "stride_width", "padding_top", "padding_left", "extent", "row", "column"];

    /// <summary>Which of them says how many threads there are.</summary>
    public const int Extent = 10;

    /// <summary>Their values.</summary>
    public static ImmutableArray<long> Sizes(LibraryLaunch launch, long[] image, long[] map, long extent, DimBinding binding)
    {
        (long Down, long Across) Pair(string name, int fallback) => launch.Attributes.Ints(name) switch
        {
            { Length: 0 } => (fallback, fallback),
            { Length: 1 } one => (one[0], one[0]),
            { Length: 2 } two => (two[0], two[1]),
            var more => throw new NotSupportedException($"{launch.Operation} has {more.Length} numbers for {name}."),
        };
        var (kernel, stride, padding) = (Pair("kernel", 1), Pair("stride", 1), Pair("padding", 0));
        return [image[2], image[3], map[2], map[3], kernel.Down, kernel.Across, stride.Down, stride.Across, padding.Down, padding.Across, extent, launch.Strides[0][2].Evaluate(binding), launch.Strides[0][3].Evaluate(binding)];
    }

    /// <summary>Where the planes of what is read begin.</summary>
    public static ImmutableArray<(string Name, StridedWalk Walk)> Walks(LibraryLaunch launch) => [("planes", StridedWalk.Of(launch.Shapes[0].Zip(launch.Strides[0], (size, stride) => (size, stride)).Take(2)))];

    /// <summary>Visits what the window of an element of the map sees, row by row.</summary>
    /// <param name="code">The kernel.</param>
    /// <param name="element">The element's number in the map.</param>
    /// <param name="visit">Gets the places in the plane and in the image.</param>
    public static void Of(PtxLibraryCode code, PtxOperand element, Action<PtxOperand, PtxOperand> visit)
    {
        var index = code.Index;
        var (above, x) = code.Divide(element, code["map_width"]);
        var (plane, y) = code.Divide(above, code["map_height"]);
        var (fromY, toY) = Range(y, code["stride_height"], code["padding_top"], code["kernel_height"], code["height"]);
        var (fromX, toX) = Range(x, code["stride_width"], code["padding_left"], code["kernel_width"], code["width"]);
        var start = code.Walk("planes", plane);
        PtxLoop.For(code.Code, index, fromY, toY, 1, row => PtxLoop.For(code.Code, index, fromX, toX, 1, column =>
        {
            var inPlane = index.MultiplyAdd(row, code["width"], column);
            visit(inPlane, index.Add(start, index.MultiplyAdd(row, code["row"], index.Multiply(column, code["column"]))));
        }));

        (PtxOperand, PtxOperand) Range(PtxOperand at, PtxOperand stride, PtxOperand padding, PtxOperand kernel, PtxOperand size)
        {
            var first = index.Subtract(index.Multiply(at, stride), padding);
            return (index.Larger(first, index.Number(0)), index.Smaller(index.Add(first, kernel), size));
        }
    }

    /// <summary>Visits the elements of the map whose windows see an element of the image, in their order.</summary>
    /// <param name="code">The kernel.</param>
    /// <param name="element">The element's number in the image.</param>
    /// <param name="visit">Gets the place in the map.</param>
    public static void Seeing(PtxLibraryCode code, PtxOperand element, Action<PtxOperand> visit)
    {
        var index = code.Index;
        var (above, x) = code.Divide(element, code["width"]);
        var (plane, y) = code.Divide(above, code["height"]);
        var (fromY, toY) = Range(y, code["stride_height"], code["padding_top"], code["kernel_height"], code["map_height"]);
        var (fromX, toX) = Range(x, code["stride_width"], code["padding_left"], code["kernel_width"], code["map_width"]);
        var start = code.Walk("planes", plane);
        PtxLoop.For(code.Code, index, fromY, toY, 1, row => PtxLoop.For(code.Code, index, fromX, toX, 1, column => visit(index.Add(start, index.MultiplyAdd(row, code["row"], index.Multiply(column, code["column"]))))));

        // From the first whose window ends behind it to the last that begins at or before it.
        (PtxOperand, PtxOperand) Range(PtxOperand at, PtxOperand stride, PtxOperand padding, PtxOperand kernel, PtxOperand count)
        {
            var end = index.Add(at, padding);
            var first = index.Divide(index.Larger(index.Subtract(index.Add(end, stride), kernel), index.Number(0)), stride);
            return (first, index.Smaller(index.Add(index.Divide(end, stride), index.Number(1)), count));
        }
    }
}
