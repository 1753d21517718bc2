using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

/// <summary>
/// The state of one weight gradient that its workers share: partial[slice][row, (tap, channel)] = Σ over the slice's pixels of map gradient[row, pixel] · image[channel, pixel + tap].
/// A task takes a slice of the pixels and a block of channels. Its image block is turned so that channels are contiguous; then a tap's row of the product's right side is a plain copy.
/// </summary>
unsafe struct ConvolutionWeightJob
{
    const long TurnedFloats = 96 * 1024;
    const long PackFloats = 160 * 1024;
    const long PanelFloats = 16 * 1024;
    internal const long ChunkPixels = 256;
    internal const long TargetTasks = 16;

    // Columns of the partial sums are a multiple of the widest tile, so that the layout is the same on every processor.
    const long ColumnGranule = 32;

    public Machine Machine;
    public float** Scratch;
    public ConvolutionCall* Call;
    ConvolutionPlanes images, maps;
    public float* Partial;

    /// <summary>Per group: channels, filters and taps.</summary>
    public long Channels, Filters, Taps;

    /// <summary>Channels of a block, the floats they take in the turned image, and the blocks.</summary>
    public long BlockChannels, Pixel, Blocks;

    /// <summary>Columns (tap, channel) of a block's product, and the same rounded up.</summary>
    public long Columns, ColumnStride;

    /// <summary>A chunk of pixels is this many images, or rows of one image, or columns of one row; a slice is a run of chunks.</summary>
    public long ChunkImages, ChunkRows, ChunkColumns, ImageChunks, RowChunks, ColumnChunks, Slices;

    /// <summary>True when not even one pixel of one channel has room in scratch memory.</summary>
    public bool IsTooLarge;

    public ConvolutionWeightJob(ConvolutionCall* call)
    {
        this = default;
        Call = call;
        images = call->Images;
        maps = call->Maps;
        Channels = call->Channels / call->Groups;
        Filters = call->Filters / call->Groups;
        Taps = call->KernelHeight * call->KernelWidth;
        for (long most = 32; ; most /= 2)
        {
            Blocks = Math.Max(1, (Channels + most - 1) / most);
            BlockChannels = (Channels + Blocks - 1) / Blocks;
            Blocks = BlockChannels == 0 ? 0 : (Channels + BlockChannels - 1) / BlockChannels;
            Pixel = BlockChannels <= 1 ? 1 : BlockChannels <= 4 ? 4 : (BlockChannels + 7) / 8 * 8;
            Columns = Taps * Pixel;
            ColumnStride = (Columns + ColumnGranule - 1) / ColumnGranule * ColumnGranule;
            for (long pixels = ChunkPixels; pixels >= 1; pixels /= 2)
            {
                Cut(pixels);
                // A narrower block of channels is better than chunks of a few pixels.
                if (Fits && (ChunkPixelCount >= 32 || ChunkPixelCount >= call->MapHeight * call->MapWidth || most == 1)) goto found;
            }
            if (most > 1) continue;
            IsTooLarge = true;
            return;
        }
    found:
        Slices = Math.Clamp(TargetTasks / Math.Max(1, call->Groups * Blocks), 1, Math.Max(1, Chunks));
    }

    readonly long ChunkPixelCount => ChunkImages * ChunkRows * ChunkColumns;

    readonly long Chunks => ImageChunks * RowChunks * ColumnChunks;

    public readonly long Tasks => Call->Groups * Blocks * Slices;

    /// <summary>Floats of one slice's sums.</summary>
    readonly long SliceFloats => Call->Groups * Blocks * Filters * ColumnStride;

    public readonly long WorkspaceFloats => Slices * SliceFloats;

