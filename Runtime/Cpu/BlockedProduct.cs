using System;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Matrix products in any type but float32: float64, and int32, whose sums wrap around. Blocks of both operands are packed into a worker's scratch memory and a register tile of vectors walks over them; what
/// lies in memory in another type is made by a prologue while it is packed.
/// </summary>
/// <typeparam name="T">The type of the sums, and of operands that lie in memory.</typeparam>
/// <remarks>
/// As in <see cref="Contract"/>, K is cut into equal blocks of at most <see cref="Contract.DepthBlock"/>, and an element is the sum of its blocks in order, each one chain of multiply-adds from 0: its bits depend
/// neither on the threads nor on the width of the vectors nor on how rows and columns are shared. Long sums are not cut further.
/// </remarks>
static unsafe class BlockedProduct<T> where T : unmanaged, INumber<T>
{
    // A task's block of C: rows are a multiple of the register tile's, columns of every vector pair's.
    const long MostRows = 96, MostColumns = 128;

    // Below this many multiply-adds a chunk is not worth a thread's attention.
    const long ChunkWork = 1 << 18;

    static long TileColumns => 2 * Vector<T>.Count;

    // Scratch memory of a worker, in elements: packed A, packed B, sums, and a block made by a prologue.
    const long PackedA = MostRows * Contract.DepthBlock, PackedB = Contract.DepthBlock * MostColumns, Sums = MostRows * MostColumns;

    /// <summary>Bytes of scratch memory that a worker needs.</summary>
    public static long ScratchBytes => (PackedA + 2 * PackedB + Sums) * sizeof(T);

    struct Job
    {
        public ContractCall* Call;
        public T** Scratch;
        public long Rows, RowTasks, ColumnTasks, Blocks;
    }

    /// <summary>Computes <paramref name="call"/>, whose operands are of type <typeparamref name="T"/>, on the pool's workers.</summary>
    public static void Run(WorkerPool pool, ContractCall* call)
    {
        long batch = call->Batch0 * call->Batch1 * call->Batch2;
        // Of no columns there are still the sums of rows.
        if (batch <= 0 || ((call->M <= 0 || call->N <= 0) && !call->SumsOfA.IsSet && !call->SumsOfB.IsSet)) return;
        var job = new Job { Call = call, Scratch = (T**)pool.ScratchTable, Rows = MostRows, Blocks = (call->K + Contract.DepthBlock - 1) / Contract.DepthBlock };
        job.ColumnTasks = Math.Max(1, (call->N + MostColumns - 1) / MostColumns);
        // Few blocks for many threads: smaller ones.
        while (job.Rows > 4 * MicroKernel<T>.Rows && batch * job.ColumnTasks * ((call->M + job.Rows - 1) / job.Rows) < 2 * pool.Threads) job.Rows /= 2;
        job.RowTasks = Math.Max(1, (call->M + job.Rows - 1) / job.Rows);
        var work = Math.Max(1, Math.Min(job.Rows, call->M)) * Math.Max(1, Math.Min(MostColumns, call->N)) * Math.Max(1, call->K);
        pool.Run(&RunTasks, &job, batch * job.RowTasks * job.ColumnTasks, 1 + ChunkWork / work);
    }

    static void RunTasks(void* context, long begin, long end, int worker)
    {
        var job = (Job*)context;
        for (var task = begin; task < end; task++)
        {
            var (columns, rest) = (task % job->ColumnTasks, task / job->ColumnTasks);
            RunBlock(job->Call, job->Scratch[worker], job->Blocks, rest / job->RowTasks, rest % job->RowTasks * job->Rows, job->Rows, columns * MostColumns);
        }
    }

