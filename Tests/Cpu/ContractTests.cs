using System;
using System.Collections.Generic;
using Graph.Compiler.Targets;
using Graph.Runtime.Cpu;
using Xunit;

namespace Graph.Tests.Cpu;

public unsafe class ContractTests
{
    public static IEnumerable<object[]> Widths()
    {
        foreach (var width in Enum.GetValues<VectorWidth>())
        {
            if (Machine.Supports(width)) yield return [width];
        }
    }

    static readonly (long M, long N, long K)[] shapes =
    [
        (1, 1, 1), (1, 33, 7), (5, 1, 9), (2, 3, 0), (14, 32, 16), (13, 31, 15), (15, 33, 17), (6, 16, 8), (7, 17, 9), (28, 64, 100), (1, 1100, 800), (1100, 1, 390),
        (64, 64, 32), (100, 10, 50), (10, 100, 50), (3, 500, 20), (500, 3, 20), (40, 70, 385), (33, 130, 800), (200, 180, 129), (150, 300, 900), (70, 1100, 390), (1100, 70, 390),
    ];

    [Theory]
    [MemberData(nameof(Widths))]
    public void All_layouts_agree_with_double_loops(VectorWidth width)
    {
        using var pool = new WorkerPool(2);
        foreach (var (m, n, k) in shapes)
        {
            // The double loops of the large ones take their time.
            for (int layout = 0; layout < 8; layout += m * n * k > 1_000_000 ? 3 : 1) Check(pool, width, m, n, k, layout);
        }
    }

    [Fact]
    public void A_single_row_has_the_bits_that_it_has_among_others()
    {
        using var pool = new WorkerPool(2);
        foreach (var (n, k) in ((long, long)[])[(2500, 300), (77, 1000), (9, 5), (130, 390)])
        {
            using var a = NativeArray.Random(2 * k, 1);
            using var b = NativeArray.Random(k * n, 2);
            using var two = new NativeArray(2 * n);
            using var one = new NativeArray(n);
            for (int turned = 0; turned < 2; turned++)
            {
                var call = ContractCall.RowMajor(2, n, k, a.Pointer, b.Pointer, two.Pointer);
                if (turned == 1) (call.BK, call.BN) = (1, k);
                Workspaces.Run(pool, &call);
                call.M = 1;
                call.C = one.Pointer;
                Workspaces.Run(pool, &call);
                Assert.True(one.Span.SequenceEqual(two.Span[..(int)n]), $"{n}×{k} {turned}");

                // The same as a column: B transposed times a.
                one.Span.Clear();
                var column = new ContractCall(n, 1, k) { A = b.Pointer, AM = call.BN, AK = call.BK, B = a.Pointer, BK = 1, BN = 1, C = one.Pointer, CM = 1, CN = 1 };
                Workspaces.Run(pool, &column);
                Assert.True(one.Span.SequenceEqual(two.Span[..(int)n]), $"{n}×{k} {turned} as a column");
            }
        }
    }

    [Theory]
    [InlineData(10, 12, 5000)]
    [InlineData(100, 90, 3000)]
    [InlineData(300, 200, 2500)]
    public void Long_sums_are_cut_in_slices_or_sections(long m, long n, long k)
    {
        // Room for a few panels only, and for none at all where no partial sums have to lie somewhere.
        using var pool = new WorkerPool(2);
        foreach (long floats in (long[])[64 << 10, m * n < 64 << 10 && m < 300 ? 64 << 10 : 0])
        {
            for (int layout = 0; layout < 8; layout += 3) Check(pool, Machine.Best, m, n, k, layout, floats);
            CheckHooks(pool, Machine.Best, 1, m, n, k, prologues: true, transposed: false, epilogue: true, floats);
        }
        using var large = new WorkerPool(3);
        using var a = NativeArray.Random(m * k, 1);
        using var b = NativeArray.Random(k * n, 2);
        using var c = new NativeArray(m * n);
        using var d = new NativeArray(m * n);
        var call = ContractCall.RowMajor(m, n, k, a.Pointer, b.Pointer, c.Pointer);
        Workspaces.Run(pool, &call);
        call.C = d.Pointer;
        Workspaces.Run(large, &call);
        Assert.True(c.Span.SequenceEqual(d.Span));
    }

