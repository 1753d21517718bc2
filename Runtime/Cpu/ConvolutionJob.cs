using System;
using System.Runtime.CompilerServices;

namespace Graph.Runtime.Cpu;

/// <summary>
/// The state of one forward convolution or image gradient that its workers share: result[image, row, pixel] = Σ weights[row, (channel, tap)] · implicit matrix.
/// Lives on the caller's stack.
/// </summary>
unsafe struct ConvolutionJob
{
    public const long PaddedFloats = Compiler.Targets.PackingModel.MostPadded;
    static long PackFloats => Numerics.Packing.PackedFloats;
    public const long SumFloats = 640 * 1024;
    const long MadeFloats = 96 * 1024;

    // Weights that a body makes lie behind a window of one panel.
    public const long WindowFloats = 64 * 1024;

    public Machine Machine;
    public float** Scratch;
    public float* Workspace;
    public long WorkspaceFloats;

    /// <summary>What the implicit matrix is cut from: [Batch, Groups · Channels, height, width].</summary>
    public ConvolutionPlanes Source;
    public long Batch, Groups, Channels;

    /// <summary>The result: [Batch, Groups · Rows, ResultHeight, ResultWidth], and the pixels between neighbouring grid points of a phase.</summary>
    public float* Result;
    public long Rows, ResultHeight, ResultWidth, SpreadY, SpreadX;

    /// <summary>The weights: (row, channel, window) at these strides, and between groups.</summary>
    public float* Weight;
    public long WeightRow, WeightChannel, WeightGroup, Window;

    /// <summary>From one row of a window to the next, and from one column.</summary>
    public long WeightLine, WeightStep, KernelWidth;

    /// <summary>Makes the weights instead, the windows of a filter behind one another; they are the rows' or, in the gradient of an image, the channels'.</summary>
    public TileCall WeightMaker;
    public bool RowsAreFilters;

    /// <summary>All weights of all groups, packed already; or null.</summary>
    public float* PackedWeight;

    /// <summary>Whether the lanes of a packed row of weights are the columns of a register tile (<see cref="ConvolutionFilters"/>), not its rows.</summary>
    public bool LanesAreFilters;

    /// <summary>The first panel whose weights lie at <see cref="ConvolutionPhase.Weights"/>, and how many lie there for each block.</summary>
    public long WeightBegin, WeightPanels;

    public ConvolutionPhase* Phases;
    public long PhaseCount;

    public delegate*<void**, long*, float*, long, long, long, long, long, long, void> Epilogue;
    public void** EpiloguePointers;
    public long* EpilogueDims;

    /// <summary>Panels of rows of the whole result and of the pass at hand.</summary>
    public long RowPanels, PanelBegin, PanelEnd;

    /// <summary>Channels of a block of depth, and the blocks.</summary>
    public long BlockChannels, Blocks;

    /// <summary>A task takes this many images, or coarse rows (SpreadY rows of the result) of one image, or coarse columns of one coarse row.</summary>
    public long TaskImages, TaskRows, TaskColumns, ImageTasks, RowTasks, ColumnTasks;

    /// <summary>Of a small map there are too few for all threads: then each takes a part of the panels of rows, too, and packs the same columns for itself.</summary>
    public long PanelTasks;

    public long Group;

    public readonly long CoarseRows => (ResultHeight + SpreadY - 1) / SpreadY;

    public readonly long CoarseColumns => (ResultWidth + SpreadX - 1) / SpreadX;

    public readonly long Tasks => ImageTasks * RowTasks * ColumnTasks * PanelTasks;

    /// <summary>Cuts the weights into panels of rows and blocks of depth.</summary>
    public void CutWeights(long maxTaps)
    {
        long most = LanesAreFilters ? Machine.Columns : Machine.Rows;
        RowPanels = (Rows + most - 1) / most;
        BlockChannels = Numerics.Products.Channels(Channels, maxTaps);
        Blocks = BlockChannels == 0 ? 1 : (Channels + BlockChannels - 1) / BlockChannels;
    }