    static void RunBlock(ContractCall* call, T* scratch, long blocks, long batch, long row, long mostRows, long column)
    {
        long rows = Math.Min(mostRows, call->M - row), columns = Math.Min(MostColumns, call->N - column);
        T* packedA = scratch, packedB = packedA + PackedA, sums = packedB + PackedB, made = sums + Sums;
        long b2 = batch % call->Batch2, b1 = batch / call->Batch2 % call->Batch1, b0 = batch / call->Batch2 / call->Batch1;
        var a = call->PrologueA != null ? null : (T*)call->A + b0 * call->ABatch0 + b1 * call->ABatch1 + b2 * call->ABatch2 + row * call->AM;
        var b = call->PrologueB != null ? null : (T*)call->B + b0 * call->BBatch0 + b1 * call->BBatch1 + b2 * call->BBatch2 + column * call->BN;
        if (blocks == 0) new Span<T>(sums, (int)Sums).Clear();
        // The first tasks of rows and of columns add up what they pack.
        var sumsOfA = call->SumsOfA.IsSet && column == 0 ? (T*)call->SumsOfA.To + call->SumsOfA.OffsetOf(batch, call->Batch1, call->Batch2) + row * call->SumsOfA.Step : null;
        var sumsOfB = call->SumsOfB.IsSet && row == 0 ? (T*)call->SumsOfB.To + call->SumsOfB.OffsetOf(batch, call->Batch1, call->Batch2) + column * call->SumsOfB.Step : null;
        if (sumsOfA != null) Add(null, 1, sumsOfA, call->SumsOfA.Step, rows, 0, false);
        if (sumsOfB != null) Add(null, 1, sumsOfB, call->SumsOfB.Step, columns, 0, false);
        for (long block = 0; block < blocks; block++)
        {
            // Blocks of equal length.
            long from = block * call->K / blocks, depth = (block + 1) * call->K / blocks - from;
            if (a != null) Pack(packedA, MicroKernel<T>.Rows, a + from * call->AK, call->AM, call->AK, rows, depth);
            else if (call->TransposedA)
            {
                call->PrologueA(call->PrologueAPointers, call->PrologueADims, (float*)made, rows, batch, from, depth, row, rows);
                Pack(packedA, MicroKernel<T>.Rows, made, 1, rows, rows, depth);
            }
            else
            {
                call->PrologueA(call->PrologueAPointers, call->PrologueADims, (float*)made, depth, batch, row, rows, from, depth);
                Pack(packedA, MicroKernel<T>.Rows, made, depth, 1, rows, depth);
            }
            if (b != null) Pack(packedB, TileColumns, b + from * call->BK, call->BN, call->BK, columns, depth);
            else if (call->TransposedB)
            {
                call->PrologueB(call->PrologueBPointers, call->PrologueBDims, (float*)made, depth, batch, column, columns, from, depth);
                Pack(packedB, TileColumns, made, depth, 1, columns, depth);
            }
            else
            {
                call->PrologueB(call->PrologueBPointers, call->PrologueBDims, (float*)made, columns, batch, from, depth, column, columns);
                Pack(packedB, TileColumns, made, 1, columns, columns, depth);
            }
            if (sumsOfA != null) Add(packedA, MicroKernel<T>.Rows, sumsOfA, call->SumsOfA.Step, rows, depth, true);
            if (sumsOfB != null) Add(packedB, TileColumns, sumsOfB, call->SumsOfB.Step, columns, depth, true);
            for (long j = 0; j < columns; j += TileColumns)
                for (long i = 0; i < rows; i += MicroKernel<T>.Rows)
                    MicroKernel<T>.Multiply(depth, packedA + i * depth, packedB + j * depth, sums + i * MostColumns + j, MostColumns, block > 0);
        }
        if (call->Epilogue != null)
        {
            call->Epilogue(call->EpiloguePointers, call->EpilogueDims, (float*)sums, MostColumns, batch, row, rows, column, columns);
            return;
        }
        var c = (T*)call->C + b0 * call->CBatch0 + b1 * call->CBatch1 + b2 * call->CBatch2 + row * call->CM + column * call->CN;
        for (long i = 0; i < rows; i++)
        {
            T* from = sums + i * MostColumns, to = c + i * call->CM;
            if (call->CN == 1) new ReadOnlySpan<T>(from, (int)columns).CopyTo(new(to, (int)columns));
            else
                for (long j = 0; j < columns; j++) to[j * call->CN] = from[j];
        }
    }

    // The lanes of neighbouring panels of `width` lanes, each in sequence, from 0 or from what the sums hold.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Add(T* panel, long width, T* sums, long step, long lanes, long depth, bool goesOn)
    {
        for (long lane = 0; lane < lanes; lane++)
        {
            var from = panel + lane / width * width * depth + lane % width;
            var sum = goesOn ? sums[lane * step] : T.Zero;
            for (long k = 0; k < depth; k++) sum += from[k * width];
            sums[lane * step] = sum;
        }
    }

    // Panels of `width` lanes: panel[k · width + lane] = source[lane · laneStride + k · kStride], zeros in the lanes of the last one that are too many.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Pack(T* panel, long width, T* source, long laneStride, long kStride, long lanes, long depth)
    {
        for (long first = 0; first < lanes; first += width, panel += width * depth)
        {
            var count = Math.Min(width, lanes - first);
            var from = source + first * laneStride;
            if (count < width) new Span<T>(panel, (int)(width * depth)).Clear();
            if (laneStride == 1 && count == TileColumns && width == TileColumns)
                for (long k = 0; k < depth; k++)
                {
                    Vector.Store(Vector.Load(from + k * kStride), panel + k * width);
                    Vector.Store(Vector.Load(from + k * kStride + Vector<T>.Count), panel + k * width + Vector<T>.Count);
                }
            else if (kStride == 1)
                for (long lane = 0; lane < count; lane++)
                {
                    T* line = from + lane * laneStride, to = panel + lane;
                    for (long k = 0; k < depth; k++) to[k * width] = line[k];
                }
            else
                for (long k = 0; k < depth; k++)
                {
                    T* line = from + k * kStride, to = panel + k * width;
                    for (long lane = 0; lane < count; lane++) to[lane] = line[lane * laneStride];
                }
        }
    }
}
