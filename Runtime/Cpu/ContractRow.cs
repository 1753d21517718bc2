using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Products of a single row: every element of B is used once, so B is read where it lies and nothing is packed. The sums are the chains of the packed way, with its bits.
/// </summary>
static unsafe class ContractRow
{
    // Columns of a task: runs of 4 KiB where rows of B are contiguous; whole groups of 8 where its columns are.
    const long RowColumns = 1024, ColumnColumns = 128, PackedColumns = 256;

    // Multiply-adds that two threads share.
    const long LeastShared = 256 * 1024;

    /// <summary>Whether there is a way for this call.</summary>
    public static bool Takes(ContractCall* call) =>
        call->M == 1 && call->PrologueA == null && call->PrologueB == null && (call->PackedB != null || call->BN == 1 || call->BK == 1 && Avx.IsSupported);

    /// <summary>Computes all batches.</summary>
    public static void Run(WorkerPool pool, ContractJob* job, long batch)
    {
        var call = job->Call;
        long columns = call->PackedB != null ? PackedColumns : call->BN == 1 ? RowColumns : ColumnColumns, tasks = (call->N + columns - 1) / columns;
        job->ColumnTasks = tasks;
        job->ColumnsPerTask = columns;
        job->SliceBlocks = batch > 1 ? job->DepthBlocks : (job->DepthBlocks + job->Slices() - 1) / job->Slices();
        // Microseconds of work are not worth waking a thread.
        long grain = batch * call->N * call->K < LeastShared ? batch * tasks : Math.Max(1, 32 * 1024 / Math.Max(1, Math.Min(columns, call->N) * call->K));
        pool.Run(&RunTasks, job, batch * tasks, grain);
    }

    static void RunTasks(void* context, long begin, long end, int worker)
    {
        var job = (ContractJob*)context;
        for (long i = begin; i < end; i++)
        {
            long column = i % job->ColumnTasks * job->ColumnsPerTask;
            RunTask(job, i / job->ColumnTasks, column, Math.Min(job->ColumnsPerTask, job->Call->N - column), job->Scratch[worker]);
        }
    }

    static void RunTask(ContractJob* job, long batch, long column, long columns, float* scratch)
    {
        var call = job->Call;
        float* sums = scratch, slice = sums + RowColumns, part = slice + RowColumns, row = part + RowColumns, a = job->A(batch), b = call->PackedB == null ? job->B(batch) + column * call->BN : null;
        float* c = call->Epilogue == null ? job->C(batch) + column * call->CN : null;
        for (long block = 0; block < job->DepthBlocks; block++)
        {
            long k = job->DepthOf(block), depth = job->DepthOf(block + 1) - k;
            for (long p = 0; p < depth; p++) row[p] = a[(k + p) * call->AK];
            // Blocks are added to those of their slice before them, and slices to one another.
            float* total = block < job->SliceBlocks ? sums : slice, target = block % job->SliceBlocks == 0 ? total : part;
            if (call->PackedB != null) ByPanels(job, row, block, column, depth, columns, target);
            else if (call->BN == 1) ByRows(row, b + k * call->BK, call->BK, depth, columns, target);
            else ByColumns(row, b + k, call->BN, depth, columns, target);
            if (target == part) Tiles.Add(part, total, columns);
            if (total == slice && ((block + 1) % job->SliceBlocks == 0 || block + 1 == job->DepthBlocks)) Tiles.Add(slice, sums, columns);
        }
        if (call->Epilogue != null)
        {
            call->Epilogue(call->EpiloguePointers, call->EpilogueDims, sums, columns, batch, 0, 1, column, columns);
            return;
        }
        for (long j = 0; j < columns; j++) c[j * call->CN] = sums[j];
    }

