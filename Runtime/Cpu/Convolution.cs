using System.ComponentModel;
using System;
using Graph.Compiler.Targets;

namespace Graph.Runtime.Cpu;

/// <summary>
/// 2-D convolution and its two gradients as implicit matrix products: blocks of the unfolded image are packed into cache as they are needed, so the unfolded batch never exists
/// (compare Dukhan, "The Indirect Convolution Algorithm", 2019, and oneDNN's BRGEMM convolutions).
/// </summary>
/// <remarks>The order of every sum follows from the shape alone: results do not depend on the number of threads.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe partial class Convolution
{
    // What lies on the stack: the taps of a window, and the phases of the gradient of an image, one for each residue of the stride. More than that is computed directly.
    const long MostTaps = PackingModel.MostTaps, MostPhases = 256;

    // Multiply-adds of a group that two threads share.
    const double LeastShared = 256 * 1024;

    // What a convolution of short lines has at least of filters and of steps of depth, to have filters in the columns of its register tiles though its weights are not packed so already.
    const long FewFilters = 16, FewSteps = 48;

    /// <summary>Makes the map, or hands it to the epilogue.</summary>
    public static void Forward(WorkerPool pool, ConvolutionCall* call)
    {
        if (call->MapHeight <= 0 || call->MapWidth <= 0) return;
        switch (call->Sums)
        {
            case SumType.Float64: BlockedConvolution<double>.Forward(pool, call); return;
            case SumType.Int32: BlockedConvolution<int>.Forward(pool, call); return;
        }
        long taps = call->KernelHeight * call->KernelWidth, channels = call->Channels / call->Groups;
        if (taps > MostTaps)
        {
            Directly(pool, call);
            return;
        }
        long* tables = stackalloc long[TableSize(call)];
        ConvolutionPhase phase = default;
        phase.GridHeight = call->MapHeight;
        phase.GridWidth = call->MapWidth;
        phase.StepY = call->StrideHeight;
        phase.StepX = call->StrideWidth;
        phase.TapY = tables;
        phase.TapX = tables + taps;
        phase.TapWeight = tables + 2 * taps;
        for (long y = 0; y < call->KernelHeight; y++)
        {
            for (long x = 0; x < call->KernelWidth; x++)
            {
                phase.AddTap(y * call->DilationHeight - call->PaddingTop, x * call->DilationWidth - call->PaddingLeft, y * call->KernelWidth + x);
            }
        }
        ConvolutionJob job = default;
        job.Machine = Machine.Current;
        job.Scratch = pool.ScratchTable;
        job.Source = call->Images;
        bool isInside = call->PaddingTop == 0 && call->PaddingLeft == 0 && (call->MapHeight - 1) * call->StrideHeight < call->Height && (call->MapWidth - 1) * call->StrideWidth < call->Width;
        if (taps == 1 && isInside && !job.Source.IsMade)
        {
            // Of an image in memory that is read in steps, what lies between is not there.
            job.Source = job.Source.Every(phase.StepY, phase.StepX, call->MapHeight, call->MapWidth);
            phase.StepY = phase.StepX = 1;
        }
        job.Batch = call->Batch;
        job.Groups = call->Groups;
        job.Channels = channels;
        job.Result = call->Map;
        job.Rows = call->Filters / call->Groups;
        job.ResultHeight = call->MapHeight;
        job.ResultWidth = call->MapWidth;
        job.SpreadY = job.SpreadX = 1;
        job.Weight = call->Weight;
        job.WeightMaker = call->WeightMaker;
        job.RowsAreFilters = true;
        job.WeightRow = call->WeightStrides.Image;
        job.WeightChannel = call->WeightStrides.Channel;
        job.WeightGroup = job.Rows * job.WeightRow;
        (job.WeightLine, job.WeightStep, job.KernelWidth) = (call->WeightStrides.Row, call->WeightStrides.Column, call->KernelWidth);
        job.Window = taps;
        job.PackedWeight = call->PackedWeight;
        job.LanesAreFilters = call->PackedWeight != null && PackingModel.LanesAreFilters(call->Sizes);
        job.Phases = &phase;
        job.PhaseCount = 1;
        Finish(&job, call);
        if (!Run(pool, &job, taps)) Directly(pool, call);
    }

    static void Directly(WorkerPool pool, ConvolutionCall* call)
    {
        if (call->PackedWeight != null) throw new InvalidOperationException("A convolution has a packed weight, but no room for its image.");
        ConvolutionDirect.Forward(pool, call);
    }

    /// <summary>Brings the weight of a forward pass into the form that <see cref="ConvolutionCall.PackedWeight"/> takes; of the call only the weight and its sizes count.</summary>
    public static void PackWeight(WorkerPool pool, ConvolutionCall* call)
    {
        long taps = call->KernelHeight * call->KernelWidth;
        ConvolutionPhase phase = default;
        phase.Taps = taps;
        ConvolutionJob job = default;
        job.Machine = Machine.Current;
        job.Scratch = pool.ScratchTable;
        job.Groups = call->Groups;
        job.Channels = call->Channels / call->Groups;
        job.Rows = call->Filters / call->Groups;
        job.Weight = call->Weight;
        job.RowsAreFilters = true;
        job.WeightRow = call->WeightStrides.Image;
        job.WeightChannel = call->WeightStrides.Channel;
        job.WeightGroup = job.Rows * job.WeightRow;
        (job.WeightLine, job.WeightStep, job.KernelWidth) = (call->WeightStrides.Row, call->WeightStrides.Column, call->KernelWidth);
        job.Window = taps;
        job.LanesAreFilters = PackingModel.LanesAreFilters(call->Sizes);
        job.Phases = &phase;
        job.PhaseCount = 1;
        job.CutWeights(taps);
        job.PanelEnd = job.RowPanels;
        for (job.Group = 0; job.Group < job.Groups; job.Group++)
        {
            phase.Weights = call->PackedWeight + job.Group * job.PackedWeights(0, job.RowPanels);
            pool.Run(&ConvolutionJob.PackWeights, &job, job.RowPanels * job.Blocks, PackGrain(&job));
        }
    }

    /// <summary>Makes the image's gradient from the map's, or hands it to the epilogue.</summary>
    public static void ImageGradient(WorkerPool pool, ConvolutionCall* call)
    {
        if (call->Height <= 0 || call->Width <= 0) return;
        switch (call->Sums)
        {
            case SumType.Float64: BlockedConvolution<double>.ImageGradient(pool, call); return;
            case SumType.Int32: BlockedConvolution<int>.ImageGradient(pool, call); return;
        }
        long taps = call->KernelHeight * call->KernelWidth, channels = call->Channels / call->Groups, filters = call->Filters / call->Groups;
        long spreadY = call->StrideHeight, spreadX = call->StrideWidth, phaseCount = spreadY * spreadX;
        if (phaseCount > MostPhases || taps > MostTaps)
        {
            ConvolutionDirect.ImageGradient(pool, call);
            return;
        }
        long* tables = stackalloc long[TableSize(call)];
        var phases = stackalloc ConvolutionPhase[(int)phaseCount];
        long maxTaps = 0;
        for (long p = 0; p < phaseCount; p++)
        {
            // The taps that reach pixels of this residue: map row = grid row + (origin + padding − tap·dilation) / stride.
            ConvolutionPhase phase = default;
            phase.OriginY = p / spreadX;
            phase.OriginX = p % spreadX;
            phase.GridHeight = Math.Max(0, (call->Height - phase.OriginY + spreadY - 1) / spreadY);
            phase.GridWidth = Math.Max(0, (call->Width - phase.OriginX + spreadX - 1) / spreadX);
            phase.StepY = phase.StepX = 1;
            phase.TapY = tables;
            phase.TapX = tables + taps;
            phase.TapWeight = tables + 2 * taps;
            for (long y = 0; y < call->KernelHeight; y++)
            {
                long fromY = phase.OriginY + call->PaddingTop - y * call->DilationHeight;
                if (fromY % spreadY != 0) continue;
                for (long x = 0; x < call->KernelWidth; x++)
                {
                    long fromX = phase.OriginX + call->PaddingLeft - x * call->DilationWidth;
                    if (fromX % spreadX == 0) phase.AddTap(fromY / spreadY, fromX / spreadX, y * call->KernelWidth + x);
                }
            }
            // Every tap belongs to one phase: the phases share the tables.
            tables += phase.Taps;
            maxTaps = Math.Max(maxTaps, phase.Taps);
            phases[p] = phase;
        }
        ConvolutionJob job = default;
        job.Machine = Machine.Current;
        job.Scratch = pool.ScratchTable;
        job.Source = call->Maps;
        job.Batch = call->Batch;
        job.Groups = call->Groups;
        job.Channels = filters;
        job.Result = call->Image;
        job.Rows = channels;
        job.ResultHeight = call->Height;
        job.ResultWidth = call->Width;
        job.SpreadY = spreadY;
        job.SpreadX = spreadX;
        job.Weight = call->Weight;
        job.WeightMaker = call->WeightMaker;
        job.WeightRow = call->WeightStrides.Channel;
        job.WeightChannel = call->WeightStrides.Image;
        job.WeightGroup = filters * job.WeightChannel;
        (job.WeightLine, job.WeightStep, job.KernelWidth) = (call->WeightStrides.Row, call->WeightStrides.Column, call->KernelWidth);
        job.Window = taps;
        job.Phases = phases;
        job.PhaseCount = phaseCount;
        Finish(&job, call);
        if (!Run(pool, &job, maxTaps)) ConvolutionDirect.ImageGradient(pool, call);
    }

    /// <summary>Floats of workspace with which a convolution or a gradient of it packs as much at once as pays; a function of the shape alone.</summary>
    public static long WorkspaceFloats(ConvolutionCall* call, Compiler.Kernels.ConvolutionKind kind) => call->Sums != SumType.Float32 || call->PackedWeight != null ? 0 : (kind == Compiler.Kernels.ConvolutionKind.WeightGradient
        ? new GradientCut(call->Sizes, Numerics.Products, Numerics.Packing).Floats * sizeof(float)
        : Numerics.Packing.ConvolutionBytes(Numerics.Products, call->Sizes, kind == Compiler.Kernels.ConvolutionKind.ImageGradient)) / sizeof(float);

    static InvalidOperationException TooLittle(long needed, long given) => new($"A convolution needs a workspace of at least {needed} floats, but got {given}.");

    static int TableSize(ConvolutionCall* call) => (int)(4 * call->KernelHeight * call->KernelWidth);

    static void Finish(ConvolutionJob* job, ConvolutionCall* call)
    {
        job->Workspace = call->Workspace;
        job->WorkspaceFloats = call->WorkspaceFloats;
        job->Epilogue = call->Epilogue;
        job->EpiloguePointers = call->EpiloguePointers;
        job->EpilogueDims = call->EpilogueDims;
    }

    static long PackGrain(ConvolutionJob* job) => Math.Max(1, 32 * 1024 / Math.Max(1, job->Window * job->BlockChannels * job->WeightLanes));

    // The weights of the panels of a pass.
    static void Pack(WorkerPool pool, ConvolutionJob* job)
    {
        long panels = job->PanelEnd - job->PanelBegin;
        (job->WeightBegin, job->WeightPanels) = (job->PanelBegin, panels);
        float* weights = job->Workspace;
        for (long p = 0; p < job->PhaseCount; p++)
        {
            job->Phases[p].Weights = weights;
            weights += job->PackedWeights(p, panels);
        }
        pool.Run(&ConvolutionJob.PackWeights, job, panels * job->Blocks, PackGrain(job));
    }

    // False when the shape has no room in scratch or shared memory.
    static bool Run(WorkerPool pool, ConvolutionJob* job, long maxTaps)
    {
        if (job->Batch <= 0 || job->Rows <= 0) return true;
        // Microseconds of work are not worth waking a thread.
        double work = (double)job->Batch * job->Rows * job->ResultHeight * job->ResultWidth / (job->SpreadY * job->SpreadX) * job->Channels * maxTaps;
        long threads = work < LeastShared ? 1 : pool.Threads;
        if (job->PackedWeight == null && TryFilters(pool, job, maxTaps, threads)) return true;
        job->CutWeights(maxTaps);
        if (job->LanesAreFilters) return ConvolutionFilters.TryPlan(job, maxTaps, threads, out var plan) && RunFilters(pool, job, &plan, job->RowPanels, threads);
        if (!job->Plan(maxTaps, threads)) return false;
        long perPanel = PanelFloats(job);
        // By the shape alone, never by how much there happens to be.
        if (perPanel * sizeof(float) > Numerics.Packing.MostBytes) return false;
        if (job->PackedWeight == null && job->WorkspaceFloats < perPanel) throw TooLittle(perPanel, job->WorkspaceFloats);
        RunPasses(pool, job, Math.Min(job->PanelsPerPass(), job->PackedWeight != null ? job->RowPanels : job->WorkspaceFloats / perPanel), &ConvolutionJob.RunTasks, job, job->Tasks, threads);
        return true;
    }

    // Floats of the packed weights of a panel of rows.
    static long PanelFloats(ConvolutionJob* job)
    {
        long floats = 16;
        for (long p = 0; p < job->PhaseCount; p++) floats += job->PackedWeights(p, 1);
        return floats;
    }

    // Of small maps, whose borders are a large part of them, with filters in columns, where there is room for their weights.
    static bool TryFilters(WorkerPool pool, ConvolutionJob* job, long maxTaps, long threads)
    {
        if (job->CoarseColumns > ConvolutionFilters.FewColumns || job->Rows < FewFilters || job->Channels * maxTaps < FewSteps || job->Window * job->Machine.Columns > ConvolutionJob.WindowFloats) return false;
        var other = *job;
        other.LanesAreFilters = true;
        other.CutWeights(maxTaps);
        long perPanel = PanelFloats(&other);
        return job->WorkspaceFloats >= perPanel && ConvolutionFilters.TryPlan(&other, maxTaps, threads, out var plan) && RunFilters(pool, &other, &plan, other.WorkspaceFloats / perPanel, threads);
    }

    static bool RunFilters(WorkerPool pool, ConvolutionJob* job, ConvolutionFilters* plan, long mostPanels, long threads)
    {
        var lists = stackalloc KernelStep[plan->ListSteps];
        plan->MakeLists(lists);
        RunPasses(pool, job, Math.Min(plan->PanelsPerPass(), mostPanels), &ConvolutionFilters.RunTasks, plan, plan->Tasks, threads);
        return true;
    }

    // All groups, so many panels of rows at a time.
    static void RunPasses(WorkerPool pool, ConvolutionJob* job, long pass, delegate*<void*, long, long, int, void> body, void* context, long tasks, long threads)
    {
        for (job->Group = 0; job->Group < job->Groups; job->Group++)
        {
            for (long panel = 0; panel < job->RowPanels; panel += pass)
            {
                (job->PanelBegin, job->PanelEnd) = (panel, Math.Min(panel + pass, job->RowPanels));
                if (job->PackedWeight != null)
                {
                    (job->WeightBegin, job->WeightPanels) = (0, job->RowPanels);
                    job->Phases[0].Weights = job->PackedWeight + job->Group * job->PackedWeights(0, job->RowPanels);
                }
                else Pack(pool, job);
                pool.Run(body, context, tasks, threads == 1 ? tasks : 1);
            }
        }
    }
}
