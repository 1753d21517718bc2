using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

/// <summary>
/// A convolution, or the gradient of an image, whose register tiles have filters for columns and pixels for rows: a step of depth multiplies a row of packed weights with pixels that lie behind one another in the source, which is
/// padded, so nothing is unfolded (compare the direct convolutions of Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD Architectures", 2018). Taps outside of the source are skipped row by row. The rows of
/// a tile are neighbours of a line of the result; or, of small maps of several images, one pixel of as many images, which see the same taps, down and across. Phases of the gradient of an image are put between each other by
/// the tiles themselves.
/// </summary>
/// <remarks>The chains of multiply-adds are those of <see cref="ConvolutionJob"/> without products with padding, which change no finite sum: equal bits, whichever is chosen.</remarks>
unsafe struct ConvolutionFilters
{
    const int MostSets = 16;

    // Steps of the lists of all sets, and images of a task whose pixels are taken one by one.
    const long MostSteps = 6 * 1024, MostImages = 32;

    // A worker's memory: source, then sums, then its runs and what is made or put out.
    const long RoomFloats = 128 * 1024;

    static long MostSource => Numerics.Packing.SourceFloats;

    // Into so many parts a thread's share of the filters is cut at most.
    const long MostParts = 4;

    // The last to come waits for, or is waited for by, so much of a task.
    const double Tail = 0.2;

    // Steps of a list that are made at once.
    const int VectorSteps = 4;

    // As many pixels at once are turned back, near by.
    const long EmitPixels = 128;

    /// <summary>Lines of more columns are long enough for whole tiles.</summary>
    public const long FewColumns = 8;

    ConvolutionJob* job;
    KernelStep* lists;
    fixed ulong sets[MostSets];
    fixed int phases[MostSets];
    int setCount;

    // The source that all phases see.
    ConvolutionPhase seen;

    bool skipsTaps;
    long parts, channelStep, lanes, listStep, mostTaps;

    // Steps of depth of a channel over an image, or over its pixels of all images at once.
    long steps;

    /// <summary>Rows of a tile whose step of depth begins at one place of the source, and where their sums go.</summary>
    struct Run
    {
        public int From, To;
        public short Rows, Set;
    }

    readonly bool IsTurned => lanes > 0;

    readonly long TapsOf(int set) => skipsTaps ? BitOperations.PopCount(sets[set]) : job->Phases[phases[set]].Taps;

    /// <summary>Steps of all lists, and of a vector behind them.</summary>
    public readonly int ListSteps => checked((int)(setCount * listStep)) + VectorSteps;

    public readonly long Tasks => job->ImageTasks * job->RowTasks * job->ColumnTasks * parts;

    readonly long TaskPixels => job->TaskRows * job->SpreadY * job->TaskColumns * job->SpreadX;

    readonly long SumsPerPanel => job->Machine.Columns * job->TaskImages * TaskPixels;

    /// <summary>How many panels of filters a pass takes so that their sums fit.</summary>
    public readonly long PanelsPerPass() => job->Blocks == 1 ? job->RowPanels : Math.Max(1, ConvolutionJob.SumFloats / SumsPerPanel);

    /// <summary>Cuts the work into tasks; false when not even a pixel has room.</summary>
    public static bool TryPlan(ConvolutionJob* job, long maxTaps, long threads, out ConvolutionFilters plan)
    {
        plan = new() { job = job, seen = job->Phases[0], mostTaps = maxTaps, listStep = job->BlockChannels * maxTaps };
        for (long p = 1; p < job->PhaseCount; p++) plan.seen.See(job->Phases[p]);
        return plan.Plan(threads);
    }

