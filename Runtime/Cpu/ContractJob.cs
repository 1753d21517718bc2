using System;
using System.Runtime.CompilerServices;

namespace Graph.Runtime.Cpu;

/// <summary>The state of one contraction that its workers share; lives on the caller's stack.</summary>
unsafe struct ContractJob
{
    // Scratch memory of a worker, in floats: a register tile at C's edge, a block made by a prologue, packed A, packed B, sums for the epilogue.
    const long EdgeFloats = 1024;
    const long HookFloats = 32 * 512;
    const long TurnedColumns = 8; // of B, whose columns a prologue makes as rows
    const long LeastRowOfHook = 768; // of B: shorter ones lie near one another, and are made panel by panel
    const long RowPanelsOfHook = 16; // of B, of which a prologue makes rows at a time
    const long PackFloats = Machine.BlockFloats + Machine.BlockFloats / 4;
    public const long SumFloats = 512 * 1024;

    public ContractCall* Call;
    public Machine Machine;
    public float** Scratch;

    /// <summary>Panels of rows and columns, and blocks of K, of the whole product.</summary>
    public long RowPanels, ColumnPanels, DepthBlocks, MaxDepth;

    /// <summary>What the tasks cover.</summary>
    public long RowPanelBegin, RowPanelEnd, ColumnPanelBegin, ColumnPanelEnd;

    /// <summary>The most panels of one task, and how many tasks that makes; they differ by one panel at most.</summary>
    public long RowsPerTask, ColumnsPerTask, RowTasks, ColumnTasks;

    /// <summary>Packed operand of the covered panels, all of K; or null, when tasks pack their own.</summary>
    public float* SharedA, SharedB;

    /// <summary>B is packed for the tasks.</summary>
    public readonly bool HasB => SharedB != null || Call->PackedB != null;

    // The packed B of a panel and those behind it.
    readonly float* PanelB(long block, long panel, long step) => Call->PackedB != null
        ? Call->PackedB + (ColumnPanels * block + panel) * step : SharedB + ((ColumnPanelEnd - ColumnPanelBegin) * (block - BlockBegin) + panel - ColumnPanelBegin) * step;

    /// <summary>Tasks run over all batches, or lie in <see cref="Batch"/>.</summary>
    public bool Batched;
    public long Batch;

    /// <summary>Blocks of K that the tasks cover; with <see cref="SliceBlocks"/> set, tasks cover that many each.</summary>
    public long BlockBegin, BlockEnd, SliceBlocks;

    /// <summary>Where sums go that are not finished yet: a row-major matrix for each slice. Null when tasks finish their sums.</summary>
    public float* Partial;

    public ContractJob(ContractCall* call, in Machine machine, float** scratch, long batch)
    {
        this = default;
        Call = call;
        Machine = machine;
        Scratch = scratch;
        RowPanels = (call->M + machine.Rows - 1) / machine.Rows;
        ColumnPanels = (call->N + machine.Columns - 1) / machine.Columns;
        (DepthBlocks, MaxDepth) = (Numerics.Products.Blocks(call->K), Numerics.Products.Length(call->K));
        RowPanelEnd = RowPanels;
        ColumnPanelEnd = ColumnPanels;
        BlockEnd = DepthBlocks;
    }

    /// <summary>C cannot take the sums as they are made: an epilogue wants them, or its columns are not contiguous.</summary>
    public readonly bool Indirect => (Call->Epilogue != null || Call->SumsOfC.IsSet || Call->CN != 1) && Partial == null;

    /// <summary>Sums of several blocks of K must be kept in scratch memory.</summary>
    public readonly bool Accumulates => Indirect && DepthBlocks > 1;

    readonly long RowOf(long panel) => panel * Call->M / RowPanels;

    public readonly long DepthOf(long block) => Math.Min(block * MaxDepth, Call->K);

    /// <summary>The first of the tasks that read panels of A (B) adds them up; false when <see cref="AddUp"/> does it beside them.</summary>
    public bool AddsUp;

    /// <summary>The most columns' panels up to a wish for which a task's sums fit its scratch memory.</summary>
    public readonly long FitColumns(long wish, long rowPanels) => Accumulates ? Math.Clamp(SumFloats / (rowPanels * Machine.Rows * Machine.Columns), 1, wish) : wish;

    /// <summary>The same for rows' panels.</summary>
    public readonly long FitRows(long wish, long columnPanels) => FitColumns(wish, columnPanels);