    /// <summary>Cuts the work into tasks; false when not even a single column has room in scratch memory.</summary>
    public bool Plan(long maxTaps, long threads)
    {
        PanelTasks = 1;
        // Columns of a task: enough for the tile, few enough for the caches and for all threads to have several tasks.
        bool fits = false;
        for (long columns = 256; columns >= 1; columns /= 2)
        {
            Cut(columns);
            fits = Fits(maxTaps);
            if (fits && (columns <= 64 || Tasks >= 4 * threads)) break;
        }
        if (Tasks < threads) PanelTasks = Math.Min((threads + Tasks - 1) / Tasks, RowPanels);
        return fits;
    }

    /// <summary>Into pieces of so many columns of the implicit matrix, about.</summary>
    public void Cut(long columns)
    {
        long width = CoarseColumns, rows = CoarseRows;
        TaskRows = Math.Clamp(columns / width, 1, rows);
        RowTasks = (rows + TaskRows - 1) / TaskRows;
        TaskRows = (rows + RowTasks - 1) / RowTasks;
        RowTasks = (rows + TaskRows - 1) / TaskRows;
        TaskColumns = TaskRows > 1 ? width : Math.Min(columns, width);
        ColumnTasks = (width + TaskColumns - 1) / TaskColumns;
        TaskColumns = (width + ColumnTasks - 1) / ColumnTasks;
        ColumnTasks = (width + TaskColumns - 1) / TaskColumns;
        CutImages(TaskRows == rows && ColumnTasks == 1 ? Math.Clamp(columns / (width * rows), 1, Batch) : 1);
    }

    /// <summary>Into pieces of so many images at most.</summary>
    public void CutImages(long most)
    {
        TaskImages = most;
        ImageTasks = (Batch + TaskImages - 1) / TaskImages;
        TaskImages = (Batch + ImageTasks - 1) / ImageTasks;
        ImageTasks = (Batch + TaskImages - 1) / TaskImages;
    }

    readonly bool Fits(long maxTaps)
    {
        long packed = PaddedColumns / Machine.Columns * Packing.PanelStep(BlockChannels * maxTaps, Machine.Columns), padded = 0;
        for (long i = 0; i < PhaseCount; i++) padded = Math.Max(padded, TaskImages * Phases[i].Columns(0, TaskColumns).PaddedFloats(TaskRows));
        return packed <= PackFloats && padded <= PaddedFloats && SumsPerPanel <= SumFloats;
    }

    /// <summary>Most columns of a task in one phase, rounded up to whole tiles.</summary>
    readonly long PaddedColumns => (TaskImages * TaskRows * TaskColumns + Machine.Columns - 1) / Machine.Columns * Machine.Columns;

    // Sums of a panel of rows in one phase, and of all phases interleaved.
    readonly long SumsPerPanel => Machine.Rows * (PaddedColumns + (PhaseCount > 1 ? TaskImages * TaskRows * SpreadY * TaskColumns * SpreadX : 0));

    /// <summary>How many panels of rows a pass takes so that their sums fit in scratch memory.</summary>
    public readonly long PanelsPerPass() => Math.Max(1, SumFloats / SumsPerPanel);

    /// <summary>The first row of a panel.</summary>
    public readonly long RowOf(long panel) => LanesAreFilters ? Math.Min(panel * Machine.Columns, Rows) : panel * Rows / RowPanels;

    /// <summary>Floats of a packed row of weights.</summary>
    public readonly long WeightLanes => LanesAreFilters ? Machine.Columns : Machine.PanelStride;

    /// <summary>Floats from one of a phase's packed panels to the next.</summary>
    public readonly long StepA(in ConvolutionPhase phase) => Packing.PanelStep(BlockChannels * phase.Taps, WeightLanes);

    /// <summary>A phase's packed weights of a panel of the whole result, in a block.</summary>
    public readonly float* PanelOf(in ConvolutionPhase phase, long block, long panel) => phase.Weights + (block * WeightPanels + panel - WeightBegin) * StepA(phase);

    /// <summary>Floats of a phase's packed weights for a number of panels.</summary>
    public readonly long PackedWeights(long phase, long panels) => Phases[phase].Taps == 0 ? 0 : panels * Blocks * StepA(Phases[phase]);

