using System;
using System.Globalization;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets;

/// <summary>
/// In which order the sums of products and convolutions are added up: by shape and these numbers, never by the machine that runs them. An element is the sum of its blocks in order, each of them one chain of
/// multiply-adds from 0 that are rounded once, padding included; or the sum of its slices in order, each of them a sum of blocks.
/// What <see cref="ReductionOrder"/> is for reductions; the CPU's library asks here, too, so that the order is said once. How the gradient of a convolution's weight is cut, <see cref="GradientCut"/> says.
/// </summary>
/// <param name="DepthBlock">The most steps of the summed extent between two additions to the result.</param>
/// <param name="SliceElements">A result of no more elements has its sum cut into slices…</param>
/// <param name="SliceLeast">…when that has so many blocks at least…</param>
/// <param name="SliceMost">…into so many at most.</param>
/// <param name="SliceDeep">A larger one has it cut too, where there are so many blocks for each <paramref name="SliceElements"/> of its elements: so many passes over a result cost more than adding up slices. 0 for never.</param>
/// <param name="GradientPixels">The most pixels of a chunk in the gradient of a convolution's weight; 0 where convolutions are products like others.</param>
/// <param name="GradientTasks">Into about so many shares it is cut.</param>
public sealed record ProductSums(long DepthBlock, long SliceElements, long SliceLeast, long SliceMost, long SliceDeep, long GradientPixels, long GradientTasks)
{
    /// <summary>The order of sums of a type: those of float32 have slices and shares of their own, others are blocks one behind the other.</summary>
    public ProductSums In(DType accumulator) => accumulator == DType.F32 ? this : new(DepthBlock, 0, 0, 0, 0, 0, 0);

    /// <summary>Whether another order is the same. As a record's equality, but for the comparers that this would load when a model starts.</summary>
    public bool IsLike(ProductSums other) =>
        DepthBlock == other.DepthBlock && SliceElements == other.SliceElements && SliceLeast == other.SliceLeast && SliceMost == other.SliceMost && SliceDeep == other.SliceDeep && GradientPixels == other.GradientPixels && GradientTasks == other.GradientTasks;

    /// <summary>For the texts of kernels and targets.</summary>
    public string Text => FormattableString.Invariant($"blocks={DepthBlock} slices={SliceElements}/{SliceLeast}/{SliceMost}/{SliceDeep} gradients={GradientPixels}/{GradientTasks}");

    /// <summary>Whether the sums of products are blocks alone, one behind the other.</summary>
    public bool IsPlain => SliceMost == 0;

    /// <summary>Whether convolutions are products like others, over channels and all taps, or over images and pixels: their sums are blocks one behind the other.</summary>
    public bool HasPlainConvolutions => GradientPixels == 0;

    /// <summary>Into how many blocks the summed extent of a product is cut.</summary>
    public long Blocks(long depth) => Math.Max(1, Parts(depth, DepthBlock));

    /// <summary>Where a block begins, and the one before it ends: they are about equal, and where there are slices all but the last a multiple of 8 long.</summary>
    public long Start(long block, long depth) => IsPlain ? block * depth / Blocks(depth) : Math.Min(block * Length(depth), depth);

    /// <summary>How long all blocks but the last are where there are slices.</summary>
    public long Length(long depth) => (Parts(depth, Blocks(depth)) + 7) / 8 * 8;

    /// <summary>How many blocks each slice has, but for the last; all of them when the sum is not cut. Products of several matrices are not.</summary>
    public long SliceBlocks(long rows, long columns, long blocks)
    {
        var size = rows * columns;
        if (size == 0 || SliceMost == 0 || blocks < SliceLeast) return blocks;
        if (size <= SliceElements) return Parts(blocks, Clamp(SliceElements / size, Math.Min(SliceMost, blocks / 2)));
        var times = Parts(size, SliceElements);
        if (SliceDeep == 0 || blocks < SliceDeep * times) return blocks;
        // What all slices take in memory is bounded whatever the size.
        return Parts(blocks, Clamp(MostTimes * SliceMost / times, Math.Min(SliceMost, blocks / 2)));
    }

    // Slices of larger results take so many times what all those of the smaller ones do.
    const long MostTimes = 4;

    /// <summary>Into how many slices the sums of one product are cut; 1 for none.</summary>
    public long Slices(long rows, long columns, long depth) => Parts(Blocks(depth), SliceBlocks(rows, columns, Blocks(depth)));

    /// <summary>How many channels each block of a convolution's sum has, or of its image's gradient: whole channels, with all taps of the window.</summary>
    /// <param name="channels">Summed channels of a group.</param>
    /// <param name="taps">The most taps that reach a pixel.</param>
    public long Channels(long channels, long taps) => Even(channels, Math.Max(1, DepthBlock / Math.Max(1, taps)));

    /// <summary>The pixels of a block in the gradient of a convolution's weight: so many whole images, or rows of one image, or columns of one row.</summary>
    public (long Images, long Rows, long Columns) Pixels(long images, long height, long width)
    {
        var rows = Even(height, Clamp(GradientPixels / width, height));
        var columns = rows > 1 ? width : Even(width, GradientPixels);
        return (rows == height && columns == width ? Clamp(GradientPixels / (width * height), images) : 1, rows, columns);
    }

    /// <summary>Into how many slices of its blocks the gradient of a convolution's weight is cut.</summary>
    /// <param name="groups">Groups of channels.</param>
    /// <param name="channels">Channels of a group.</param>
    /// <param name="blocks">The blocks.</param>
    public long Shares(long groups, long channels, long blocks) => Clamp(GradientTasks / (groups * Parts(channels, ShareChannels)), blocks);

    const long ShareChannels = 32;

    static long Parts(long extent, long part) => part == 0 ? 0 : (extent + part - 1) / part;

    // As even as can be, with as few parts as there have to be.
    static long Even(long extent, long most) => extent == 0 ? 0 : Parts(extent, Parts(extent, most));

    static long Clamp(long value, long most) => Math.Max(1, Math.Min(value, most));

    /// <summary>Reads <see cref="Text"/>.</summary>
    /// <exception cref="FormatException">The text is none.</exception>
    public static ProductSums Parse(string text)
    {
        var numbers = text.Split(' ', '=', '/');
        if (numbers.Length != 10) throw new FormatException($"'{text}' is no order of sums");
        long At(int i) => long.Parse(numbers[i], NumberStyles.None, CultureInfo.InvariantCulture);
        var sums = new ProductSums(At(1), At(3), At(4), At(5), At(6), At(8), At(9));
        return sums.Text == text ? sums : throw new FormatException($"'{text}' is no order of sums");
    }
}