    /// <summary>Into how many slices K is cut so that a small result still gives several tasks; a function of the shape alone.</summary>
    public readonly long Slices() => Numerics.Products.Slices(Call->M, Call->N, Call->K);

    /// <summary>The least memory with which workers can share what they pack: a panel, of all blocks of K where sums are kept for an epilogue.</summary>
    public readonly long LeastShared(Sharing sharing) => (Accumulates ? DepthBlocks : 1) * Packing.PanelStep(MaxDepth, sharing == Sharing.Left ? Machine.PanelStride : Machine.Columns);

    public void CountTasks()
    {
        RowTasks = (RowPanelEnd - RowPanelBegin + RowsPerTask - 1) / RowsPerTask;
        ColumnTasks = (ColumnPanelEnd - ColumnPanelBegin + ColumnsPerTask - 1) / ColumnsPerTask;
    }

    readonly long RowTask(long task) => RowPanelBegin + task * (RowPanelEnd - RowPanelBegin) / RowTasks;

    readonly long ColumnTask(long task) => ColumnPanelBegin + task * (ColumnPanelEnd - ColumnPanelBegin) / ColumnTasks;

    readonly float* BatchOf(float* origin, long batch, long s0, long s1, long s2)
    {
        long i2 = batch % Call->Batch2, rest = batch / Call->Batch2;
        return origin + rest / Call->Batch1 * s0 + rest % Call->Batch1 * s1 + i2 * s2;
    }

    public readonly float* A(long batch) => BatchOf(Call->A, batch, Call->ABatch0, Call->ABatch1, Call->ABatch2);

    public readonly float* B(long batch) => BatchOf(Call->B, batch, Call->BBatch0, Call->BBatch1, Call->BBatch2);

    public readonly float* C(long batch) => BatchOf(Call->C, batch, Call->CBatch0, Call->CBatch1, Call->CBatch2);

    /// <summary>Body: packs panel i % count of block i / count of A into <see cref="SharedA"/>.</summary>
    public static void PackA(void* context, long begin, long end, int worker)
    {
        var job = (ContractJob*)context;
        long count = job->RowPanelEnd - job->RowPanelBegin, step = Packing.PanelStep(job->MaxDepth, job->Machine.PanelStride);
        for (long i = begin; i < end; i++)
        {
            job->PackPanelA(job->SharedA + i * step, job->Batch, job->RowPanelBegin + i % count, job->BlockBegin + i / count, job->Scratch[worker] + EdgeFloats);
        }
    }

    /// <summary>Body: packs panel i % count of block i / count of B into <see cref="SharedB"/>.</summary>
    public static void PackB(void* context, long begin, long end, int worker)
    {
        var job = (ContractJob*)context;
        long count = job->ColumnPanelEnd - job->ColumnPanelBegin, step = Packing.PanelStep(job->MaxDepth, job->Machine.Columns);
        for (long i = begin; i < end;)
        {
            // Runs of panels within a block.
            long panel = i % count, run = Math.Min(end - i, count - panel);
            job->PackPanelsB(job->SharedB + i * step, job->Batch, job->ColumnPanelBegin + panel, run, job->BlockBegin + i / count, job->Scratch[worker] + EdgeFloats);
            i += run;
        }
    }

    readonly void PackPanelA(float* panel, long batch, long index, long block, float* temporary)
    {
        long row = RowOf(index), rows = RowOf(index + 1) - row, k = DepthOf(block), depth = DepthOf(block + 1) - k;
        long stride = Machine.PanelStride, width = Math.Min((rows + 7) / 8 * 8, stride);
        if (Call->PrologueA == null)
        {
            Packing.Panel(panel, stride, A(batch) + row * Call->AM + k * Call->AK, Call->AM, Call->AK, rows, width, Call->M - row, depth);
        }
        else if (Call->TransposedA)
        {
            // Rows of the next panel fill the vectors; nobody looks at them here.
            Call->PrologueA(Call->PrologueAPointers, Call->PrologueADims, panel, stride, batch, k, depth, row, Math.Min(stride, Call->M - row));
        }
        else
        {
            Call->PrologueA(Call->PrologueAPointers, Call->PrologueADims, temporary, Contract.DepthBlock, batch, row, rows, k, depth);
            Packing.Panel(panel, stride, temporary, Contract.DepthBlock, 1, rows, width, rows, depth);
        }
    }