    void Cut(long pixels)
    {
        // An empty map has no chunks.
        long width = Math.Max(1, Call->MapWidth), rows = Math.Max(1, Call->MapHeight);
        ChunkRows = Math.Clamp(pixels / width, 1, rows);
        RowChunks = (rows + ChunkRows - 1) / ChunkRows;
        ChunkRows = (rows + RowChunks - 1) / RowChunks;
        RowChunks = (rows + ChunkRows - 1) / ChunkRows;
        ChunkColumns = ChunkRows > 1 ? width : Math.Min(pixels, width);
        ColumnChunks = (width + ChunkColumns - 1) / ChunkColumns;
        ChunkColumns = (width + ColumnChunks - 1) / ColumnChunks;
        ColumnChunks = (width + ChunkColumns - 1) / ChunkColumns;
        ChunkImages = ChunkRows == rows && ColumnChunks == 1 ? Math.Clamp(pixels / (width * rows), 1, Math.Max(1, Call->Batch)) : 1;
        ImageChunks = Call->MapWidth <= 0 || Call->MapHeight <= 0 ? 0 : (Call->Batch + ChunkImages - 1) / ChunkImages;
    }

    readonly long TurnedWidth(long columns) => (columns - 1) * Call->StrideWidth + (Call->KernelWidth - 1) * Call->DilationWidth + 1;

    readonly long TurnedRows(long rows) => (rows - 1) * Call->StrideHeight + (Call->KernelHeight - 1) * Call->DilationHeight + 1;

    readonly bool Fits =>
        ChunkImages * TurnedRows(ChunkRows) * TurnedWidth(ChunkColumns) * Pixel + 64 <= TurnedFloats
        && ColumnStride / 8 * Packing.PanelStep(ChunkPixelCount, 8) <= PackFloats;

    readonly float* PartialOf(long slice, long group, long block) => Partial + slice * SliceFloats + (group * Blocks + block) * Filters * ColumnStride;