    /// <summary>Body: packs the weights of panel i % count, block i / count, for all phases.</summary>
    public static void PackWeights(void* context, long begin, long end, int worker)
    {
        var job = (ConvolutionJob*)context;
        long count = job->PanelEnd - job->PanelBegin;
        for (long i = begin; i < end; i++) job->PackWeights(job->PanelBegin + i % count, i / count, i, job->Scratch[worker]);
    }

    readonly void PackWeights(long panel, long block, long slot, float* temporary)
    {
        long row = RowOf(panel), rows = RowOf(panel + 1) - row, stride = WeightLanes;
        // Whole vectors are read of lanes that are columns.
        long width = LanesAreFilters ? (rows + Machine.Lanes - 1) / Machine.Lanes * Machine.Lanes : Math.Min((rows + 7) / 8 * 8, stride);
        long channel = block * BlockChannels, channels = Math.Min(BlockChannels, Channels - channel);
        float* weight = Weights(row, rows, channel, channels, temporary + WindowFloats, out long rowStep, out long channelStep);
        // A row more than those of the panel may be read where there are more in memory.
        long readable = WeightMaker.IsSet ? rows : Rows - row;
        if (PhaseCount == 1 && channelStep == Window && HasDenseWindows)
        {
            // Forward: (channel, tap) is contiguous.
            Packing.Panel(Phases[0].Weights + slot * StepA(Phases[0]), stride, weight, rowStep, 1, rows, width, readable, channels * Window);
            return;
        }
        for (long c = 0; c < channels; c++, weight += channelStep)
        {
            if (PhaseCount == 1)
            {
                PackWindow(Phases[0].Weights + slot * StepA(Phases[0]) + c * Window * stride, stride, weight, rowStep, rows, width, readable);
                continue;
            }
            PackWindow(temporary, stride, weight, rowStep, rows, width, readable);
            for (long p = 0; p < PhaseCount; p++)
            {
                float* to = Phases[p].Weights + slot * StepA(Phases[p]) + c * Phases[p].Taps * stride;
                for (long t = 0; t < Phases[p].Taps; t++, to += stride) ConvolutionPacking.Copy(to, temporary + Phases[p].TapWeight[t] * stride, stride);
            }
        }
    }

    readonly bool HasDenseWindows => WeightMaker.IsSet || ((WeightStep == 1 || KernelWidth == 1) && (WeightLine == KernelWidth || Window == KernelWidth));

    // The windows of a panel's rows in one channel.
    readonly void PackWindow(float* to, long stride, float* weight, long rowStep, long rows, long width, long readable)
    {
        if (HasDenseWindows)
        {
            Packing.Panel(to, stride, weight, rowStep, 1, rows, width, readable, Window);
            return;
        }
        for (long y = 0; y < Window; y += KernelWidth, weight += WeightLine) Packing.Panel(to + y * stride, stride, weight, rowStep, WeightStep, rows, width, readable, KernelWidth);
    }

    // The windows of some rows and channels: where they lie, or made.
    readonly float* Weights(long row, long rows, long channel, long channels, float* made, out long rowStep, out long channelStep)
    {
        (rowStep, channelStep) = (WeightRow, WeightChannel);
        if (!WeightMaker.IsSet) return Weight + Group * WeightGroup + row * WeightRow + channel * WeightChannel;
        if (RowsAreFilters)
        {
            (rowStep, channelStep) = (channels * Window, Window);
            WeightMaker.Fill(made, rowStep, 0, Group * Rows + row, rows, channel * Window, channels * Window);
        }
        else
        {
            (rowStep, channelStep) = (Window, rows * Window);
            WeightMaker.Fill(made, channelStep, 0, Group * Channels + channel, channels, row * Window, rows * Window);
        }
        return made;
    }

