using System;

namespace Graph.Compiler.Targets;

/// <summary>
/// How the gradient of a convolution's weight is cut, by its sizes alone: the pixels into chunks, the chunks into slices whose sums are added in order, and the channels into blocks. A task is a slice of one block or several.
/// It fixes the order of the sums, and how much memory the partial sums take.
/// </summary>
public readonly struct GradientCut
{
    // Columns of the partial sums are a multiple of the widest tile, so that the layout is the same on every processor.
    const long ColumnGranule = 32;

    // Chunks of fewer pixels are worse than a narrower block of channels.
    const long FewPixels = 32;

    // The most channels of a block.
    const long MostChannels = 32;

    /// <summary>Per group: channels, filters and taps.</summary>
    public readonly long Channels, Filters, Taps;

    /// <summary>Channels of a block, the floats they take of a turned image for each pixel, and the blocks.</summary>
    public readonly long BlockChannels, Pixel, Blocks;

    /// <summary>Columns (tap, channel) of a block's product, and the same rounded up.</summary>
    public readonly long Columns, ColumnStride;

    /// <summary>A chunk of pixels is this many images, or rows of one image, or columns of one row; a slice is a run of chunks.</summary>
    public readonly long ChunkImages, ChunkRows, ChunkColumns, ImageChunks, RowChunks, ColumnChunks, Slices;

    /// <summary>True when not even one pixel of one channel has room in a processor's memory.</summary>
    public readonly bool IsTooLarge;

    readonly long groups;

    public GradientCut(in ConvolutionSizes sizes, ProductSums sums, PackingModel packing)
    {
        this = default;
        groups = sizes.Groups;
        Channels = sizes.Channels / sizes.Groups;
        Filters = sizes.Filters / sizes.Groups;
        Taps = sizes.KernelHeight * sizes.KernelWidth;
        for (var most = MostChannels; ; most /= 2)
        {
            Blocks = Math.Max(1, PackingModel.Ceiling(Channels, most));
            BlockChannels = PackingModel.Ceiling(Channels, Blocks);
            Blocks = BlockChannels == 0 ? 0 : PackingModel.Ceiling(Channels, BlockChannels);
            Pixel = BlockChannels <= 4 ? Math.Max(1, BlockChannels) : (BlockChannels + 7) / 8 * 8;
            Columns = Taps * Pixel;
            ColumnStride = PackingModel.Ceiling(Columns, ColumnGranule) * ColumnGranule;
            for (var pixels = sums.GradientPixels; pixels >= 1; pixels /= 2)
            {
                // An empty map has no chunks.
                long width = Math.Max(1, sizes.MapWidth), rows = Math.Max(1, sizes.MapHeight);
                ChunkRows = Clamp(pixels / width, 1, rows);
                RowChunks = PackingModel.Ceiling(rows, ChunkRows);
                ChunkRows = PackingModel.Ceiling(rows, RowChunks);
                RowChunks = PackingModel.Ceiling(rows, ChunkRows);
                ChunkColumns = ChunkRows > 1 ? width : Math.Min(pixels, width);
                ColumnChunks = PackingModel.Ceiling(width, ChunkColumns);
                ChunkColumns = PackingModel.Ceiling(width, ColumnChunks);
                ColumnChunks = PackingModel.Ceiling(width, ChunkColumns);
                ChunkImages = ChunkRows == rows && ColumnChunks == 1 ? Clamp(pixels / (width * rows), 1, Math.Max(1, sizes.Batch)) : 1;
                ImageChunks = sizes.MapWidth <= 0 || sizes.MapHeight <= 0 ? 0 : PackingModel.Ceiling(sizes.Batch, ChunkImages);
                var fits = ChunkImages * TurnedRows(sizes, ChunkRows) * TurnedWidth(sizes, ChunkColumns) * Padded(Pixel) + 64 <= packing.TurnedFloats
                    && PackingModel.Ceiling(Taps * Padded(Pixel), ColumnGranule) * ColumnGranule / 8 * PackingModel.PanelFloats(ChunkPixels, 8) <= packing.PackedFloats;
                if (!fits || (ChunkPixels < FewPixels && ChunkPixels < sizes.MapHeight * sizes.MapWidth && most > 1)) continue;
                Slices = Clamp(sums.GradientTasks / Math.Max(1, groups * Blocks), 1, Math.Max(1, Chunks));
                return;
            }
            if (most > 1) continue;
            IsTooLarge = true;
            return;
        }
    }

    // Two channels and three take the room of four, so that how many they are moves no border between chunks.
    static long Padded(long pixel) => pixel is 2 or 3 ? 4 : pixel;

    long ChunkPixels => ChunkImages * ChunkRows * ChunkColumns;

    public long Chunks => ImageChunks * RowChunks * ColumnChunks;

    /// <summary>Floats of one slice's sums.</summary>
    public long SliceFloats => groups * Blocks * Filters * ColumnStride;

    /// <summary>Floats of all partial sums.</summary>
    public long Floats => IsTooLarge ? 0 : Slices * SliceFloats;

    /// <summary>Columns and rows of an image that some of a chunk see.</summary>
    public static long TurnedWidth(in ConvolutionSizes sizes, long columns) => (columns - 1) * sizes.StrideWidth + (sizes.KernelWidth - 1) * sizes.DilationWidth + 1;

    /// <inheritdoc cref="TurnedWidth"/>
    public static long TurnedRows(in ConvolutionSizes sizes, long rows) => (rows - 1) * sizes.StrideHeight + (sizes.KernelHeight - 1) * sizes.DilationHeight + 1;

    static long Clamp(long value, long least, long most) => Math.Max(least, Math.Min(most, value));
}
