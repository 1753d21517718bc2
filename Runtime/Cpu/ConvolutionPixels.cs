using System;
using System.Runtime.CompilerServices;

namespace Graph.Runtime.Cpu;

/// <summary>
/// A convolution, or the gradient of an image, pixel by pixel over many images: the columns of a register tile are one pixel of as many images, so that all of them see the same taps, and taps outside of the
/// source are skipped instead of multiplied by 0. A task turns a band of the source so that images are contiguous; then a row of the implicit matrix is a place in it, listed, and nothing is unfolded.
/// </summary>
/// <remarks>
/// The chains of multiply-adds are those of <see cref="ConvolutionJob"/> without the products with padding, which change no finite sum: equal bits, whichever is chosen. A weight that is no number or infinite
/// makes NaN of the padding there, and is not seen here.
/// </remarks>
unsafe struct ConvolutionPixels
{
    // Sets of taps that pixels see, over all phases; with a window of 3 × 3 a pixel is at the first, at the last or at none of the borders, down and across.
    public const int MostSets = 16;

    // Taps are bits; and as many columns of a grid as a band could have.
    const long MostTaps = 64;
    const int MostColumns = 256;

    // Steps of all lists: each as long as a block of depth.
    public const int ListSteps = MostSets * 384;

    // A worker's memory: turned source, then sums, then a band's pixels and what is made or put out.
    const long TurnedFloats = 256 * 1024, RoomFloats = 128 * 1024;

    // Of so many images channels are made before they are turned, which is done in squares of that size.
    const long Together = 8;

    // Below so many steps of depth turning costs more than it saves.
    const long LeastDepth = 64;

    ConvolutionJob* job;
    KernelStep* lists;
    fixed ulong sets[MostSets];
    fixed int phases[MostSets];
    int setCount;

    /// <summary>A task takes this many coarse rows (as in <see cref="ConvolutionJob"/>), of images that fill the lanes of a tile.</summary>
    long bandRows, bands, groups, turnedRows;

    /// <summary>Where a pixel of a band lies, and what it sees.</summary>
    struct Pixel
    {
        public int Phase, Set;
        public long From, To;
    }

    readonly long Lanes => job->Machine.Columns;

    public readonly long Tasks => bands * groups;

    // Floats of a channel of a turned band; a cache line more, so that channels do not share the sets of a cache.
    readonly long ChannelStep => turnedRows * job->Source.Width * Lanes + 16;

    readonly long BandPixels => bandRows * job->SpreadY * job->ResultWidth;

    /// <summary>Cuts the work into tasks, where that pays.</summary>
    public static bool TryPlan(ConvolutionJob* job, long maxTaps, long threads, out ConvolutionPixels plan)
    {
        plan = new() { job = job };
        return maxTaps <= MostTaps && job->Channels * maxTaps >= LeastDepth && job->BlockChannels * maxTaps <= ListSteps / MostSets && plan.Plan(threads);
    }

    bool Plan(long threads)
    {
        long lanes = Lanes;
        groups = (job->Batch + lanes - 1) / lanes;
        // The lanes of the last group that no image fills are multiplied, too.
        long last = job->Batch - (groups - 1) * lanes, lanesUsed = (groups - 1) * lanes + (last <= job->Machine.Lanes ? job->Machine.Lanes : lanes);
        if (lanesUsed > 4 * job->Batch) return false;
        long seen = 0, all = 0;
        ulong* across = stackalloc ulong[MostColumns];
        for (int p = 0; p < job->PhaseCount; p++)
        {
            var phase = &job->Phases[p];
            if (phase->GridWidth > MostColumns) return false;
            for (long x = 0; x < phase->GridWidth; x++) across[x] = Across(*phase, x);
            for (long y = 0; y < phase->GridHeight; y++)
            {
                ulong down = Down(*phase, y);
                for (long x = 0; x < phase->GridWidth; x++)
                {
                    ulong taps = down & across[x];
                    if (SetOf(p, taps) < 0) return false;
                    seen += System.Numerics.BitOperations.PopCount(taps);
                }
            }
            all += phase->GridHeight * phase->GridWidth * phase->Taps;
        }
        if (seen * lanesUsed > all * job->Batch) return false;
        long coarse = (job->ResultHeight + job->SpreadY - 1) / job->SpreadY;
        double least = double.MaxValue;
        var best = this;
        for (long rows = coarse; rows >= 1; rows--)
        {
            Cut(coarse, rows);
            if (!Fits) continue;
            // How much longer than an even share the busiest thread works, and how much of the source is turned, which costs a tenth where 64 rows are multiplied with it.
            double share = (double)((Tasks + threads - 1) / threads * bandRows) * threads / (coarse * groups);
            double cost = share + 6.4 / job->Rows * turnedRows * job->Source.Width / BandPixels + (threads > 1 && Tasks < 2 * threads ? 0.05 : 0);
            if (cost >= least) continue;
            least = cost;
            best = this;
        }
        this = best;
        return least < double.MaxValue;
    }