    [Fact]
    public void A_large_result_of_very_many_blocks_is_the_sum_of_slices_in_order()
    {
        const long m = 260, n = 256, k = 24 * 384;
        var sums = CpuLibrary.Products;
        var blocks = sums.Blocks(k);
        var perSlice = sums.SliceBlocks(m, n, blocks);
        Assert.InRange(perSlice, 1, blocks - 1);
        Assert.Equal(blocks - 1, sums.SliceBlocks(m, n, blocks - 1));
        using var pool = new WorkerPool(2);
        using var a = NativeArray.Random(m * k, 1);
        using var b = NativeArray.Random(k * n, 2);
        using var c = new NativeArray(m * n);
        var call = ContractCall.RowMajor(m, n, k, a.Pointer, b.Pointer, c.Pointer);
        Workspaces.Run(pool, &call);
        for (long i = 0; i < m * n; i += 977)
        {
            float total = 0, slice = 0;
            for (long block = 0; block < blocks; block++)
            {
                float chain = 0;
                for (var at = sums.Start(block, k); at < sums.Start(block + 1, k); at++) chain = float.MultiplyAddEstimate(a.Pointer[i / n * k + at], b.Pointer[at * n + i % n], chain);
                slice = block % perSlice == 0 ? chain : slice + chain;
                if ((block + 1) % perSlice == 0 || block + 1 == blocks) total = block < perSlice ? slice : total + slice;
            }
            Assert.Equal(total, c.Pointer[i]);
        }
    }

    [Fact]
    public void Whichever_operand_is_shared_the_bits_are_the_same()
    {
        using var pool = new WorkerPool(2);
        foreach (var (m, n, k) in ((long, long, long)[])[(300, 280, 800), (64, 900, 100), (900, 70, 390)])
        {
            using var a = NativeArray.Random(m * k, 1);
            using var b = NativeArray.Random(k * n, 2);
            using var workspace = new NativeArray(4 << 20);
            float[]? expected = null;
            foreach (var sharing in Enum.GetValues<Sharing>())
            {
                using var c = new NativeArray(m * n);
                var call = ContractCall.RowMajor(m, n, k, a.Pointer, b.Pointer, c.Pointer);
                call.Workspace = workspace.Pointer;
                call.WorkspaceFloats = 4 << 20;
                Contract.Run(pool, &call, sharing);
                expected ??= c.Span.ToArray();
                Assert.True(c.Span.SequenceEqual(expected), $"{m}×{n}×{k} {sharing}");
            }
        }
    }

    static void Check(WorkerPool pool, VectorWidth width, long m, long n, long k, int layout, long? workspace = null)
    {
        using var a = NativeArray.Random(m * k, 1);
        using var b = NativeArray.Random(k * n, 2);
        using var c = NativeArray.Random(m * n, 3);
        var expected = c.Span.ToArray();
        bool ta = (layout & 1) != 0, tb = (layout & 2) != 0, tc = (layout & 4) != 0;
        var call = new ContractCall(m, n, k)
        {
            A = a.Pointer, AM = ta ? 1 : k, AK = ta ? m : 1,
            B = b.Pointer, BK = tb ? 1 : n, BN = tb ? k : 1,
            C = c.Pointer, CM = tc ? 1 : n, CN = tc ? m : 1,
        };
        Run(pool, width, &call, workspace);
        for (long i = 0; i < m; i++)
        {
            for (long j = 0; j < n; j++)
            {
                long at = i * call.CM + j * call.CN;
                double sum = 0;
                for (long p = 0; p < k; p++) sum += (double)a.Pointer[i * call.AM + p * call.AK] * b.Pointer[p * call.BK + j * call.BN];
                double tolerance = 1e-6 * (1 + Math.Sqrt(k) * 2);
                if (!(Math.Abs(sum - c.Pointer[at]) <= tolerance)) Assert.Fail($"{m}×{n}×{k} layout {layout} at ({i},{j}): {c.Pointer[at]} instead of {sum}");
            }
        }
    }

    static void Run(WorkerPool pool, VectorWidth width, ContractCall* call, long? workspace = null)
    {
        Machine.Override = width;
        try
        {
            Workspaces.Run(pool, call, workspace);
        }
        finally
        {
            Machine.Override = null;
        }
    }

