using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Graph.Compiler.Targets;

namespace Graph.Runtime.Cpu;

/// <summary>
/// The state of one weight gradient that its workers share: partial[slice][row, (tap, channel)] = Σ over the slice's pixels of map gradient[row, pixel] · image[channel, pixel + tap].
/// A task takes a slice of the pixels and a block of channels, or several, for which the map's gradient is packed once. Its image block is turned so that channels are contiguous; then a tap's row of the product's right side is a plain copy, or, where a tap
/// has whole register tiles of channels, a place in the turned block: such rows are listed, without the padding. Where an image has few channels the product is computed as its transpose, partial[slice][(tap, channel), row]: filters fill
/// the vectors that taps would not. Both are the same chains.
/// </summary>
unsafe struct ConvolutionWeightJob
{
    const long PanelFloats = 16 * 1024;

    public Machine Machine;
    public float** Scratch;
    readonly ConvolutionCall* call;
    readonly ConvolutionSizes sizes;
    readonly ConvolutionPlanes images, maps;
    readonly GradientCut cut;

    // Blocks of channels of a task, and the floats of a turned block.
    readonly long together, turnedBlock;

    public ConvolutionWeightJob(ConvolutionCall* call, in GradientCut cut, in Machine machine, long threads)
    {
        this = default;
        this.call = call;
        this.cut = cut;
        Machine = machine;
        sizes = call->Sizes;
        images = call->Images;
        maps = call->Maps;
        together = 1;
        if (!IsListed || cut.Blocks == 1) return;
        turnedBlock = (cut.ChunkImages * GradientCut.TurnedRows(sizes, cut.ChunkRows) * GradientCut.TurnedWidth(sizes, cut.ChunkColumns) * cut.Pixel / 16 | 1) * 16 + 16;
        // As many as there is room for, but for every thread two tasks.
        long tasks = threads == 1 ? 1 : 2 * threads, runs = Math.Clamp((tasks + call->Groups * cut.Slices - 1) / (call->Groups * cut.Slices), 1, cut.Blocks);
        together = Math.Clamp(Math.Min(cut.Blocks / runs, (Numerics.Packing.TurnedFloats - 64) / turnedBlock), 1, cut.Blocks);
    }

    // Runs of blocks.
    readonly long Runs => cut.Blocks == 0 ? 0 : (cut.Blocks + together - 1) / together;

    public readonly long Tasks => call->Groups * cut.Slices * Runs;

    readonly float* PartialOf(long slice, long group, long block) => call->Workspace + slice * cut.SliceFloats + (group * cut.Blocks + block) * cut.Filters * cut.ColumnStride;