    bool Plan(long threads)
    {
        var (best, bestCut, least) = (this, *job, double.MaxValue);
        long most = threads == 1 ? 1 : Math.Min(MostParts * threads, job->RowPanels);
        for (var turned = 0; turned < (job->Batch > 1 && job->CoarseColumns <= FewColumns ? 2 : 1); turned++)
        {
            if (!FindSets(turned == 1)) break;
            // More columns than there are make no other cut.
            long all = job->Batch * job->CoarseRows * job->CoarseColumns;
            for (long columns = 512; columns >= 1; columns /= 2)
            {
                if (columns / 2 >= all) continue;

                // Narrower only where nothing else has room.
                if (columns < 32 && least < double.MaxValue) break;
                job->Cut(columns);
                if (turned == 1 && job->TaskImages > MostImages) job->CutImages(MostImages);
                LaySource(turned == 1);
                if (!Fits) continue;
                for (parts = 1; parts <= most; parts *= 2)
                {
                    var cost = Cost(threads);
                    if (cost >= least) continue;
                    least = cost;
                    (best, bestCut) = (this, *job);
                }
            }
        }
        (this, *job) = (best, bestCut);
        if (least == double.MaxValue) return false;
        LaySource(IsTurned);
        return true;
    }

    readonly bool Fits => SourceFloats <= MostSource && SumsPerPanel <= ConvolutionJob.SumFloats && RunFloats + EmitFloats + MadeFloats <= RoomFloats;

    readonly long SourceFloats => job->BlockChannels * channelStep * (IsTurned ? 1 : job->TaskImages);

    readonly long RunFloats => (job->TaskImages * TaskPixels * sizeof(Run) / sizeof(float) + 15) / 16 * 16;

    readonly long EmitFloats => job->Machine.Columns * (Math.Min(EmitPixels, TaskPixels) + 8);

    readonly long MadeFloats => !job->Source.IsMade ? 0 : IsTurned ? TurnedImages.Room(job->Source.Height * job->Source.Width) : channelStep;

    // Where a task's part of the source lies in a worker's memory.
    void LaySource(bool isTurned)
    {
        if (isTurned)
        {
            lanes = (job->TaskImages + 7) / 8 * 8;
            channelStep = Math.Min(job->Source.Height, seen.Slots(job->TaskRows)) * job->Source.Width * lanes;
        }
        else
        {
            lanes = 0;
            seen.Line = job->TaskColumns + (seen.MaxX - seen.MinX) / seen.StepX;
            channelStep = seen.Slots(job->TaskRows) * seen.StepX * seen.Line;
        }
        // An odd number of cache lines, so that channels do not share the sets of a cache.
        channelStep = ((channelStep + 15) / 16 | 1) * 16;
    }

    // The sets of taps that lines of the result see, or pixels; false when those are too many.
    bool FindSets(bool ofPixels)
    {
        (setCount, steps) = (0, 0);
        skipsTaps = mostTaps <= 64;
        long most = Math.Min(MostSets, MostSteps / Math.Max(1, listStep));
        for (int p = 0; p < job->PhaseCount; p++)
        {
            var phase = &job->Phases[p];
            for (long y = 0; skipsTaps && y < phase->GridHeight; y++)
            {
                ulong down = phase->TapsDown(y, job->Source.Height);
                for (long x = 0; x < (ofPixels ? phase->GridWidth : 1); x++)
                {
                    ulong taps = ofPixels ? down & phase->TapsAcross(x, job->Source.Width) : down;
                    steps += BitOperations.PopCount(taps);
                    if (SetOf(p, taps) >= 0) continue;
                    if (setCount < most) (sets[setCount], phases[setCount++]) = (taps, p);
                    else skipsTaps = false;
                }
            }
        }
        if (skipsTaps) return true;
        if (ofPixels || job->PhaseCount > most) return false;
        // All of them, then: those outside of the source are 0 there.
        (setCount, steps) = ((int)job->PhaseCount, 0);
        for (int p = 0; p < setCount; p++)
        {
            phases[p] = p;
            steps += job->Phases[p].GridHeight * job->Phases[p].Taps;
        }
        return true;
    }

    readonly int SetOf(int phase, ulong taps)
    {
        if (!skipsTaps) return phase;
        for (int i = 0; i < setCount; i++)
            if (sets[i] == taps && phases[i] == phase) return i;
        return -1;
    }