    // Into even bands of so many rows at most.
    void Cut(long coarse, long rows)
    {
        bands = (coarse + rows - 1) / rows;
        bandRows = (coarse + bands - 1) / bands;
        bands = (coarse + bandRows - 1) / bandRows;
        turnedRows = 0;
        for (long band = 0; band < bands; band++)
        {
            var (top, bottom) = Reads(band);
            turnedRows = Math.Max(turnedRows, bottom - top);
        }
    }

    readonly bool Fits => job->BlockChannels * ChannelStep <= TurnedFloats && SumsPerPanel <= ConvolutionJob.SumFloats
        && PixelFloats(BandPixels) + Math.Max(job->Machine.Rows * Lanes * (BandPixels + 8), job->Source.IsMade ? Together * turnedRows * job->Source.Width : 0) <= RoomFloats;

    static long PixelFloats(long pixels) => (pixels * sizeof(Pixel) / sizeof(float) + 15) / 16 * 16;

    readonly long SumsPerPanel => job->Machine.Rows * BandPixels * Lanes;

    /// <summary>How many panels of rows a pass takes so that their sums fit.</summary>
    public readonly long PanelsPerPass() => job->Blocks == 1 ? job->RowPanels : Math.Max(1, ConvolutionJob.SumFloats / SumsPerPanel);

    // The taps that are inside of the source for a row, and for a column, of a phase's grid.
    readonly ulong Down(in ConvolutionPhase phase, long y)
    {
        ulong taps = 0;
        for (int t = 0; t < phase.Taps; t++) taps |= (ulong)(y * phase.StepY + phase.TapY[t]) < (ulong)job->Source.Height ? 1UL << t : 0;
        return taps;
    }

    readonly ulong Across(in ConvolutionPhase phase, long x)
    {
        ulong taps = 0;
        for (int t = 0; t < phase.Taps; t++) taps |= (ulong)(x * phase.StepX + phase.TapX[t]) < (ulong)job->Source.Width ? 1UL << t : 0;
        return taps;
    }

    // Which of the sets these taps of a phase are; a new one while there is room.
    int SetOf(int phase, ulong taps)
    {
        for (int i = 0; i < setCount; i++)
            if (sets[i] == taps && phases[i] == phase) return i;
        if (setCount == MostSets) return -1;
        sets[setCount] = taps;
        phases[setCount] = phase;
        return setCount++;
    }

    // The rows of the source that the pixels of a band see.
    readonly (long Top, long Bottom) Reads(long band)
    {
        long top = long.MaxValue, bottom = 0;
        for (int p = 0; p < job->PhaseCount; p++)
        {
            var phase = &job->Phases[p];
            long rows = Math.Min(bandRows, phase->GridHeight - band * bandRows);
            if (rows <= 0 || phase->Taps == 0) continue;
            var reads = PlaneRegion.Within(job->Source.Height, job->Source.Width, band * bandRows * phase->StepY + phase->MinY, phase->Slots(rows), 0, 0);
            if (reads.Bottom == reads.Top) continue;
            (top, bottom) = (Math.Min(top, reads.Top), Math.Max(bottom, reads.Bottom));
        }
        return top < bottom ? (top, bottom) : (0, 0);
    }

    /// <summary>Makes the lists: the rows of packed weights and of turned channels that each set of taps multiplies, channel by channel. They have room for <see cref="ListSteps"/>.</summary>
    public void MakeLists(KernelStep* room)
    {
        lists = room;
        for (int s = 0; s < setCount; s++)
        {
            var phase = &job->Phases[phases[s]];
            var step = lists + s * (ListSteps / MostSets);
            for (long c = 0; c < job->BlockChannels; c++)
            {
                for (int t = 0; t < phase->Taps; t++)
                {
                    if ((sets[s] >> t & 1) == 0) continue;
                    step->A = (int)((c * phase->Taps + t) * job->Machine.PanelStride);
                    step->B = (int)(c * ChannelStep + (phase->TapY[t] * job->Source.Width + phase->TapX[t]) * Lanes);
                    step++;
                }
            }
        }
    }