    /// <summary>Body: tasks numbered (images, coarse rows, coarse columns, parts of the panels), parts fastest.</summary>
    public static void RunTasks(void* context, long begin, long end, int worker)
    {
        var job = (ConvolutionJob*)context;
        for (long i = begin; i < end; i++)
        {
            long part = i % job->PanelTasks, place = i / job->PanelTasks;
            long column = place % job->ColumnTasks * job->TaskColumns, row = place / job->ColumnTasks % job->RowTasks * job->TaskRows;
            long image = place / (job->ColumnTasks * job->RowTasks) * job->TaskImages;
            var task = *job;
            long panels = job->PanelEnd - job->PanelBegin;
            task.PanelBegin = job->PanelBegin + part * panels / job->PanelTasks;
            task.PanelEnd = job->PanelBegin + (part + 1) * panels / job->PanelTasks;
            task.RunTask(
                image, Math.Min(job->TaskImages, job->Batch - image), row, Math.Min(job->TaskRows, job->CoarseRows - row),
                column, Math.Min(job->TaskColumns, job->CoarseColumns - column), job->Scratch[worker]);
        }
    }

    readonly void RunTask(long image, long images, long row, long rows, long column, long columns, float* scratch)
    {
        float* padded = scratch, packed = padded + PaddedFloats, sums = packed + PackFloats;
        if (PhaseCount == 1)
        {
            RunPhase(Phases[0].Columns(column, columns), image, images, row, rows, padded, packed, sums, null, 0, 0);
            return;
        }
        long left = column * SpreadX, width = Math.Min(columns * SpreadX, ResultWidth - left);
        long top = row * SpreadY, height = Math.Min(rows * SpreadY, ResultHeight - top);
        long perImage = rows * SpreadY * width, stride = images * perImage, panels = PanelEnd - PanelBegin, firstRow = RowOf(PanelBegin);
        float* result = sums + panels * Machine.Rows * PaddedColumns;
        for (long p = 0; p < PhaseCount; p++)
        {
            var phase = Phases[p].Columns(column, columns);
            long gridRows = Math.Min(rows, phase.GridHeight - row);
            if (gridRows > 0 && phase.GridWidth > 0) RunPhase(phase, image, images, row, gridRows, padded, packed, sums, result, stride, width);
        }
        for (long i = PanelBegin; i < PanelEnd; i++)
        {
            long first = RowOf(i), count = RowOf(i + 1) - first;
            for (long n = 0; n < images; n++)
            {
                float* tile = result + (first - firstRow) * stride + n * perImage;
                if (width == ResultWidth)
                {
                    Emit(tile, stride, image + n, first, count, top * width, height * width);
                    continue;
                }
                for (long y = 0; y < height; y++) Emit(tile + y * width, stride, image + n, first, count, (top + y) * ResultWidth + left, width);
            }
        }
    }

    // All panels of rows over one phase's columns. Without a target the sums go out by way of Emit, else interleaved into it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    readonly void RunPhase(in ConvolutionPhase phase, long image, long images, long row, long rows, float* padded, float* packed, float* sums, float* target, long targetStride, long targetWidth)
    {
        long tileColumns = Machine.Columns, gridColumns = rows * phase.GridWidth, columns = images * gridColumns;
        long sumStride = (columns + tileColumns - 1) / tileColumns * tileColumns, stepB = Packing.PanelStep(BlockChannels * phase.Taps, tileColumns);
        long firstRow = RowOf(PanelBegin), imageFloats = phase.PaddedFloats(rows);
        // A phase that no tap reaches is 0: its one block has no depth.
        long blocks = phase.Taps == 0 ? 1 : Blocks;
        for (long block = 0; block < blocks; block++)
        {
            long channel = block * BlockChannels, channels = phase.Taps == 0 ? 0 : Math.Min(BlockChannels, Channels - channel), depth = channels * phase.Taps;
            if (Source.IsMade) PackMade(phase, image, images, row, rows, channel, channels, padded, packed, sums + SumFloats);
            else
            {
                for (long c = 0; c < channels; c++)
                {
                    for (long n = 0; n < images; n++)
                    {
                        float* source = Source.Plane(image + n, Group * Channels + channel + c);
                        ConvolutionPacking.Pad(phase, source, Source.RowStride, Source.ColumnStride, Source.Height, Source.Width, row, rows, padded + n * imageFloats);
                    }
                    ConvolutionPacking.Panels(phase, padded, images, rows, packed + c * phase.Taps * tileColumns, stepB, tileColumns);
                }
            }
            for (long i = PanelBegin; i < PanelEnd; i++)
            {
                long first = RowOf(i), count = RowOf(i + 1) - first;
                float* tile = blocks > 1 ? sums + (first - firstRow) * sumStride : sums;
                Tiles.Strip(Machine, count, columns, depth, PanelOf(phase, block, i), packed, stepB, tile, sumStride, block > 0 ? 1 : 0, null);
                if (block < blocks - 1) continue;
                for (long n = 0; n < images; n++)
                {
                    if (target == null) Emit(tile + n * gridColumns, sumStride, image + n, first, count, row * ResultWidth + phase.GridLeft, gridColumns);
                    else Interleave(phase, tile + n * gridColumns, sumStride, rows, count, target + (first - firstRow) * targetStride + n * (targetStride / images), targetStride, targetWidth);
                }
            }
        }
    }