    // Processor cycles of the busiest thread, roughly: those of multiply-adds, of the source's copies, and of weights that come from the last cache.
    readonly double Cost(long threads)
    {
        double panels = (job->RowPanels + parts - 1) / parts, multiplied = IsTurned ? TileCycles(job->TaskImages) : TileCycles(job->TaskColumns) * job->TaskImages;
        multiplied *= (double)steps * job->TaskRows / job->CoarseRows;
        var copied = SourceFloats / job->BlockChannels * (job->Source.IsMade ? 3 : IsTurned ? 1.2 : 0.5) + (IsTurned ? 0 : 8 * job->TaskImages * seen.Slots(job->TaskRows) * seen.StepX);
        var rounds = (Tasks + threads - 1) / threads + (threads > 1 ? Tail : 0);
        return rounds * ((multiplied * panels + copied + panels * job->Machine.Columns * job->Window * 0.15) * job->Channels + 2000);
    }

    // Of a step of depth over so many rows, in as many tiles as that takes: two multiply-adds or two loads a cycle.
    readonly double TileCycles(long rows)
    {
        long tiles = (rows + job->Machine.Rows - 1) / job->Machine.Rows;
        double each = (double)rows / tiles;
        return tiles * Math.Max(each + 0.2, (each + 4) / 2 + 0.7);
    }

    /// <summary>Makes the lists: the places of the source and the rows of packed weights that each set of taps multiplies, channel by channel. They are <see cref="ListSteps"/> long.</summary>
    public void MakeLists(KernelStep* room)
    {
        lists = room;
        long width = job->Machine.Columns, line = IsTurned ? job->Source.Width * lanes : seen.StepX * seen.Line;
        for (int s = 0; s < setCount; s++)
        {
            var phase = &job->Phases[phases[s]];
            var step = lists + s * listStep;
            // Those of the first channel; in the others they are as far apart.
            int count = 0, taps = (int)phase->Taps;
            for (int t = 0; t < taps; t++)
            {
                if (skipsTaps && (sets[s] >> t & 1) == 0) continue;
                long x = phase->TapX[t] - seen.MinX;
                step[count].A = (int)(IsTurned ? phase->TapY[t] * line + phase->TapX[t] * lanes : (phase->TapY[t] - seen.MinY) * line + x % seen.StepX * seen.Line + x / seen.StepX);
                step[count++].B = (int)(t * width);
            }
            int stepA = (int)channelStep, stepB = (int)(taps * width);
            Vector256<int> distance = Vector256.Create(stepA, stepB, stepA, stepB, stepA, stepB, stepA, stepB), shift = distance;
            var to = step + count;
            for (long c = 1; c < job->BlockChannels; c++, shift += distance, to += count)
            {
                // What runs over is written again by the next channel or list.
                for (long i = 0; i < count; i += VectorSteps) (Vector256.Load((int*)(step + i)) + shift).Store((int*)(to + i));
            }
        }
    }

