using System.ComponentModel;
using System;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Batched matrix products after Goto and van de Geijn ("Anatomy of High-Performance Matrix Multiplication", TOMS 2008) and BLIS:
/// operands are packed into panels that stay in cache, and a register tile walks over them.
/// </summary>
/// <remarks>
/// K is cut into equal blocks of at most <see cref="DepthBlock"/>; an element is the sum of its blocks in order, each one chain of
/// multiply-adds from 0. So its bits depend on K and on whether the processor has fused multiply-add, and on nothing else: not on the
/// threads, the tile, the strides or the neighbours. Long sums of few elements are cut further, by shape alone.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Contract
{
    /// <summary>Most steps of K between two additions to C.</summary>
    public const long DepthBlock = 384;

    // Below this many multiply-adds a chunk is not worth a thread's attention (about ten microseconds).
    static readonly long ChunkWork = Numerics.Packing.LeastWork / 2;

    /// <summary>Computes <paramref name="call"/> on the pool's workers.</summary>
    public static void Run(WorkerPool pool, ContractCall* call) => Run(pool, call, null);

    /// <summary>The same with the operand shared that is named, where there is a choice: for measurements and tests. It changes no bit.</summary>
    internal static void Run(WorkerPool pool, ContractCall* call, Sharing? sharing)
    {
        switch (call->Sums)
        {
            case SumType.Float64: BlockedProduct<double>.Run(pool, call); return;
            case SumType.Int32: BlockedProduct<int>.Run(pool, call); return;
        }
        long batch = call->Batch0 * call->Batch1 * call->Batch2;
        if (batch <= 0) return;
        if (call->M <= 0 || call->N <= 0)
        {
            var sums = new ContractJob(call, Machine.Current, pool.ScratchTable, batch);
            AddUp(pool, &sums, batch);
            return;
        }
        var turned = default(ContractCall);
        if (IsTurned(call))
        {
            turned = Transposed(call);
            call = &turned;
        }
        var job = new ContractJob(call, Machine.Current, pool.ScratchTable, batch);
        if (call->SumsOfC.IsSet)
        {
            RunRows(pool, &job, batch);
            return;
        }
        long work = call->M * call->N * Math.Max(call->K, 1);
        if (ContractRow.Takes(call))
        {
            AddUp(pool, &job, batch);
            ContractRow.Run(pool, &job, batch);
            return;
        }
        if (batch == 1 && job.Slices() is var slices && slices > 1)
        {
            AddUp(pool, &job, batch);
            RunSlices(pool, &job, slices);
            return;
        }
        job.AddsUp = true;
        sharing ??= Choose(pool, &job, batch, work);
        if (sharing == Sharing.Nothing) RunPrivate(pool, &job, batch, work);
        else
        {
            for (long b = 0; b < batch; b++) RunShared(pool, &job, b, sharing == Sharing.Left);
        }
    }

    // Small products, and many of them, share nothing.
    static Sharing Choose(WorkerPool pool, ContractJob* job, long batch, long work)
    {
        var call = job->Call;
        if (work < 2 * ChunkWork || batch >= 2 * pool.Threads && work < 64 * ChunkWork) return Sharing.Nothing;
        var sharing = Numerics.Packing.SharesLeft(call->M, call->N) ? Sharing.Left : Sharing.Right;
        // What is packed already takes no memory.
        return call->WorkspaceFloats < job->LeastShared(sharing) && !(sharing == Sharing.Right && call->PackedB != null) ? Sharing.Nothing : sharing;
    }

    // Columns that are contiguous, and a single column, are better as rows.
    static bool IsTurned(ContractCall* call) => call->PackedB == null && call->Epilogue == null && !call->SumsOfC.IsSet && (call->CN != 1 && call->CM == 1 || call->N == 1 && call->M > 1);

    /// <summary>Compiles the generated functions and the register tiles that a call will need; nothing is computed, and of the scratch memory a tile is overwritten.</summary>
    internal static void CompileAhead(ContractCall* call, float* scratch)
    {
        Tiles.Nothing(call->PrologueA, call->PrologueAPointers, call->PrologueADims);
        Tiles.Nothing(call->PrologueB, call->PrologueBPointers, call->PrologueBDims);
        Tiles.Nothing(call->Epilogue, call->EpiloguePointers, call->EpilogueDims);
        if (call->Sums != SumType.Float32) return;
        ref readonly var machine = ref Machine.Current;
        var (m, n) = IsTurned(call) ? (call->N, call->M) : (call->M, call->N);
        if (m <= 0 || n <= 0) return;
        // Rows are divided evenly, so there are at most two heights; and columns beside the last whole tile.
        long panels = (m + machine.Rows - 1) / machine.Rows;
        foreach (var rows in (ReadOnlySpan<long>)[m / panels, (m + panels - 1) / panels])
        {
            if (n >= machine.Columns) machine.Kernel(rows, machine.Columns)(0, scratch, scratch, 0, scratch, machine.Columns, 0);
            if (n % machine.Columns is > 0 and var rest) machine.Kernel(rows, rest)(0, scratch, scratch, 0, scratch, machine.Columns, 0);
        }
    }

    /// <summary>Brings B into the form that <see cref="ContractCall.PackedB"/> takes, where it goes; of the call only B and its sizes count.</summary>
    public static void PackRight(WorkerPool pool, ContractCall* call)
    {
        var job = new ContractJob(call, Machine.Current, pool.ScratchTable, 1) { SharedB = call->PackedB };
        pool.Run(&ContractJob.PackB, &job, job.ColumnPanels * job.DepthBlocks, Math.Max(1, 16 * 1024 / (job.MaxDepth * job.Machine.Columns)));
    }

    /// <summary>Floats of workspace with which a call packs as much at once as pays.</summary>
    public static long WorkspaceFloats(ContractCall* call) => call->Sums != SumType.Float32 ? 0 : Numerics.Packing.ProductBytes(Numerics.Products, call->Batch0 * call->Batch1 * call->Batch2, call->M, call->N, call->K) / sizeof(float);

    /// <summary>Floats of workspace without which a call cannot add up in its order.</summary>
    internal static long LeastWorkspace(ContractCall* call) =>
        call->Sums == SumType.Float32 && call->Batch0 * call->Batch1 * call->Batch2 == 1 && Numerics.Products.Slices(call->M, call->N, call->K) is > 1 and var slices ? slices * call->M * call->N : 0;

    /// <summary>The same product with rows and columns exchanged: Cᵀ = Bᵀ·Aᵀ.</summary>
    static ContractCall Transposed(ContractCall* c) => new(c->N, c->M, c->K)
    {
        Batch0 = c->Batch0, Batch1 = c->Batch1, Batch2 = c->Batch2,
        A = c->B, AM = c->BN, AK = c->BK, ABatch0 = c->BBatch0, ABatch1 = c->BBatch1, ABatch2 = c->BBatch2,
        B = c->A, BN = c->AM, BK = c->AK, BBatch0 = c->ABatch0, BBatch1 = c->ABatch1, BBatch2 = c->ABatch2,
        C = c->C, CM = c->CN, CN = c->CM, CBatch0 = c->CBatch0, CBatch1 = c->CBatch1, CBatch2 = c->CBatch2, Workspace = c->Workspace, WorkspaceFloats = c->WorkspaceFloats,
        PrologueA = c->PrologueB, PrologueAPointers = c->PrologueBPointers, PrologueADims = c->PrologueBDims, TransposedA = !c->TransposedB,
        PrologueB = c->PrologueA, PrologueBPointers = c->PrologueAPointers, PrologueBDims = c->PrologueADims, TransposedB = !c->TransposedA,
        SumsOfA = c->SumsOfB, SumsOfB = c->SumsOfA,
    };

    // The sums of operands beside the product: where tasks work on several blocks of one sum at a time, or read operands where they lie.
    static void AddUp(WorkerPool pool, ContractJob* job, long batch)
    {
        var call = job->Call;
        long panels = (call->SumsOfA.IsSet ? job->RowPanels : 0) + (call->SumsOfB.IsSet ? job->ColumnPanels : 0);
        if (panels > 0) pool.Run(&ContractJob.AddUp, job, batch * panels, Math.Max(1, 1024 / Math.Max(1, call->K)));
    }

    // Many or small products: every task packs what it needs.
    static void RunPrivate(WorkerPool pool, ContractJob* job, long batch, long work)
    {
        long rowPanels = job->RowPanels, columnPanels = job->ColumnPanels;
        long depth = job->MaxDepth;
        job->RowsPerTask = Math.Clamp(Machine.BlockFloats / Packing.PanelStep(depth, job->Machine.PanelStride), 1, rowPanels);
        job->ColumnsPerTask = job->FitColumns(columnPanels, job->RowsPerTask);
        job->Batched = batch > 1;
        job->CountTasks();
        long tasks = job->RowTasks * job->ColumnTasks;
        long grain = Math.Max(1, ChunkWork / Math.Max(1, work / tasks));
        pool.Run(&ContractJob.RunTasks, job, batch * tasks, grain);
    }

    // Few long sums: slices of K side by side, added in order afterwards.
    static void RunSlices(WorkerPool pool, ContractJob* job, long slices)
    {
        var call = job->Call;
        job->Partial = call->Workspace;
        job->SliceBlocks = (job->DepthBlocks + slices - 1) / slices;
        slices = (job->DepthBlocks + job->SliceBlocks - 1) / job->SliceBlocks;
        job->RowsPerTask = Math.Min(job->RowPanels, Math.Max(1, Machine.BlockFloats / Packing.PanelStep(job->MaxDepth, job->Machine.PanelStride)));
        job->ColumnsPerTask = job->ColumnPanels;
        job->CountTasks();
        // So many tasks that it does not matter who takes the last one; each of them packs all rows of its slice.
        long cut = (8 * pool.Threads + slices * job->RowTasks - 1) / (slices * job->RowTasks);
        job->ColumnsPerTask = Math.Clamp((job->ColumnPanels + cut - 1) / cut, Math.Min(4, job->ColumnPanels), job->ColumnPanels);
        job->CountTasks();
        pool.Run(&ContractJob.RunTasks, job, slices * job->RowTasks * job->ColumnTasks, 1);
        pool.Run(&ContractJob.Finish, job, job->RowPanels, 1 + 16 * 1024 / (call->N * job->Machine.Rows * slices));
    }

    // Rows are added up: a task has all of a row, because its sum goes on where it was. All of B is packed for them where it has room.
    static void RunRows(WorkerPool pool, ContractJob* job, long batch)
    {
        var call = job->Call;
        if (batch == 1 && job->Slices() is var slices && slices > 1)
        {
            AddUp(pool, job, batch);
            RunSlices(pool, job, slices);
            return;
        }
        job->AddsUp = true;
        long strip = job->ColumnPanels * job->Machine.Columns, panel = Packing.PanelStep(job->MaxDepth, job->Machine.Columns);
        bool shares = call->PackedB == null && job->DepthBlocks * job->ColumnPanels * panel <= call->WorkspaceFloats;
        long most = Math.Min(Machine.BlockFloats / Packing.PanelStep(job->MaxDepth, job->Machine.PanelStride), RowSums.MostRows / job->Machine.Rows);
        if (job->Accumulates) most = Math.Min(most, ContractJob.SumFloats / (strip * job->Machine.Rows));
        if (most < 1) throw new InvalidOperationException($"A thread has no room for a row of {call->N} columns whose sum is wanted.");
        job->ColumnsPerTask = job->ColumnPanels;
        job->RowsPerTask = Math.Clamp(job->RowPanels / (4 * pool.Threads), 1, most);
        job->CountTasks();
        for (long b = 0; b < batch; b++)
        {
            job->Batch = b;
            if (shares)
            {
                job->SharedB = call->Workspace;
                pool.Run(&ContractJob.PackB, job, job->ColumnPanels * job->DepthBlocks, Math.Max(1, 16 * 1024 / panel));
            }
            pool.Run(&ContractJob.RunTasks, job, job->RowTasks, Math.Max(1, ChunkWork / Math.Max(1, job->RowsPerTask * job->Machine.Rows * call->N * Math.Max(call->K, 1))));
        }
    }

    // One product at a time: one operand is packed once for all, the tasks cut the other one and pack their part of it.
    static void RunShared(WorkerPool pool, ContractJob* job, long batch, bool shareA)
    {
        var call = job->Call;
        job->Batched = false;
        job->Batch = batch;
        long stride = shareA ? job->Machine.PanelStride : job->Machine.Columns;
        long panels = shareA ? job->RowPanels : job->ColumnPanels;
        // All panels of as many blocks of K as the shared memory holds; sums that an epilogue waits for need all of K, or a matrix of their own.
        long perPanel = Packing.PanelStep(job->MaxDepth, stride), room = call->WorkspaceFloats, size = call->M * call->N;
        job->Partial = null;
        if (!shareA && call->PackedB != null)
        {
            // All of B is there: tasks cut rows, and pack their own.
            RunPanels(pool, job, shareA, panels, job->Accumulates ? Math.Max(1, 2048 / job->Machine.Columns) : panels);
            return;
        }
        if (job->Indirect && job->DepthBlocks * panels * perPanel > room && size <= room / 2)
        {
            room -= size;
            job->Partial = call->Workspace + room;
        }
        if (job->Accumulates)
        {
            // The sums are kept in scratch memory: leave room for at least a few panels of the other side.
            long step = Math.Clamp(room / (job->DepthBlocks * perPanel), 1, Math.Max(1, 2048 / (shareA ? job->Machine.Rows : job->Machine.Columns)));
            RunPanels(pool, job, shareA, panels, step);
            return;
        }
        long blocks = Math.Clamp(room / (panels * perPanel), 1, job->DepthBlocks);
        for (long block = 0; block < job->DepthBlocks; block += blocks)
        {
            job->BlockBegin = block;
            job->BlockEnd = Math.Min(block + blocks, job->DepthBlocks);
            RunPanels(pool, job, shareA, panels, Math.Min(panels, room / perPanel / blocks));
        }
        if (job->Partial != null) pool.Run(&ContractJob.Finish, job, job->RowPanels, 1);
    }

    // The blocks of K at hand, for so many panels of the shared side at a time.
    static void RunPanels(WorkerPool pool, ContractJob* job, bool shareA, long panels, long step)
    {
        long threads = pool.Threads, stride = shareA ? job->Machine.PanelStride : job->Machine.Columns;
        for (long from = 0; from < panels; from += step)
        {
            long count = Math.Min(step, panels - from);
            if (shareA)
            {
                job->RowPanelBegin = from;
                job->RowPanelEnd = from + count;
                job->SharedA = job->Call->Workspace;
            }
            else
            {
                job->ColumnPanelBegin = from;
                job->ColumnPanelEnd = from + count;
                job->SharedB = job->Call->Workspace;
            }
            if (shareA || job->Call->PackedB == null)
            {
                long packed = count * (job->BlockEnd - job->BlockBegin), least = Math.Max(1, 16 * 1024 / (job->MaxDepth * stride)), chunks = Even((packed + least - 1) / least, packed, threads);
                pool.Run(shareA ? &ContractJob.PackA : &ContractJob.PackB, job, packed, (packed + chunks - 1) / chunks);
            }

            long others = shareA ? job->ColumnPanels : job->RowPanels;
            long otherStride = shareA ? job->Machine.Columns : job->Machine.PanelStride;
            long most = Math.Max(1, Machine.BlockFloats / Packing.PanelStep(job->MaxDepth, otherStride));
            long per = Math.Clamp(others / (4 * threads), Math.Min(2, most), most);
            (job->RowsPerTask, job->ColumnsPerTask) = shareA ? (count, job->FitColumns(per, count)) : (job->FitRows(per, count), count);
            job->CountTasks();
            if (shareA) job->ColumnTasks = Even(job->ColumnTasks, others, threads);
            else job->RowTasks = Even(job->RowTasks, others, threads);
            // Few tasks for many threads: cut the shared side too.
            long tasks = job->RowTasks * job->ColumnTasks;
            if (tasks < 2 * threads)
            {
                long cut = Math.Min((2 * threads + tasks - 1) / tasks, Math.Max(1, count / 2));
                if (shareA) job->RowsPerTask = (count + cut - 1) / cut;
                else job->ColumnsPerTask = (count + cut - 1) / cut;
                job->CountTasks();
            }
            pool.Run(&ContractJob.RunTasks, job, job->RowTasks * job->ColumnTasks, 1);
        }
    }

    // At least so many parts of so many panels: as many for each thread, if there are enough.
    static long Even(long parts, long panels, long threads) => parts == 1 ? 1 : Math.Min(panels, (parts + threads - 1) / threads * threads);
}