    /// <summary>Body: tasks numbered (group of images, band), bands fastest.</summary>
    public static void RunTasks(void* context, long begin, long end, int worker)
    {
        var plan = (ConvolutionPixels*)context;
        for (long i = begin; i < end; i++) plan->RunTask(i / plan->bands * plan->Lanes, i % plan->bands, plan->job->Scratch[worker]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void RunTask(long image, long band, float* scratch)
    {
        float* turned = scratch, sums = turned + TurnedFloats, room = sums + ConvolutionJob.SumFloats;
        long images = Math.Min(Lanes, job->Batch - image), width = job->ResultWidth, top = band * bandRows * job->SpreadY;
        long rows = Math.Min(bandRows * job->SpreadY, job->ResultHeight - top), count = rows * width, sumStride = count * Lanes, panels = job->PanelEnd - job->PanelBegin;
        var (first, last) = Reads(band);
        var pixels = (Pixel*)room;
        FindPixels(pixels, top, rows, first);
        long used = PixelFloats(count);
        for (long block = 0; block < job->Blocks; block++)
        {
            long channel = block * job->BlockChannels, channels = Math.Min(job->BlockChannels, job->Channels - channel);
            Turn(image, images, channel, channels, first, last, turned, room + used, RoomFloats - used);
            for (long i = 0; i < panels; i++)
            {
                long row = job->RowOf(job->PanelBegin + i), height = job->RowOf(job->PanelBegin + i + 1) - row;
                float* tile = job->Blocks > 1 ? sums + i * job->Machine.Rows * sumStride : sums;
                var kernel = job->Machine.ListedKernel(height, images);
                for (long p = 0; p < count; p++)
                {
                    var pixel = pixels + p;
                    var phase = &job->Phases[pixel->Phase];
                    long taps = System.Numerics.BitOperations.PopCount(sets[pixel->Set]);
                    float* weights = job->PanelOf(*phase, block, job->PanelBegin + i);
                    kernel(channels * taps, weights, turned + pixel->From, (long)(lists + pixel->Set * (ListSteps / MostSets)), tile + pixel->To, sumStride, block > 0 ? 1 : 0);
                }
                if (block == job->Blocks - 1) Emit(tile, sumStride, image, images, row, height, top * width, count, room + used);
            }
        }
    }

    // The pixels of a band, phase by phase.
    void FindPixels(Pixel* pixels, long top, long rows, long firstRow)
    {
        long width = job->Source.Width;
        for (int p = 0; p < job->PhaseCount; p++)
        {
            var phase = &job->Phases[p];
            for (long y = top / job->SpreadY; y < phase->GridHeight && y * job->SpreadY + phase->OriginY < top + rows; y++)
            {
                ulong down = Down(*phase, y);
                for (long x = 0; x < phase->GridWidth; x++)
                {
                    *pixels++ = new()
                    {
                        Phase = p,
                        Set = SetOf(p, down & Across(*phase, x)),
                        From = ((y * phase->StepY - firstRow) * width + x * phase->StepX) * Lanes,
                        To = ((y * job->SpreadY + phase->OriginY - top) * job->ResultWidth + x * job->SpreadX + phase->OriginX) * Lanes,
                    };
                }
            }
        }
    }

    // turned[channel][pixel][image]: rows [first, last) of some channels of some images; lanes without an image are 0.
    readonly void Turn(long image, long images, long channel, long channels, long first, long last, float* turned, float* made, long room)
    {
        long width = job->Source.Width, pixels = (last - first) * width, lanes = Lanes, filled = images <= job->Machine.Lanes ? job->Machine.Lanes : lanes;
        if (pixels == 0) return;
        channel += job->Group * job->Channels;
        if (images < filled) new Span<float>(turned, checked((int)(channels * ChannelStep))).Clear();
        var source = job->Source;
        if (!source.IsMade)
        {
            for (long c = 0; c < channels; c++)
            {
                float* plane = source.Plane(image, channel + c) + first * source.RowStride, to = turned + c * ChannelStep;
                if (source.HasOneStep) Packing.Panel(to, lanes, plane, source.ImageStride, source.ColumnStride, images, images, images, pixels);
                else
                {
                    for (long y = first; y < last; y++, plane += source.RowStride, to += width * lanes)
                        Packing.Panel(to, lanes, plane, source.ImageStride, source.ColumnStride, images, images, images, width);
                }
            }
            return;
        }
        // As many channels at once as there is room for.
        long most = room / (Together * pixels);
        for (long n = 0; n < images; n += Together)
        {
            long count = Math.Min(Together, images - n);
            for (long c = 0; c < channels; c += most)
            {
                long some = Math.Min(most, channels - c);
                for (long i = 0; i < count; i++) source.Make(made + i * some * pixels, pixels, image + n + i, channel + c, some, first * width, pixels);
                for (long i = 0; i < some; i++) Packing.Panel(turned + (c + i) * ChannelStep + n, lanes, made + i * pixels, some * pixels, 1, count, count, count, pixels);
            }
        }
    }

    // Turns a panel's sums back, so that pixels are contiguous, and puts them out image by image.
    readonly void Emit(float* tile, long stride, long image, long images, long row, long rows, long pixel, long pixels, float* room)
    {
        long size = job->ResultHeight * job->ResultWidth, imageStep = job->Groups * job->Rows * size;
        if (job->Epilogue == null)
        {
            // Line by line of the result, and by way of memory near by: the images lie far apart, at distances that put them into one set of a cache.
            long apart = (pixels + 7) / 8 * 8 + 16;
            for (long i = 0; i < rows; i++)
            {
                Packing.Panel(room, apart, tile + i * stride, Lanes, 1, pixels, pixels, pixels, images);
                float* to = job->Result + image * imageStep + (job->Group * job->Rows + row + i) * size + pixel;
                for (long n = 0; n < images; n++) ConvolutionPacking.Copy(to + n * imageStep, room + n * apart, pixels);
            }
            return;
        }
        long step = (pixels + 7) / 8 * 8;
        for (long i = 0; i < rows; i++) Packing.Panel(room + i * images * step, step, tile + i * stride, Lanes, 1, pixels, pixels, pixels, images);
        for (long n = 0; n < images; n++) job->Emit(room + n * step, images * step, image + n, row, rows, pixel, pixels);
    }
}