    [Fact]
    public void A_single_row_adds_up_slices_as_packed_panels_do()
    {
        using var pool = new WorkerPool(2);
        foreach (var (n, k) in ((long, long)[])[(768, 3072), (33, 384 * 7), (1100, 5000), (50, 384 * 40 + 3)])
        {
            using var a = NativeArray.Random(k, 1);
            using var b = NativeArray.Random(k * n, 2);
            using var apart = new NativeArray(2 * k * n);
            using var expected = new NativeArray(n);
            using var actual = new NativeArray(n);
            for (long i = 0; i < k * n; i++) apart.Pointer[2 * i] = b.Pointer[i];
            for (int turned = 0; turned < 2; turned++)
            {
                var call = ContractCall.RowMajor(1, n, k, a.Pointer, b.Pointer, actual.Pointer);
                if (turned == 1) (call.BK, call.BN) = (1, k);
                Workspaces.Run(pool, &call);
                // Neither rows nor columns of B are contiguous: only packing reads it.
                (call.BK, call.BN) = (2 * call.BK, 2 * call.BN);
                call.B = apart.Pointer;
                call.C = expected.Pointer;
                Workspaces.Run(pool, &call);
                Assert.True(actual.Span.SequenceEqual(expected.Span), $"{n}×{k} {turned}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Batches_with_broadcast_and_odd_strides(VectorWidth width)
    {
        using var pool = new WorkerPool(2);
        const long b0 = 2, b1 = 3, b2 = 2, m = 9, n = 21, k = 12;
        using var a = NativeArray.Random(b0 * b2 * m * k * 2, 1);
        using var b = NativeArray.Random(b1 * b2 * k * n * 3, 2);
        using var c = NativeArray.Filled(b0 * b1 * b2 * m * n * 2, 7);
        var call = new ContractCall(m, n, k)
        {
            Batch0 = b0, Batch1 = b1, Batch2 = b2,
            A = a.Pointer, ABatch0 = b2 * m * k * 2, ABatch1 = 0, ABatch2 = m * k * 2, AM = 2 * k, AK = 2,
            B = b.Pointer, BBatch0 = 0, BBatch1 = b2 * k * n * 3, BBatch2 = k * n * 3, BK = 3 * n, BN = 3,
            C = c.Pointer, CBatch0 = b1 * b2 * m * n * 2, CBatch1 = b2 * m * n * 2, CBatch2 = m * n * 2, CM = 2 * n, CN = 2,
        };
        Run(pool, width, &call);
        for (long i0 = 0; i0 < b0; i0++)
        for (long i1 = 0; i1 < b1; i1++)
        for (long i2 = 0; i2 < b2; i2++)
        for (long i = 0; i < m; i++)
        for (long j = 0; j < n; j++)
        {
            double sum = 0;
            for (long p = 0; p < k; p++)
            {
                sum += (double)a.Pointer[i0 * call.ABatch0 + i2 * call.ABatch2 + i * call.AM + p * call.AK] * b.Pointer[i1 * call.BBatch1 + i2 * call.BBatch2 + p * call.BK + j * call.BN];
            }
            float* at = c.Pointer + i0 * call.CBatch0 + i1 * call.CBatch1 + i2 * call.CBatch2 + i * call.CM + j * call.CN;
            Assert.Equal(sum, at[0], 1e-5);
            Assert.Equal(7, at[1]);
        }
    }

    [Fact]
    public void The_bits_depend_on_neither_threads_nor_register_tile()
    {
        foreach (var (m, n, k) in shapes)
        {
            using var a = NativeArray.Random(m * k, 1);
            using var b = NativeArray.Random(k * n, 2);
            float[]? first = null;
            foreach (object[] width in Widths())
            {
                foreach (int threads in (int[])[1, 2, 7])
                {
                    using var pool = new WorkerPool(threads);
                    using var c = new NativeArray(m * n);
                    var call = ContractCall.RowMajor(m, n, k, a.Pointer, b.Pointer, c.Pointer);
                    Run(pool, (VectorWidth)width[0], &call);
                    first ??= c.Span.ToArray();
                    Assert.True(c.Span.SequenceEqual(first), $"{m}×{n}×{k} {width[0]} {threads} threads");
                }
            }
        }
    }

    // d[0] = columns of the output, d[1] = rows; writes 2·sum + bias[column].
    static void Epilogue(void** p, long* d, float* tile, long stride, long batch, long row, long rows, long col, long cols)
    {
        float* output = (float*)p[0], bias = (float*)p[1];
        for (long i = 0; i < rows; i++)
        {
            for (long j = 0; j < cols; j++) output[(batch * d[1] + row + i) * d[0] + col + j] += 2 * tile[i * stride + j] + bias[col + j];
        }
    }

    // An operand element is 0.5 · source[batch, row, column] of a source with d[0] columns and d[1] rows.
    static void Prologue(void** p, long* d, float* tile, long stride, long batch, long row, long rows, long col, long cols)
    {
        float* source = (float*)p[0];
        for (long i = 0; i < rows; i++)
        {
            for (long j = 0; j < cols; j++) tile[i * stride + j] = 0.5f * source[(batch * d[1] + row + i) * d[0] + col + j];
        }
    }

    static void TransposedPrologue(void** p, long* d, float* tile, long stride, long batch, long row, long rows, long col, long cols)
    {
        float* source = (float*)p[0];
        for (long i = 0; i < rows; i++)
        {
            for (long j = 0; j < cols; j++) tile[i * stride + j] = 0.5f * source[(batch * d[1] + col + j) * d[0] + row + i];
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Hooks_make_the_operands_and_take_each_sum_once(VectorWidth width)
    {
        using var pool = new WorkerPool(2);
        foreach (var (m, n, k) in shapes)
        {
            for (int kind = 0; kind < 8; kind += m * n * k > 1_000_000 ? 7 : 1) CheckHooks(pool, width, kind % 3 == 0 ? 3 : 1, m, n, k, (kind & 1) != 0, (kind & 2) != 0, (kind & 4) != 0);
        }
    }

    static void CheckHooks(WorkerPool pool, VectorWidth width, long batch, long m, long n, long k, bool prologues, bool transposed, bool epilogue, long? workspace = null)
    {
        using var a = NativeArray.Random(batch * m * k, 1);
        using var b = NativeArray.Random(batch * k * n, 2);
        using var c = NativeArray.Filled(batch * m * n, 0);
        using var bias = NativeArray.Random(n, 3);
        void** pa = stackalloc void*[] { a.Pointer }, pb = stackalloc void*[] { b.Pointer }, pc = stackalloc void*[] { c.Pointer, bias.Pointer };
        long* da = stackalloc long[] { k, m }, db = stackalloc long[] { n, k }, dc = stackalloc long[] { n, m };
        var call = ContractCall.RowMajor(m, n, k, a.Pointer, b.Pointer, c.Pointer);
        call.Batch1 = batch;
        call.ABatch1 = m * k;
        call.BBatch1 = k * n;
        call.CBatch1 = m * n;
        if (prologues)
        {
            call.A = call.B = null;
            call.PrologueA = transposed ? &TransposedPrologue : &Prologue;
            call.PrologueB = transposed ? &TransposedPrologue : &Prologue;
            call.TransposedA = call.TransposedB = transposed;
            call.PrologueAPointers = pa;
            call.PrologueADims = da;
            call.PrologueBPointers = pb;
            call.PrologueBDims = db;
        }
        if (epilogue)
        {
            call.C = null;
            call.Epilogue = &Epilogue;
            call.EpiloguePointers = pc;
            call.EpilogueDims = dc;
        }
        Run(pool, width, &call, workspace);
        for (long x = 0; x < batch; x++)
        for (long i = 0; i < m; i++)
        for (long j = 0; j < n; j++)
        {
            double sum = 0;
            for (long p = 0; p < k; p++) sum += (double)a.Pointer[(x * m + i) * k + p] * b.Pointer[(x * k + p) * n + j];
            if (prologues) sum /= 4;
            if (epilogue) sum = 2 * sum + bias.Pointer[j];
            double tolerance = 2e-6 * (1 + Math.Sqrt(k) * 2);
            if (!(Math.Abs(sum - c.Pointer[(x * m + i) * n + j]) <= tolerance)) Assert.Fail($"{m}×{n}×{k} batch {x} at ({i},{j})");
        }
    }

    [Fact]
    public void A_contraction_allocates_nothing()
    {
        using var pool = new WorkerPool(2);
        using var a = NativeArray.Random(100 * 400, 1);
        using var b = NativeArray.Random(400 * 300, 2);
        using var c = new NativeArray(100 * 300);
        var call = ContractCall.RowMajor(100, 300, 400, a.Pointer, b.Pointer, c.Pointer);
        using var memory = new NativeArray(Contract.WorkspaceFloats(&call));
        call.Workspace = memory.Pointer;
        call.WorkspaceFloats = memory.Count;
        Contract.Run(pool, &call);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Contract.Run(pool, &call);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