    // The same from what a body makes: as many channels at once as there is room for, each pixel once, and then their padding around them.
    readonly void PackMade(in ConvolutionPhase phase, long image, long images, long row, long rows, long channel, long channels, float* padded, float* packed, float* made)
    {
        if (channels == 0) return;
        var region = phase.Reads(row, rows, Source.Height, Source.Width);
        long pixels = region.Pixels, tileColumns = Machine.Columns, stepB = Packing.PanelStep(BlockChannels * phase.Taps, tileColumns), imageFloats = phase.PaddedFloats(rows);
        long together = Math.Clamp(MadeFloats / Math.Max(1, images * pixels), 1, channels);
        for (long c = 0; c < channels; c++)
        {
            long slot = c % together;
            if (slot == 0)
            {
                long count = Math.Min(together, channels - c);
                for (long n = 0; n < images; n++) Make(phase, region, image + n, Group * Channels + channel + c, count, made + n * together * pixels);
            }
            for (long n = 0; n < images; n++)
            {
                float* origin = made + (n * together + slot) * pixels - region.Top * region.Width - region.Left;
                ConvolutionPacking.Pad(phase, origin, region.Width, 1, Source.Height, Source.Width, row, rows, padded + n * imageFloats);
            }
            ConvolutionPacking.Panels(phase, padded, images, rows, packed + c * phase.Taps * tileColumns, stepB, tileColumns);
        }
    }

    /// <summary>Makes what a block of work reads of some channels of an image.</summary>
    public readonly void Make(in ConvolutionPhase phase, in PlaneRegion region, long image, long channel, long channels, float* made)
    {
        if (region.Width == Source.Width && phase.StepY == 1)
        {
            Source.Make(made, region.Pixels, image, channel, channels, region.Top * Source.Width, region.Pixels);
            return;
        }
        for (long y = region.Top; y < region.Bottom; y++)
        {
            if (phase.ReadsRow(y)) Source.Make(made + (y - region.Top) * region.Width, region.Pixels, image, channel, channels, y * Source.Width + region.Left, region.Width);
        }
    }

    readonly void Interleave(in ConvolutionPhase phase, float* tile, long stride, long rows, long count, float* target, long targetStride, long targetWidth)
    {
        for (long i = 0; i < count; i++)
        {
            float* from = tile + i * stride;
            for (long y = 0; y < rows; y++)
            {
                float* to = target + i * targetStride + (y * SpreadY + phase.OriginY) * targetWidth + phase.OriginX;
                for (long x = 0; x < phase.GridWidth; x++) to[x * SpreadX] = *from++;
            }
        }
    }

    /// <summary>Puts out finished sums of some rows over some pixels of an image.</summary>
    public readonly void Emit(float* tile, long stride, long image, long row, long rows, long pixel, long pixels)
    {
        row += Group * Rows;
        if (Epilogue != null)
        {
            Epilogue(EpiloguePointers, EpilogueDims, tile, stride, image, row, rows, pixel, pixels);
            return;
        }
        long size = ResultHeight * ResultWidth;
        float* to = Result + (image * Groups * Rows + row) * size + pixel;
        for (long i = 0; i < rows; i++) ConvolutionPacking.Copy(to + i * size, tile + i * stride, pixels);
    }
}