    readonly void PackPanelsB(float* panels, long batch, long index, long count, long block, float* temporary)
    {
        long stride = Machine.Columns, step = Packing.PanelStep(MaxDepth, stride), granule = Machine.Lanes;
        long column = index * stride, columns = Math.Min(count * stride, Call->N - column), k = DepthOf(block), depth = DepthOf(block + 1) - k;
        if (Call->PrologueB == null)
        {
            Packing.Panels(panels, step, stride, stride, granule, B(batch) + k * Call->BK + column * Call->BN, Call->BN, Call->BK, columns, Call->N - column, depth);
            return;
        }
        if (!Call->TransposedB && count > 1 && Call->N >= LeastRowOfHook)
        {
            // Whole rows at a time, as where nothing is made: long runs of what the function reads.
            for (long p = 0; p < count; p += RowPanelsOfHook)
            {
                long first = p * stride, here = Math.Min(RowPanelsOfHook * stride, columns - first), some = HookFloats / 2 / here;
                for (long row = 0; row < depth; row += some)
                {
                    long rows = Math.Min(some, depth - row);
                    Call->PrologueB(Call->PrologueBPointers, Call->PrologueBDims, temporary, here, batch, k + row, rows, column + first, here);
                    Packing.Panels(panels + p * step + row * stride, step, stride, stride, granule, temporary, 1, here, here, here, rows);
                }
            }
            return;
        }
        for (long p = 0; p < count; p++, panels += step, column += stride)
        {
            long here = Math.Min(stride, Call->N - column);
            if (Call->TransposedB)
            {
                // A few columns at a time, which stay in the first-level cache until they are turned.
                long width = (here + granule - 1) / granule * granule, distance = (depth + 15) / 16 * 16 + 16;
                for (long lane = 0; lane < here; lane += TurnedColumns)
                {
                    long some = Math.Min(TurnedColumns, here - lane);
                    Call->PrologueB(Call->PrologueBPointers, Call->PrologueBDims, temporary, distance, batch, column + lane, some, k, depth);
                    Packing.Panel(panels + lane, stride, temporary, distance, 1, some, lane + some < here ? some : width - lane, some, depth);
                }
            }
            else
            {
                // Lanes that no column fills are multiplied too: give them a number.
                if (here % granule != 0) new Span<float>(panels, (int)(depth * stride)).Clear();
                Call->PrologueB(Call->PrologueBPointers, Call->PrologueBDims, panels, stride, batch, k, depth, column, here);
            }
        }
    }

    // Panels of A from `first` on, neighbours `step` apart, of one block.
    readonly void AddRows(float* panels, long step, long batch, long first, long end, long block)
    {
        var to = Call->SumsOfA.To + Call->SumsOfA.OffsetOf(batch, Call->Batch1, Call->Batch2);
        var sums = new PanelSums(Machine.PanelStride, DepthOf(block + 1) - DepthOf(block), Call->SumsOfA.Step, block > 0);
        for (long i = first; i < end; i++, panels += step) sums.Add(panels, RowOf(i + 1) - RowOf(i), to + RowOf(i) * Call->SumsOfA.Step);
        sums.Finish();
    }

    // The same of B.
    readonly void AddColumns(float* panels, long step, long batch, long first, long end, long block)
    {
        long width = Machine.Columns;
        var to = Call->SumsOfB.To + Call->SumsOfB.OffsetOf(batch, Call->Batch1, Call->Batch2);
        var sums = new PanelSums(width, DepthOf(block + 1) - DepthOf(block), Call->SumsOfB.Step, block > 0);
        for (long i = first; i < end; i++, panels += step) sums.Add(panels, Math.Min(width, Call->N - i * width), to + i * width * Call->SumsOfB.Step);
        sums.Finish();
    }

    /// <summary>Body: adds up a panel of each operand whose sums are wanted, numbered (batch, panels of A, panels of B), where the tasks of the product do not: its sums are cut, or nothing is packed.</summary>
    public static void AddUp(void* context, long begin, long end, int worker)
    {
        var job = (ContractJob*)context;
        float* temporary = job->Scratch[worker] + EdgeFloats, panel = temporary + HookFloats;
        long rows = job->Call->SumsOfA.IsSet ? job->RowPanels : 0, columns = job->Call->SumsOfB.IsSet ? job->ColumnPanels : 0;
        for (long i = begin; i < end; i++)
        {
            long batch = i / (rows + columns), index = i % (rows + columns);
            for (long block = 0; block < job->DepthBlocks; block++)
            {
                if (index < rows)
                {
                    job->PackPanelA(panel, batch, index, block, temporary);
                    job->AddRows(panel, 0, batch, index, index + 1, block);
                }
                else
                {
                    job->PackPanelsB(panel, batch, index - rows, 1, block, temporary);
                    job->AddColumns(panel, 0, batch, index - rows, index - rows + 1, block);
                }
            }
        }
    }