    /// <summary>Body: tasks numbered (group, slice, block of channels), blocks fastest.</summary>
    public static void RunTasks(void* context, long begin, long end, int worker)
    {
        var job = (ConvolutionWeightJob*)context;
        for (long i = begin; i < end; i++)
        {
            long block = i % job->Blocks, slice = i / job->Blocks % job->Slices, group = i / (job->Blocks * job->Slices);
            job->RunTask(group, slice, block, job->Scratch[worker]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    readonly void RunTask(long group, long slice, long block, float* scratch)
    {
        float* turned = scratch, packedB = turned + TurnedFloats, packedA = packedB + PackFloats, made = packedA + PanelFloats;
        float* sums = PartialOf(slice, group, block);
        long chunk = slice * Chunks / Slices, last = (slice + 1) * Chunks / Slices, add = 0;
        long panels = (Filters + Machine.Rows - 1) / Machine.Rows;
        for (; chunk < last; chunk++, add = 1)
        {
            long column = chunk % ColumnChunks * ChunkColumns, row = chunk / ColumnChunks % RowChunks * ChunkRows, image = chunk / (ColumnChunks * RowChunks) * ChunkImages;
            long columns = Math.Min(ChunkColumns, Call->MapWidth - column), rows = Math.Min(ChunkRows, Call->MapHeight - row), count = Math.Min(ChunkImages, Call->Batch - image);
            long perImage = rows * columns, depth = count * perImage, stepB = Packing.PanelStep(depth, Machine.Columns);
            long turnedWidth = TurnedWidth(columns), turnedRows = TurnedRows(rows);
            for (long n = 0; n < count; n++)
            {
                Turn(group, block, image + n, row, rows, column, turnedRows, turnedWidth, turned + n * turnedRows * turnedWidth * Pixel, made);
            }
            PackColumns(turned, count, rows, columns, turnedRows, turnedWidth, packedB, stepB);
            for (long i = 0; i < panels; i++)
            {
                long first = i * Filters / panels, filters = (i + 1) * Filters / panels - first;
                for (long n = 0; n < count; n++) PackMap(packedA + n * perImage * Machine.PanelStride, image + n, group * Filters + first, filters, row, rows, column, columns, made);
                Tiles.Strip(Machine, filters, Columns, depth, packedA, packedB, stepB, sums + first * ColumnStride, ColumnStride, add, null);
            }
        }
        if (add == 0) new Span<float>(sums, checked((int)(Filters * ColumnStride))).Clear();
    }

    // A panel of some filters over the pixels of a chunk in one image: whole rows, or a part of one.
    readonly void PackMap(float* panel, long image, long filter, long filters, long row, long rows, long column, long columns, float* made)
    {
        long stride = Machine.PanelStride, width = Math.Min((filters + 7) / 8 * 8, stride), pixels = rows * columns;
        if (maps.IsMade)
        {
            maps.Make(made, pixels, image, filter, filters, row * maps.Width + column, pixels);
            Packing.Panel(panel, stride, made, pixels, 1, filters, width, filters, pixels);
            return;
        }
        float* map = maps.Plane(image, filter) + row * maps.RowStride + column * maps.ColumnStride;
        if (maps.HasOneStep || rows == 1)
        {
            Packing.Panel(panel, stride, map, maps.ChannelStride, maps.ColumnStride, filters, width, filters, pixels);
            return;
        }
        for (long y = 0; y < rows; y++)
        {
            Packing.Panel(panel + y * columns * stride, stride, map + y * maps.RowStride, maps.ChannelStride, maps.ColumnStride, filters, width, filters, columns);
        }
    }

    // turned[(row, column), channel]: the part of an image that a chunk's taps see, padded.
    readonly void Turn(long group, long block, long image, long row, long rows, long column, long turnedRows, long turnedWidth, float* turned, float* made)
    {
        long first = block * BlockChannels, channels = Math.Min(BlockChannels, Channels - first), channel = group * Channels + first;
        long top = row * Call->StrideHeight - Call->PaddingTop, left = column * Call->StrideWidth - Call->PaddingLeft;
        long from = Math.Clamp(-left, 0, turnedWidth), end = Math.Clamp(Call->Width - left, from, turnedWidth);
        var region = PlaneRegion.Within(images.Height, images.Width, top, turnedRows, left, turnedWidth);
        // Lines that lie behind one another are made at once, others one by one; each pixel once a chunk.
        bool whole = images.IsMade && region.Width == images.Width && Call->StrideHeight == 1 && Call->DilationHeight == 1;
        if (whole) images.Make(made, region.Pixels, image, channel, channels, region.Top * images.Width, region.Pixels);
        var (source, rowStep, step, channelStep) = images.IsMade
            ? ((nint)made, whole ? region.Width : 0, 1L, whole ? region.Pixels : region.Width)
            : ((nint)(images.Plane(image, channel) + region.Top * images.RowStride + region.Left * images.ColumnStride), images.RowStride, images.ColumnStride, images.ChannelStride);
        for (long y = 0; y < turnedRows; y++)
        {
            if (!IsRead(y, rows)) continue;
            float* to = turned + y * turnedWidth * Pixel;
            if (top + y < 0 || top + y >= Call->Height)
            {
                Clear(to, turnedWidth * Pixel);
                continue;
            }
            Clear(to, from * Pixel);
            if (end > from)
            {
                if (images.IsMade && !whole) images.Make(made, channelStep, image, channel, channels, (top + y) * images.Width + region.Left, region.Width);
                float* line = (float*)source + (top + y - region.Top) * rowStep;
                if (Pixel == 1 && step == 1) ConvolutionPacking.Copy(to + from, line, end - from);
                else Packing.Panel(to + from * Pixel, Pixel, line, channelStep, step, channels, Pixel, channels, end - from);
            }
            Clear(to + end * Pixel, (turnedWidth - end) * Pixel);
        }
    }

    readonly bool IsRead(long y, long rows)
    {
        if (Call->StrideHeight == 1 && Call->DilationHeight == 1) return true;
        for (long k = 0; k < Call->KernelHeight; k++)
        {
            long offset = y - k * Call->DilationHeight;
            if (offset >= 0 && offset % Call->StrideHeight == 0 && offset / Call->StrideHeight < rows) return true;
        }
        return false;
    }

    static void Clear(float* to, long count) => new Span<float>(to, (int)count).Clear();

    // Panels of the product's right side: row = pixel, column = (tap, channel).
    readonly void PackColumns(float* turned, long images, long rows, long columns, long turnedRows, long turnedWidth, float* packed, long stepB)
    {
        long width = Machine.Columns;
        // Where each run of a panel's lanes starts in the turned image, relative to the pixel.
        var segments = stackalloc Segment[(int)Math.Min(width, 64)];
        for (long first = 0; first < Columns; first += width, packed += stepB)
        {
            int count = 0;
            for (long lane = 0; lane < width && first + lane < Columns;)
            {
                long tap = (first + lane) / Pixel, channel = (first + lane) % Pixel, take = Math.Min(Pixel - channel, width - lane);
                long offset = (tap / Call->KernelWidth * Call->DilationHeight * turnedWidth + tap % Call->KernelWidth * Call->DilationWidth) * Pixel + channel;
                // Neighbouring taps without dilation make one run.
                if (count > 0 && segments[count - 1].Offset + segments[count - 1].Length == offset) segments[count - 1].Length += take;
                else segments[count++] = new Segment { Offset = offset, Lane = lane, Length = take };
                lane += take;
            }
            float* to = packed;
            for (long n = 0; n < images; n++)
            {
                for (long y = 0; y < rows; y++)
                {
                    float* from = turned + (n * turnedRows + y * Call->StrideHeight) * turnedWidth * Pixel;
                    PackRun(from, Call->StrideWidth * Pixel, columns, segments, count, to, width);
                    to += columns * width;
                }
            }
        }
    }

    struct Segment
    {
        public long Offset, Lane, Length;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void PackRun(float* from, long step, long pixels, Segment* segments, int count, float* to, long width)
    {
        if (count == 1 && segments[0].Length == width && width % 16 == 0)
        {
            from += segments[0].Offset;
            for (; pixels > 0; pixels--, from += step, to += width)
            {
                for (long i = 0; i < width; i += 16)
                {
                    var x = Vector256.Load(from + i);
                    var y = Vector256.Load(from + i + 8);
                    x.Store(to + i);
                    y.Store(to + i + 8);
                }
            }
            return;
        }
        // What runs over is written again by the next run or row.
        for (; pixels > 0; pixels--, from += step, to += width)
        {
            for (int s = 0; s < count; s++)
            {
                float* source = from + segments[s].Offset, target = to + segments[s].Lane;
                for (long i = 0; i < segments[s].Length; i += 4) Vector128.Load(source + i).Store(target + i);
            }
        }
    }

    /// <summary>Body: adds the slices of one filter in order and turns its window back: weight[channel, tap] = Σ partial[tap, channel].</summary>
    public static void Reduce(void* context, long begin, long end, int worker)
    {
        var job = (ConvolutionWeightJob*)context;
        for (long i = begin; i < end; i++) job->ReduceFilter(i / job->Filters, i % job->Filters, job->Scratch[worker]);
    }

    readonly void ReduceFilter(long group, long filter, float* scratch)
    {
        float* weight = Call->Weight + (group * Filters + filter) * Channels * Taps;
        for (long block = 0; block < Blocks; block++)
        {
            float* sums = PartialOf(0, group, block) + filter * ColumnStride;
            if (Slices > 1)
            {
                ConvolutionPacking.Copy(scratch, sums, Columns);
                for (long slice = 1; slice < Slices; slice++)
                {
                    float* more = PartialOf(slice, group, block) + filter * ColumnStride;
                    for (long i = 0; i < Columns; i++) scratch[i] += more[i];
                }
                sums = scratch;
            }
            long channels = Math.Min(BlockChannels, Channels - block * BlockChannels);
            float* to = weight + block * BlockChannels * Taps;
            if (Taps == 1) ConvolutionPacking.Copy(to, sums, channels);
            else
            {
                for (long t = 0; t < Taps; t++)
                {
                    for (long c = 0; c < channels; c++) to[c * Taps + t] = sums[t * Pixel + c];
                }
            }
        }
    }
}