    /// <summary>Body: tasks numbered (group, slice, run of blocks of channels), runs fastest.</summary>
    public static void RunTasks(void* context, long begin, long end, int worker)
    {
        var job = (ConvolutionWeightJob*)context;
        for (long i = begin; i < end; i++)
        {
            long runs = job->Runs, slice = i / runs % job->cut.Slices, group = i / (runs * job->cut.Slices), block = i % runs * job->together;
            job->RunTask(group, slice, block, Math.Min(job->together, job->cut.Blocks - block), job->Scratch[worker]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    readonly void RunTask(long group, long slice, long block, long blocks, float* scratch)
    {
        float* turned = scratch, packedB = turned + Numerics.Packing.TurnedFloats, packedA = packedB + Numerics.Packing.PackedFloats, made = packedA + PanelFloats;
        float* sums = PartialOf(slice, group, block);
        long chunk = slice * cut.Chunks / cut.Slices, last = (slice + 1) * cut.Chunks / cut.Slices, add = 0;
        long panels = (cut.Filters + Machine.Rows - 1) / Machine.Rows;
        for (; chunk < last; chunk++, add = 1)
        {
            long column = chunk % cut.ColumnChunks * cut.ChunkColumns, row = chunk / cut.ColumnChunks % cut.RowChunks * cut.ChunkRows, image = chunk / (cut.ColumnChunks * cut.RowChunks) * cut.ChunkImages;
            long columns = Math.Min(cut.ChunkColumns, call->MapWidth - column), rows = Math.Min(cut.ChunkRows, call->MapHeight - row), count = Math.Min(cut.ChunkImages, call->Batch - image);
            long perImage = rows * columns, depth = count * perImage, stepB = Packing.PanelStep(depth, Machine.Columns);
            long turnedWidth = GradientCut.TurnedWidth(sizes, columns), turnedRows = GradientCut.TurnedRows(sizes, rows);
            for (long b = 0; b < blocks; b++)
            {
                for (long n = 0; n < count; n++)
                    Turn(group, block + b, image + n, row, rows, column, turnedRows, turnedWidth, turned + b * turnedBlock + n * turnedRows * turnedWidth * cut.Pixel, made);
            }
            if (IsTransposed)
            {
                MultiplyTransposed(group, image, count, row, rows, column, columns, turnedRows, turnedWidth, turned, packedB, packedA, made, sums, add);
                continue;
            }
            MemoryAhead ahead = default;
            if (IsListed)
            {
                var counts = (int*)packedB;
                List(count, row, rows, column, columns, turnedRows, turnedWidth, counts, Lists(packedB));
                long steps = 0;
                for (long t = 0; t < cut.Taps; t++) steps += counts[t];
                ahead = NextImages(group, block, blocks, chunk, last, packedA, (double)steps * (cut.Pixel / Machine.Columns) * panels * blocks);
            }
            else PackColumns(turned, count, rows, columns, turnedRows, turnedWidth, Machine.Columns, Machine.Columns, packedB, stepB);
            for (long i = 0; i < panels; i++)
            {
                long first = i * cut.Filters / panels, filters = (i + 1) * cut.Filters / panels - first;
                for (long n = 0; n < count; n++) PackMap(packedA + n * perImage * Machine.PanelStride, Machine.PanelStride, image + n, group * cut.Filters + first, filters, row, rows, column, columns, made);
                if (IsListed)
                {
                    for (long b = 0; b < blocks; b++)
                        StripListed(filters, packedA, turned + b * turnedBlock, (int*)packedB, Lists(packedB), PartialOf(slice, group, block + b) + first * cut.ColumnStride, add, ref ahead);
                }
                else Tiles.Strip(Machine, filters, cut.Columns, depth, packedA, packedB, stepB, sums + first * cut.ColumnStride, cut.ColumnStride, add, null);
            }
        }
        for (long b = 1; b < blocks && add == 0; b++) new Span<float>(PartialOf(slice, group, block + b), checked((int)(cut.Filters * cut.ColumnStride))).Clear();
        if (add == 0) new Span<float>(sums, checked((int)(IsTransposed ? cut.Columns * FilterStride : cut.Filters * cut.ColumnStride))).Clear();
    }

    const long FewChannels = 4, ManyFilters = 16;

    // Filters of a row of transposed sums: whole tiles of the widest machine.
    readonly long FilterStride => (cut.Filters + 31) / 32 * 32;

    readonly bool IsTransposed => cut.Blocks == 1 && cut.Pixel <= FewChannels && cut.Filters >= ManyFilters && cut.Columns * FilterStride <= cut.Filters * cut.ColumnStride;

    readonly void MultiplyTransposed(
        long group, long image, long images, long row, long rows, long column, long columns, long turnedRows, long turnedWidth, float* turned, float* packedColumns, float* packedMap, float* made, float* sums, long add)
    {
        long perImage = rows * columns, depth = images * perImage, step = Packing.PanelStep(depth, Machine.PanelStride), width = Machine.Columns;
        long panels = (cut.Columns + Machine.Rows - 1) / Machine.Rows, height = (cut.Columns + panels - 1) / panels;
        PackColumns(turned, images, rows, columns, turnedRows, turnedWidth, height, Machine.PanelStride, packedColumns, step);
        for (long first = 0; first < cut.Filters; first += width)
        {
            long filters = Math.Min(width, cut.Filters - first);
            for (long n = 0; n < images; n++) PackMap(packedMap + n * perImage * width, width, image + n, group * cut.Filters + first, filters, row, rows, column, columns, made);
            float* panel = packedColumns;
            for (long c = 0; c < cut.Columns; c += height, panel += step) Machine.Kernel(Math.Min(height, cut.Columns - c), filters)(depth, panel, packedMap, width, sums + c * FilterStride + first, FilterStride, add);
        }
    }

    readonly long ChunkPixels => cut.ChunkImages * cut.ChunkRows * cut.ChunkColumns;

    // Instead of packed columns: how many pixels each tap sees, then the lists.
    readonly bool IsListed => cut.Pixel % Machine.Columns == 0 && cut.Taps * (2 * ChunkPixels + 1) + 1 <= Numerics.Packing.PackedFloats;

    readonly KernelStep* Lists(float* memory) => (KernelStep*)(memory + (cut.Taps + 1) / 2 * 2);

    // The pixels of a chunk that each tap sees, in their order.
    readonly void List(long images, long row, long rows, long column, long columns, long turnedRows, long turnedWidth, int* counts, KernelStep* lists)
    {
        for (long t = 0; t < cut.Taps; t++, lists += ChunkPixels)
        {
            long tapRow = t / call->KernelWidth * call->DilationHeight, tapColumn = t % call->KernelWidth * call->DilationWidth;
            long left = column * call->StrideWidth - call->PaddingLeft + tapColumn;
            long from = left >= 0 ? 0 : Math.Min((-left + call->StrideWidth - 1) / call->StrideWidth, columns);
            long end = left >= call->Width ? from : Math.Clamp((call->Width - left + call->StrideWidth - 1) / call->StrideWidth, from, columns);
            var step = lists;
            for (long n = 0; n < images; n++)
            {
                for (long y = 0; y < rows; y++)
                {
                    long line = (row + y) * call->StrideHeight - call->PaddingTop + tapRow;
                    if (line < 0 || line >= call->Height) continue;
                    long a = ((n * rows + y) * columns + from) * Machine.PanelStride;
                    long b = ((n * turnedRows + y * call->StrideHeight + tapRow) * turnedWidth + from * call->StrideWidth + tapColumn) * cut.Pixel;
                    for (long x = from; x < end; x++, a += Machine.PanelStride, b += call->StrideWidth * cut.Pixel, step++) (step->A, step->B) = ((int)a, (int)b);
                }
            }
            counts[t] = (int)(step - lists);
        }
    }

    // What the images after a chunk's are read from: the chunk's part of it, where it lies in one piece and this task comes to them.
    readonly MemoryAhead NextImages(long group, long block, long blocks, long chunk, long last, void* near, double steps)
    {
        long parts = cut.RowChunks * cut.ColumnChunks, next = (chunk / parts + 1) * parts, part = chunk % parts;
        long image = next / parts * cut.ChunkImages, count = Math.Min(cut.ChunkImages, call->Batch - image), first = block * cut.BlockChannels, channels = Math.Min(blocks * cut.BlockChannels, cut.Channels - first);
        if (next >= last || count <= 0) return new(near, 0, 1);
        long ofMap = maps.IsMade ? 0 : ((count - 1) * maps.ImageStride + cut.Filters * maps.ChannelStride) * sizeof(float);
        // Lines and channels that nobody reads are not asked for.
        var isRead = !images.IsMade && call->StrideHeight <= call->KernelHeight && (count == 1 || channels == call->Channels);
        long ofImage = isRead ? ((count - 1) * images.ImageStride + channels * images.ChannelStride) * sizeof(float) : 0;
        byte* map = maps.IsMade ? null : (byte*)maps.Plane(image, group * cut.Filters), pixels = isRead ? (byte*)images.Plane(image, group * cut.Channels + first) : null;
        var ahead = new MemoryAhead(near, (double)(ofMap + ofImage) / parts, steps);
        ahead.Follow(map + ofMap * part / parts, ofMap / parts, pixels + ofImage * part / parts, ofImage / parts);
        return ahead;
    }

    readonly void StripListed(long filters, float* packedA, float* turned, int* counts, KernelStep* lists, float* sums, long add, ref MemoryAhead ahead)
    {
        var kernel = Machine.ListedKernel(filters, Machine.Columns);
        var list = new KernelList();
        for (long t = 0; t < cut.Taps; t++, lists += ChunkPixels, sums += cut.Pixel)
        {
            list.Steps = lists;
            for (long c = 0; c < cut.Pixel; c += Machine.Columns)
            {
                ahead.Ask(ref list, counts[t]);
                kernel(counts[t], packedA, turned + c, (long)&list, sums + c, cut.ColumnStride, add);
            }
        }
    }

    // A panel of some filters over the pixels of a chunk in one image: whole rows, or a part of one.
    readonly void PackMap(float* panel, long stride, long image, long filter, long filters, long row, long rows, long column, long columns, float* made)
    {
        long width = Math.Min((filters + 7) / 8 * 8, stride), pixels = rows * columns;
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
        long first = block * cut.BlockChannels, channels = Math.Min(cut.BlockChannels, cut.Channels - first), channel = group * cut.Channels + first;
        long top = row * call->StrideHeight - call->PaddingTop, left = column * call->StrideWidth - call->PaddingLeft;
        long from = Math.Clamp(-left, 0, turnedWidth), end = Math.Clamp(call->Width - left, from, turnedWidth);
        var region = PlaneRegion.Within(images.Height, images.Width, top, turnedRows, left, turnedWidth);
        // Lines that lie behind one another are made at once, others one by one; each pixel once a chunk.
        bool whole = images.IsMade && region.Width == images.Width && call->StrideHeight == 1 && call->DilationHeight == 1;
        if (whole) images.Make(made, region.Pixels, image, channel, channels, region.Top * images.Width, region.Pixels);
        var (source, rowStep, step, channelStep) = images.IsMade
            ? ((nint)made, whole ? region.Width : 0, 1L, whole ? region.Pixels : region.Width)
            : ((nint)(images.Plane(image, channel) + region.Top * images.RowStride + region.Left * images.ColumnStride), images.RowStride, images.ColumnStride, images.ChannelStride);
        for (long y = 0; y < turnedRows; y++)
        {
            if (!IsRead(y, rows)) continue;
            float* to = turned + y * turnedWidth * cut.Pixel;
            if (top + y < 0 || top + y >= call->Height)
            {
                Clear(to, turnedWidth * cut.Pixel);
                continue;
            }
            Clear(to, from * cut.Pixel);
            if (end > from)
            {
                if (images.IsMade && !whole) images.Make(made, channelStep, image, channel, channels, (top + y) * images.Width + region.Left, region.Width);
                float* line = (float*)source + (top + y - region.Top) * rowStep;
                if (cut.Pixel == 1 && step == 1) ConvolutionPacking.Copy(to + from, line, end - from);
                else Packing.Panel(to + from * cut.Pixel, cut.Pixel, line, channelStep, step, channels, cut.Pixel, channels, end - from);
            }
            Clear(to + end * cut.Pixel, (turnedWidth - end) * cut.Pixel);
        }
    }

    readonly bool IsRead(long y, long rows)
    {
        if (call->StrideHeight == 1 && call->DilationHeight == 1) return true;
        for (long k = 0; k < call->KernelHeight; k++)
        {
            long offset = y - k * call->DilationHeight;
            if (offset >= 0 && offset % call->StrideHeight == 0 && offset / call->StrideHeight < rows) return true;
        }
        return false;
    }

    static void Clear(float* to, long count) => new Span<float>(to, (int)count).Clear();

    // Panels of some of the columns (tap, channel) of the product each, a row of which, a pixel, has so many lanes.
    readonly void PackColumns(float* turned, long images, long rows, long columns, long turnedRows, long turnedWidth, long width, long stride, float* packed, long step)
    {
        // Where each run of a panel's lanes starts in the turned image, relative to the pixel.
        var segments = stackalloc Segment[(int)Math.Min(width, 64)];
        for (long first = 0; first < cut.Columns; first += width, packed += step)
        {
            int count = 0;
            for (long lane = 0; lane < width && first + lane < cut.Columns;)
            {
                long tap = (first + lane) / cut.Pixel, channel = (first + lane) % cut.Pixel, take = Math.Min(cut.Pixel - channel, width - lane);
                long offset = (tap / call->KernelWidth * call->DilationHeight * turnedWidth + tap % call->KernelWidth * call->DilationWidth) * cut.Pixel + channel;
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
                    float* from = turned + (n * turnedRows + y * call->StrideHeight) * turnedWidth * cut.Pixel;
                    PackRun(from, call->StrideWidth * cut.Pixel, columns, segments, count, to, stride);
                    to += columns * stride;
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
        for (long i = begin; i < end; i++) job->ReduceFilter(i / job->cut.Filters, i % job->cut.Filters, job->Scratch[worker]);
    }

    readonly void ReduceFilter(long group, long filter, float* scratch)
    {
        float* weight = call->Weight + (group * cut.Filters + filter) * cut.Channels * cut.Taps;
        for (long block = 0; block < cut.Blocks; block++)
        {
            if (IsTransposed)
            {
                // In one block: there are few channels.
                for (long column = 0; column < cut.Columns; column++)
                {
                    float* part = PartialOf(0, group, block) + column * FilterStride + filter;
                    float sum = *part;
                    for (long slice = 1; slice < cut.Slices; slice++) sum += *(part += cut.SliceFloats);
                    weight[column % cut.Pixel * cut.Taps + column / cut.Pixel] = sum;
                }
                return;
            }
            float* sums = PartialOf(0, group, block) + filter * cut.ColumnStride;
            if (cut.Slices > 1)
            {
                ConvolutionPacking.Copy(scratch, sums, cut.Columns);
                for (long slice = 1; slice < cut.Slices; slice++)
                {
                    float* more = PartialOf(slice, group, block) + filter * cut.ColumnStride;
                    for (long i = 0; i < cut.Columns; i++) scratch[i] += more[i];
                }
                sums = scratch;
            }
            long channels = Math.Min(cut.BlockChannels, cut.Channels - block * cut.BlockChannels);
            float* to = weight + block * cut.BlockChannels * cut.Taps;
            if (cut.Taps == 1) ConvolutionPacking.Copy(to, sums, channels);
            else
            {
                for (long t = 0; t < cut.Taps; t++)
                {
                    for (long c = 0; c < channels; c++) to[c * cut.Taps + t] = sums[t * cut.Pixel + c];
                }
            }
        }
    }
}