    /// <summary>Body: tasks numbered (batch or slice, columns, rows), rows fastest.</summary>
    public static void RunTasks(void* context, long begin, long end, int worker)
    {
        var job = (ContractJob*)context;
        long perBatch = job->RowTasks * job->ColumnTasks;
        for (long i = begin; i < end; i++)
        {
            long outer = i / perBatch, batch = job->Batched ? outer : job->Batch, task = i % perBatch, blockBegin = job->BlockBegin, blockEnd = job->BlockEnd;
            float* partial = job->Partial;
            if (job->SliceBlocks != 0)
            {
                blockBegin = outer * job->SliceBlocks;
                blockEnd = Math.Min(blockBegin + job->SliceBlocks, job->DepthBlocks);
                partial += outer * job->Call->M * job->Call->N;
            }
            long row = task % job->RowTasks, column = task / job->RowTasks;
            job->RunTask(
                batch, job->RowTask(row), job->RowTask(row + 1), job->ColumnTask(column), job->ColumnTask(column + 1), blockBegin, blockEnd, partial, job->Scratch[worker]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    readonly void RunTask(long batch, long rowPanel, long rowPanelEnd, long columnPanel, long columnPanelEnd, long blockBegin, long blockEnd, float* partial, float* scratch)
    {
        float* edge = scratch, temporary = edge + EdgeFloats, packedA = temporary + HookFloats, packedB = packedA + PackFloats, sums = packedB + PackFloats;
        long tileColumns = Machine.Columns, stepA = Packing.PanelStep(MaxDepth, Machine.PanelStride), stepB = Packing.PanelStep(MaxDepth, tileColumns);
        long firstRow = RowOf(rowPanel), firstColumn = columnPanel * tileColumns;
        long columnsEnd = Math.Min(columnPanelEnd * tileColumns, Call->N);
        bool indirect = Indirect, accumulates = Accumulates;
        float* target = partial != null || indirect ? partial : C(batch);
        long targetStride = partial != null ? Call->N : Call->CM;

        // B can be read where it lies if its rows are contiguous and so few that they stay in cache, and packing would not pay.
        bool direct = !HasB && !(AddsUp && Call->SumsOfB.IsSet) && Call->PrologueB == null && Call->BN == 1 && rowPanelEnd - rowPanel <= 8 && Call->N * Math.Min(Call->K, MaxDepth) <= 64 * 1024;
        long blockPanels = HasB || direct ? Math.Max(1, Machine.BlockFloats / stepB) : Math.Max(1, PackFloats / stepB);
        blockPanels = Math.Min(blockPanels, columnPanelEnd - columnPanel);
        // Sums of one block of K need only a strip of one panel's rows.
        long sumStride = (accumulates ? columnPanelEnd - columnPanel : blockPanels) * tileColumns;

        for (long block = blockBegin; block < blockEnd; block++)
        {
            long k = DepthOf(block), depth = DepthOf(block + 1) - k;
            bool last = block == DepthBlocks - 1;
            long add = (SliceBlocks != 0 ? block > blockBegin : block > 0) ? 1 : 0;
            if (SharedA == null)
            {
                for (long i = rowPanel; i < rowPanelEnd; i++) PackPanelA(packedA + (i - rowPanel) * stepA, batch, i, block, temporary);
            }
            if (AddsUp && columnPanel == 0 && Call->SumsOfA.IsSet)
                AddRows(SharedA != null ? SharedA + ((RowPanelEnd - RowPanelBegin) * (block - BlockBegin) + rowPanel - RowPanelBegin) * stepA : packedA, stepA, batch, rowPanel, rowPanelEnd, block);
            for (long from = columnPanel; from < columnPanelEnd; from += blockPanels)
            {
                long count = Math.Min(blockPanels, columnPanelEnd - from), column = from * tileColumns, columns = Math.Min(column + count * tileColumns, columnsEnd) - column;
                float* b;
                if (HasB) b = PanelB(block, from, stepB);
                else if (direct) b = B(batch) + k * Call->BK + column;
                else PackPanelsB(b = packedB, batch, from, count, block, temporary);
                if (AddsUp && rowPanel == 0 && Call->SumsOfB.IsSet) AddColumns(b, stepB, batch, from, from + count, block);

                for (long i = rowPanel; i < rowPanelEnd; i++)
                {
                    float* a = SharedA != null ? SharedA + ((RowPanelEnd - RowPanelBegin) * (block - BlockBegin) + i - RowPanelBegin) * stepA : packedA + (i - rowPanel) * stepA;
                    long row = RowOf(i), rows = RowOf(i + 1) - row;
                    if (!indirect)
                    {
                        float* c = target + row * targetStride + column;
                        if (direct) StripDirect(rows, columns, depth, a, b, packedB, c, targetStride, add, edge, i == rowPanel);
                        else Tiles.Strip(Machine, rows, columns, depth, a, b, stepB, c, targetStride, add, edge);
                        continue;
                    }
                    float* tile = accumulates ? sums + (row - firstRow) * sumStride + (column - firstColumn) : sums;
                    if (direct) StripDirect(rows, columns, depth, a, b, packedB, tile, sumStride, add, null, i == rowPanel);
                    else Tiles.Strip(Machine, rows, columns, depth, a, b, stepB, tile, sumStride, add, null);
                    if (!last) continue;
                    if (Call->Epilogue != null) Call->Epilogue(Call->EpiloguePointers, Call->EpilogueDims, tile, sumStride, batch, row, rows, column, columns);
                    else if (!Call->SumsOfC.IsSet) Scatter(tile, sumStride, batch, row, rows, column, columns);
                    if (Call->SumsOfC.IsSet) AddResult(tile, sumStride, batch, row, rows, column, columns, sums + SumFloats + (row - firstRow) * RowSums.StateFloats);
                }
            }
        }
    }

    // The same on B where it lies. The partial panel at its edge is packed: loads must not run past it.
    readonly void StripDirect(long rows, long columns, long depth, float* a, float* b, float* packedB, float* c, long cStride, long add, float* edge, bool first)
    {
        long tileColumns = Machine.Columns, granule = Machine.Lanes, j = 0;
        if (columns >= tileColumns)
        {
            var kernel = Machine.Kernel(rows, tileColumns);
            for (; j + tileColumns <= columns; j += tileColumns) kernel(depth, a, b + j, Call->BK, c + j, cStride, add);
        }
        long rest = columns - j;
        if (rest == 0) return;
        if (first) Packing.Panel(packedB, tileColumns, b + j, 1, Call->BK, rest, (rest + granule - 1) / granule * granule, rest, depth);
        Tiles.Edge(Machine, rows, rest, depth, a, packedB, tileColumns, c + j, cStride, add, edge);
    }

    /// <summary>Body: adds the slices of panels of rows in order and finishes the sums.</summary>
    public static void Finish(void* context, long begin, long end, int worker)
    {
        var job = (ContractJob*)context;
        var call = job->Call;
        long size = call->M * call->N, slices = job->SliceBlocks == 0 ? 1 : (job->DepthBlocks + job->SliceBlocks - 1) / job->SliceBlocks;
        for (long i = begin; i < end; i++)
        {
            long row = job->RowOf(i), rows = job->RowOf(i + 1) - row;
            float* sums = job->Partial + row * call->N;
            for (long slice = 1; slice < slices; slice++) Tiles.Add(sums + slice * size, sums, rows * call->N);
            if (call->Epilogue != null) call->Epilogue(call->EpiloguePointers, call->EpilogueDims, sums, call->N, job->Batch, row, rows, 0, call->N);
            else if (!call->SumsOfC.IsSet) job->Scatter(sums, call->N, job->Batch, row, rows, 0, call->N);
            if (call->SumsOfC.IsSet) job->AddResult(sums, call->N, job->Batch, row, rows, 0, call->N, job->Scratch[worker]);
        }
    }

    // Rows of a tile go on with their sums, one state each; those that end are written.
    readonly void AddResult(float* tile, long stride, long batch, long row, long rows, long column, long columns, float* states)
    {
        var to = Call->SumsOfC.To + Call->SumsOfC.OffsetOf(batch, Call->Batch1, Call->Batch2);
        for (long i = 0; i < rows; i++, states += RowSums.StateFloats)
        {
            RowSums.Add(tile + i * stride, column, columns, Call->N, states);
            if (column + columns == Call->N) to[(row + i) * Call->SumsOfC.Step] = RowSums.Finish(states);
        }
    }

    readonly void Scatter(float* tile, long stride, long batch, long row, long rows, long column, long columns)
    {
        float* c = C(batch) + row * Call->CM + column * Call->CN;
        for (long i = 0; i < rows; i++)
        {
            float* from = tile + i * stride, to = c + i * Call->CM;
            for (long j = 0; j < columns; j++) to[j * Call->CN] = from[j];
        }
    }
}