    /// <summary>Body: tasks numbered (images, rows, columns, parts of the panels), parts fastest.</summary>
    public static void RunTasks(void* context, long begin, long end, int worker)
    {
        var plan = (ConvolutionFilters*)context;
        var job = plan->job;
        for (long i = begin; i < end; i++)
        {
            long part = i % plan->parts, place = i / plan->parts, panels = job->PanelEnd - job->PanelBegin;
            long column = place % job->ColumnTasks * job->TaskColumns, row = place / job->ColumnTasks % job->RowTasks * job->TaskRows, image = place / (job->ColumnTasks * job->RowTasks) * job->TaskImages;
            plan->RunTask(
                image, Math.Min(job->TaskImages, job->Batch - image), row, Math.Min(job->TaskRows, job->CoarseRows - row), column, Math.Min(job->TaskColumns, job->CoarseColumns - column),
                job->PanelBegin + part * panels / plan->parts, job->PanelBegin + (part + 1) * panels / plan->parts, job->Scratch[worker]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    readonly void RunTask(long image, long images, long row, long rows, long column, long columns, long firstPanel, long lastPanel, float* scratch)
    {
        float* source = scratch, sums = source + MostSource, room = sums + ConvolutionJob.SumFloats;
        var part = seen.Columns(column, columns);
        // The part of the result.
        long top = row * job->SpreadY, height = Math.Min(rows * job->SpreadY, job->ResultHeight - top), left = column * job->SpreadX, across = Math.Min(columns * job->SpreadX, job->ResultWidth - left);
        long pixels = height * across, width = job->Machine.Columns, panelSums = images * pixels * width;
        var runs = (Run*)room;
        int count = FindRuns(runs, images, row, rows, column, columns, part.Reads(row, rows, job->Source.Height, job->Source.Width).Top, across, pixels);
        float* strip = room + RunFloats, made = strip + EmitFloats;
        // Weights that were packed long ago come from memory: a panel is asked for while the one before it is multiplied.
        long reads = 0;
        for (int i = 0; i < count; i++) reads += TapsOf(runs[i].Set);
        var list = new KernelList();
        var ahead = new MemoryAhead(source, mostTaps * width * sizeof(float), reads);
        long madeRoom = RoomFloats - RunFloats - EmitFloats, stride = IsTurned ? pixels * width : job->SpreadX * width;
        for (long block = 0; block < job->Blocks; block++)
        {
            long channel = block * job->BlockChannels, channels = Math.Min(job->BlockChannels, job->Channels - channel);
            if (IsTurned) Turn(part, image, images, channel, channels, row, rows, source, made, madeRoom);
            else Pad(part, image, images, channel, channels, row, rows, source, made, madeRoom);
            for (long panel = firstPanel; panel < lastPanel; panel++)
            {
                long first = job->RowOf(panel), filters = job->RowOf(panel + 1) - first;
                float* tile = job->Blocks > 1 ? sums + (panel - firstPanel) * panelSums : sums;
                if (job->PackedWeight != null)
                {
                    var isLast = panel + 1 == lastPanel;
                    var hasNext = !isLast || block + 1 < job->Blocks;
                    ahead.Follow(hasNext ? job->PanelOf(job->Phases[0], isLast ? block + 1 : block, isLast ? firstPanel : panel + 1) : null, hasNext ? channels * mostTaps * width * sizeof(float) : 0);
                }
                for (int i = 0; i < count; i++)
                {
                    var run = runs + i;
                    long steps = channels * TapsOf(run->Set);
                    list.Steps = lists + run->Set * listStep;
                    ahead.Ask(ref list, steps);
                    job->Machine.ListedKernel(run->Rows, filters)(
                        steps, source + run->From, job->PanelOf(job->Phases[phases[run->Set]], block, panel), (long)&list, tile + run->To, stride, block > 0 ? 1 : 0);
                }
                if (block < job->Blocks - 1) continue;
                if (across == job->ResultWidth)
                {
                    for (long n = 0; n < images; n++) Emit(tile + n * pixels * width, image + n, first, filters, top * across, pixels, strip);
                    continue;
                }
                for (long y = 0; y < height; y++) Emit(tile + y * across * width, image, first, filters, (top + y) * job->ResultWidth + left, across, strip);
            }
        }
    }

    // The tiles of a task, phase by phase; top is the first row of the source that it sees, and a line of its result is so many pixels across.
    readonly int FindRuns(Run* runs, long images, long row, long rows, long column, long columns, long top, long across, long pixels)
    {
        var run = runs;
        long width = job->Machine.Columns, source = job->BlockChannels * channelStep;
        for (int p = 0; p < job->PhaseCount; p++)
        {
            var phase = &job->Phases[p];
            long some = Math.Clamp(phase->GridWidth - column, 0, columns);
            long lines = Math.Clamp(phase->GridHeight - row, 0, rows);
            for (long i = 0; i < lines; i++)
            {
                // From the middle on: the first of all tiles reads weights from far, best one behind the other, and lines at the borders leave some out.
                long y = (i + lines / 2) % lines;
                ulong down = skipsTaps ? phase->TapsDown(row + y, job->Source.Height) : 0;
                long to = ((y * job->SpreadY + phase->OriginY) * across + phase->OriginX) * width;
                if (IsTurned)
                {
                    // Pixels of all images.
                    for (long x = 0; x < some; x++)
                    {
                        int set = SetOf(p, down & phase->TapsAcross(column + x, job->Source.Width));
                        long from = (((row + y) * phase->StepY - top) * job->Source.Width + (column + x) * phase->StepX) * lanes;
                        run = AddTiles(run, set, images, from, to + x * job->SpreadX * width, pixels * width);
                    }
                    continue;
                }
                for (long n = 0; n < images; n++)
                    run = AddTiles(run, SetOf(p, down), some, n * source + y * seen.StepY * seen.StepX * seen.Line, to + n * pixels * width, job->SpreadX * width);
            }
        }
        return (int)(run - runs);
    }

    // So many rows, in even tiles.
    readonly Run* AddTiles(Run* run, int set, long rows, long from, long to, long step)
    {
        long tiles = (rows + job->Machine.Rows - 1) / job->Machine.Rows;
        for (long i = 0; i < tiles; i++)
        {
            long first = i * rows / tiles;
            *run++ = new() { From = (int)(from + first), To = (int)(to + first * step), Rows = (short)((i + 1) * rows / tiles - first), Set = (short)set };
        }
        return run;
    }

    // source[image][channel]: the lines that some rows see, with their padding.
    readonly void Pad(in ConvolutionPhase phase, long image, long images, long channel, long channels, long row, long rows, float* source, float* made, long room)
    {
        channel += job->Group * job->Channels;
        var planes = job->Source;
        var region = phase.Reads(row, rows, planes.Height, planes.Width);
        for (long n = 0; n < images; n++, source += job->BlockChannels * channelStep)
        {
            if (!planes.IsMade)
            {
                for (long c = 0; c < channels; c++)
                    ConvolutionPacking.Pad(phase, planes.Plane(image + n, channel + c), planes.RowStride, planes.ColumnStride, planes.Height, planes.Width, row, rows, source + c * channelStep);
                continue;
            }
            // As many channels at once as there is room for.
            long most = Math.Clamp(room / Math.Max(1, region.Pixels), 1, channels);
            for (long c = 0; c < channels; c++)
            {
                if (c % most == 0) job->Make(phase, region, image + n, channel + c, Math.Min(most, channels - c), made);
                float* origin = made + c % most * region.Pixels - region.Top * region.Width - region.Left;
                ConvolutionPacking.Pad(phase, origin, region.Width, 1, planes.Height, planes.Width, row, rows, source + c * channelStep);
            }
        }
    }

    // source[channel][pixel][image]: the lines that some rows see.
    readonly void Turn(in ConvolutionPhase phase, long image, long images, long channel, long channels, long row, long rows, float* source, float* made, long room)
    {
        var region = phase.Reads(row, rows, job->Source.Height, job->Source.Width);
        TurnedImages.Fill(job->Source, image, images, job->Group * job->Channels + channel, channels, region.Top, region.Bottom, source, channelStep, lanes, made, room);
    }

    // Turns sums of a panel, so that pixels are contiguous, and puts them out.
    readonly void Emit(float* tile, long image, long filter, long filters, long pixel, long pixels, float* strip)
    {
        long width = job->Machine.Columns;
        for (long p = 0; p < pixels; p += EmitPixels)
        {
            long some = Math.Min(EmitPixels, pixels - p), stride = (some + 7) / 8 * 8;
            Packing.Panel(strip, stride, tile + p * width, width, 1, some, stride, some, filters);
            job->Emit(strip, stride, image, filter, filters, pixel + p, some);
        }
    }
}