    // Panels of B, four at a time as long as there are so many: each step of K is a few vectors, and as many chains run side by side as hide the time of one multiply-add.
    static void ByPanels(ContractJob* job, float* a, long block, long column, long depth, long columns, float* sums)
    {
        long lanes = job->Machine.Columns, step = Packing.PanelStep(job->MaxDepth, lanes), panel = column / lanes, end = panel + (columns + lanes - 1) / lanes;
        float* b = job->Call->PackedB + (job->ColumnPanels * block + panel) * step;
        for (; panel < end; panel += 4, b += 4 * step, sums += 4 * lanes)
        {
            // Of fewer the last one is read again, and written where nobody looks.
            long count = Math.Min(4, end - panel);
            float* b1 = b + Math.Min(1, count - 1) * step, b2 = b + Math.Min(2, count - 1) * step, b3 = b + (count - 1) * step;
            switch (lanes)
            {
                case 32: Panels512(a, b, b1, b2, b3, depth, sums); break;
                case 16: Panels256(a, b, b1, b2, b3, depth, sums); break;
                default: Panels128(a, b, b1, b2, b3, depth, sums); break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Panels512(float* a, float* b0, float* b1, float* b2, float* b3, long depth, float* sums)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        for (long k = 0, at = 0; k < depth; k++, at += 32)
        {
            var x = Vector512.Create(a[k]);
            s0 = Vector512.MultiplyAddEstimate(x, Vector512.Load(b0 + at), s0);
            s1 = Vector512.MultiplyAddEstimate(x, Vector512.Load(b0 + at + 16), s1);
            s2 = Vector512.MultiplyAddEstimate(x, Vector512.Load(b1 + at), s2);
            s3 = Vector512.MultiplyAddEstimate(x, Vector512.Load(b1 + at + 16), s3);
            s4 = Vector512.MultiplyAddEstimate(x, Vector512.Load(b2 + at), s4);
            s5 = Vector512.MultiplyAddEstimate(x, Vector512.Load(b2 + at + 16), s5);
            s6 = Vector512.MultiplyAddEstimate(x, Vector512.Load(b3 + at), s6);
            s7 = Vector512.MultiplyAddEstimate(x, Vector512.Load(b3 + at + 16), s7);
        }
        s0.Store(sums);
        s1.Store(sums + 16);
        s2.Store(sums + 32);
        s3.Store(sums + 48);
        s4.Store(sums + 64);
        s5.Store(sums + 80);
        s6.Store(sums + 96);
        s7.Store(sums + 112);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Panels256(float* a, float* b0, float* b1, float* b2, float* b3, long depth, float* sums)
    {
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        for (long k = 0, at = 0; k < depth; k++, at += 16)
        {
            var x = Vector256.Create(a[k]);
            s0 = Vector256.MultiplyAddEstimate(x, Vector256.Load(b0 + at), s0);
            s1 = Vector256.MultiplyAddEstimate(x, Vector256.Load(b0 + at + 8), s1);
            s2 = Vector256.MultiplyAddEstimate(x, Vector256.Load(b1 + at), s2);
            s3 = Vector256.MultiplyAddEstimate(x, Vector256.Load(b1 + at + 8), s3);
            s4 = Vector256.MultiplyAddEstimate(x, Vector256.Load(b2 + at), s4);
            s5 = Vector256.MultiplyAddEstimate(x, Vector256.Load(b2 + at + 8), s5);
            s6 = Vector256.MultiplyAddEstimate(x, Vector256.Load(b3 + at), s6);
            s7 = Vector256.MultiplyAddEstimate(x, Vector256.Load(b3 + at + 8), s7);
        }
        s0.Store(sums);
        s1.Store(sums + 8);
        s2.Store(sums + 16);
        s3.Store(sums + 24);
        s4.Store(sums + 32);
        s5.Store(sums + 40);
        s6.Store(sums + 48);
        s7.Store(sums + 56);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Panels128(float* a, float* b0, float* b1, float* b2, float* b3, long depth, float* sums)
    {
        Vector128<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        for (long k = 0, at = 0; k < depth; k++, at += 8)
        {
            var x = Vector128.Create(a[k]);
            s0 = Vector128.MultiplyAddEstimate(x, Vector128.Load(b0 + at), s0);
            s1 = Vector128.MultiplyAddEstimate(x, Vector128.Load(b0 + at + 4), s1);
            s2 = Vector128.MultiplyAddEstimate(x, Vector128.Load(b1 + at), s2);
            s3 = Vector128.MultiplyAddEstimate(x, Vector128.Load(b1 + at + 4), s3);
            s4 = Vector128.MultiplyAddEstimate(x, Vector128.Load(b2 + at), s4);
            s5 = Vector128.MultiplyAddEstimate(x, Vector128.Load(b2 + at + 4), s5);
            s6 = Vector128.MultiplyAddEstimate(x, Vector128.Load(b3 + at), s6);
            s7 = Vector128.MultiplyAddEstimate(x, Vector128.Load(b3 + at + 4), s7);
        }
        s0.Store(sums);
        s1.Store(sums + 4);
        s2.Store(sums + 8);
        s3.Store(sums + 12);
        s4.Store(sums + 16);
        s5.Store(sums + 20);
        s6.Store(sums + 24);
        s7.Store(sums + 28);
    }

    /// <summary>sums[column] = Σₖ a[k] · b[k · stride + column]: four rows of B at a time are added to the sums, which stay in the first-level cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void ByRows(float* a, float* b, long stride, long depth, long columns, float* sums)
    {
        new Span<float>(sums, (int)columns).Clear();
        long k = 0;
        for (; k + 4 <= depth; k += 4)
        {
            float* b0 = b + k * stride, b1 = b0 + stride, b2 = b1 + stride, b3 = b2 + stride;
            var a0 = Vector256.Create(a[k]);
            var a1 = Vector256.Create(a[k + 1]);
            var a2 = Vector256.Create(a[k + 2]);
            var a3 = Vector256.Create(a[k + 3]);
            long j = 0;
            for (; j + 8 <= columns; j += 8)
            {
                var s = Vector256.MultiplyAddEstimate(a0, Vector256.Load(b0 + j), Vector256.Load(sums + j));
                s = Vector256.MultiplyAddEstimate(a1, Vector256.Load(b1 + j), s);
                s = Vector256.MultiplyAddEstimate(a2, Vector256.Load(b2 + j), s);
                Vector256.MultiplyAddEstimate(a3, Vector256.Load(b3 + j), s).Store(sums + j);
            }
            for (; j < columns; j++)
            {
                float s = float.MultiplyAddEstimate(a[k], b0[j], sums[j]);
                s = float.MultiplyAddEstimate(a[k + 1], b1[j], s);
                s = float.MultiplyAddEstimate(a[k + 2], b2[j], s);
                sums[j] = float.MultiplyAddEstimate(a[k + 3], b3[j], s);
            }
        }
        for (; k < depth; k++)
        {
            for (long j = 0; j < columns; j++) sums[j] = float.MultiplyAddEstimate(a[k], b[k * stride + j], sums[j]);
        }
    }

    /// <summary>sums[column] = Σₖ a[k] · b[column · stride + k]: blocks of 8 columns by 8 k are turned in registers, so that a lane is a column. Takes AVX.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void ByColumns(float* a, float* b, long stride, long depth, long columns, float* sums)
    {
        long j = 0;
        for (; j + 8 <= columns; j += 8, b += 8 * stride)
        {
            var s = Vector256<float>.Zero;
            long k = 0;
            for (; k + 8 <= depth; k += 8)
            {
                float* p = b + k;
                var r0 = Vector256.Load(p);
                var r1 = Vector256.Load(p + stride);
                var r2 = Vector256.Load(p + 2 * stride);
                var r3 = Vector256.Load(p + 3 * stride);
                p += 4 * stride;
                var r4 = Vector256.Load(p);
                var r5 = Vector256.Load(p + stride);
                var r6 = Vector256.Load(p + 2 * stride);
                var r7 = Vector256.Load(p + 3 * stride);
                Packing.Transpose(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7);
                s = Vector256.MultiplyAddEstimate(Vector256.Create(a[k]), r0, s);
                s = Vector256.MultiplyAddEstimate(Vector256.Create(a[k + 1]), r1, s);
                s = Vector256.MultiplyAddEstimate(Vector256.Create(a[k + 2]), r2, s);
                s = Vector256.MultiplyAddEstimate(Vector256.Create(a[k + 3]), r3, s);
                s = Vector256.MultiplyAddEstimate(Vector256.Create(a[k + 4]), r4, s);
                s = Vector256.MultiplyAddEstimate(Vector256.Create(a[k + 5]), r5, s);
                s = Vector256.MultiplyAddEstimate(Vector256.Create(a[k + 6]), r6, s);
                s = Vector256.MultiplyAddEstimate(Vector256.Create(a[k + 7]), r7, s);
            }
            s.Store(sums + j);
            for (; k < depth; k++)
            {
                for (long i = 0; i < 8; i++) sums[j + i] = float.MultiplyAddEstimate(a[k], b[i * stride + k], sums[j + i]);
            }
        }
        for (; j < columns; j++, b += stride)
        {
            float s = 0;
            for (long k = 0; k < depth; k++) s = float.MultiplyAddEstimate(a[k], b[k], s);
            sums[j] = s;
        }
    }
}
