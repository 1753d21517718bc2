using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Kernels;

/// <summary>Elements of some axes of an operand, counted row by row, and where each of them lies. Axes that pass as one are one: whatever lies element behind element has a single axis.</summary>
/// <param name="Sizes">The axes' sizes, at least one.</param>
/// <param name="Strides">From one element of an axis to the next.</param>
public sealed record StridedWalk(ImmutableArray<Dim> Sizes, ImmutableArray<Dim> Strides)
{
    /// <summary>All elements of a launch's operand.</summary>
    public static StridedWalk All(LibraryLaunch launch, int operand) => Of(launch.Shapes[operand].Zip(launch.Strides[operand], (size, stride) => (size, stride)));

    /// <summary>The first elements of an operand's lines along an axis.</summary>
    public static StridedWalk Lines(LibraryLaunch launch, int operand, int axis) =>
        Of(launch.Shapes[operand].Zip(launch.Strides[operand], (size, stride) => (size, stride)).Where((_, a) => a != axis));

    /// <summary>For each element of one operand, the first element of the line along an axis of another operand that it belongs to; their other axes are alike.</summary>
    public static StridedWalk LinesOf(LibraryLaunch launch, int elements, int lines, int axis) =>
        Of(launch.Shapes[elements].Zip(launch.Strides[lines], (size, stride) => (size, stride)).Select((a, i) => i == axis ? (a.size, Dim.Zero) : a));

    /// <summary>Axes from the outermost to the innermost.</summary>
    public static StridedWalk Of(IEnumerable<(Dim Size, Dim Stride)> axes)
    {
        var walk = new List<(Dim Size, Dim Stride)>();
        foreach (var axis in axes)
        {
            if (axis.Size.Is(1)) continue;
            if (walk.Count > 0 && walk[walk.Count - 1] is var outer && outer.Stride == axis.Stride * axis.Size) walk[walk.Count - 1] = (outer.Size * axis.Size, axis.Stride);
            else walk.Add(axis);
        }
        if (walk.Count == 0) walk.Add((Dim.One, Dim.Zero));
        return new([.. walk.Select(a => a.Size)], [.. walk.Select(a => a.Stride)]);
    }
}
