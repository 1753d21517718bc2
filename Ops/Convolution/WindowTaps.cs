using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>
/// Windows by other operations, one tap after the other: what a tap of all windows sees is a view of the padded image. For targets without kernels for pools and convolutions.
/// </summary>
/// <param name="b">Where the operations go.</param>
/// <param name="window">The windows.</param>
/// <param name="map">The shape of what has one element for each of them.</param>
sealed class WindowTaps(Builder b, Window window, Shape map)
{
    // Windows of more taps are not written out.
    const int Most = 144;

    /// <summary>Why a window is not written out; null when it is.</summary>
    public static string? TooMany(Window window) =>
        (long)window.KernelHeight * window.KernelWidth <= Most ? null : $"its window of {window.KernelHeight} by {window.KernelWidth} has more than the {Most} taps that are written out";

    /// <summary>Rows and columns of the window, in their order.</summary>
    public IEnumerable<(int Row, int Column)> All => from row in Enumerable.Range(0, window.KernelHeight) from column in Enumerable.Range(0, window.KernelWidth) select (row, column);

    /// <summary>The image with zeros around it, behind it so many that every stride is whole.</summary>
    public Value Padded(Value image) => PadOperation.Pad(
        b, PadOperation.Pad(b, image, 2, window.PaddingHeight, window.PaddingHeight + window.StrideHeight - 1), 3, window.PaddingWidth, window.PaddingWidth + window.StrideWidth - 1);

    /// <summary>What a tap of each window sees of a padded image.</summary>
    public Value Seen(Value padded, (int Row, int Column) tap) =>
        Every(Every(padded, 2, tap.Row * window.DilationHeight, window.StrideHeight), 3, tap.Column * window.DilationWidth, window.StrideWidth);

    // As many elements along an axis as the map has, so many apart.
    Value Every(Value x, int axis, int from, int step)
    {
        var part = b.Slice(x, axis, from, from + map[axis] * step);
        if (step == 1) return part;
        var groups = b.Slice(b.Reshape(part, part.Shape.With(axis, map[axis]).Insert(axis + 1, step)), axis + 1, 0, 1);
        return b.Reshape(groups, groups.Shape.Remove(axis + 1));
    }

    /// <summary>Which row of the image (axis 2) or column (3) a tap of each window sees, those of the padding included: an i32 for each along that axis of the map.</summary>
    public Value Place(int axis, int tap)
    {
        var (step, first) = axis == 2 ? (window.StrideHeight, tap * window.DilationHeight - window.PaddingHeight) : (window.StrideWidth, tap * window.DilationWidth - window.PaddingWidth);
        var number = b.Iota(new(Enumerable.Range(0, 4).Select(a => a == axis ? map[axis] : Dim.One)), axis, DType.I32);
        return b.Add(b.Mul(number, b.ConstantLike(step, number)), b.ConstantLike(first, number));
    }

    /// <summary>The image to whose elements all windows that see one give something: the last tap's first, which is the order of the windows.</summary>
    /// <param name="of">What a tap gives, in the shape of the map.</param>
    /// <param name="image">The image's shape.</param>
    public Value Spread(Func<(int Row, int Column), Value> of, Shape image)
    {
        Value? sum = null;
        foreach (var tap in All.Reverse())
        {
            var rows = Back(of(tap), 2, tap.Row * window.DilationHeight, (window.KernelHeight - 1 - tap.Row) * window.DilationHeight, window.StrideHeight, window.PaddingHeight, image[2]);
            var part = Back(rows, 3, tap.Column * window.DilationWidth, (window.KernelWidth - 1 - tap.Column) * window.DilationWidth, window.StrideWidth, window.PaddingWidth, image[3]);
            sum = sum is null ? part : b.Add(sum, part);
        }
        return sum!;
    }

    // Elements along an axis so many apart, with zeros between and around them, without the padding.
    Value Back(Value x, int axis, int before, int after, int step, int padding, Dim size)
    {
        if (step > 1)
        {
            var apart = PadOperation.Pad(b, b.Reshape(x, x.Shape.Insert(axis + 1, 1)), axis + 1, 0, step - 1);
            x = b.Reshape(apart, x.Shape.With(axis, x.Shape[axis] * step));
        }
        return b.Slice(PadOperation.Pad(b, x, axis, before, after), axis, padding, padding + size);
    }
}
