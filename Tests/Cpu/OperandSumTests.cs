using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using System.Runtime.InteropServices;
using Graph.Runtime.Cpu;
using Xunit;

namespace Graph.Tests.Cpu;

/// <summary>Sums of what a product multiplies, which it adds up while it works: each in sequence to the last bit, whichever way the product takes.</summary>
public unsafe class OperandSumTests
{
    public static TheoryData<long, long, long, long> Shapes
    {
        get
        {
            var data = new TheoryData<long, long, long, long>();
            // Edges of panels and blocks of the summed extent, one row or column, sums in slices, packed by every thread or once for all, several products, and nothing at all.
            foreach (var (batch, m, n, k) in new (long, long, long, long)[]
            {
                (1, 1, 1, 1), (1, 14, 32, 16), (1, 15, 33, 385), (1, 1, 700, 60), (1, 700, 1, 60), (1, 5, 9, 0), (1, 10, 12, 5000), (1, 300, 200, 700), (1, 129, 513, 130), (1, 513, 129, 130), (5, 17, 40, 33),
                (3, 130, 150, 400), (1, 7, 0, 20), (1, 0, 7, 20),
            }) data.Add(batch, m, n, k);
            return data;
        }
    }

    [Theory, MemberData(nameof(Shapes))]
    public void They_are_added_up_in_sequence(long batch, long m, long n, long k)
    {
        foreach (var width in new[] { VectorWidth.Bits128, VectorWidth.Bits256, VectorWidth.Bits512 }.Where(Machine.Supports))
            foreach (var (threads, workspace) in new (int, long?)[] { (1, null), (2, 16 * 1024) })
                for (var layout = 0; layout < 4; layout++)
                    {
                        using var pool = new WorkerPool(threads);
                        Machine.Override = width;
                        try
                        {
                            Check<float>(pool, SumType.Float32, batch, m, n, k, layout, isTurned: false, workspace is { } floats ? Math.Max(floats, m * n * 16) : null);
                            if (layout == 0) Check<float>(pool, SumType.Float32, batch, m, n, k, layout, isTurned: true, null);
                        }
                        finally
                        {
                            Machine.Override = null;
                        }
                    }
    }

    [Theory, MemberData(nameof(Shapes))]
    public void So_are_those_of_doubles(long batch, long m, long n, long k)
    {
        using var pool = new WorkerPool(2);
        for (var layout = 0; layout < 4; layout++) Check<double>(pool, SumType.Float64, batch, m, n, k, layout, isTurned: false, null);
    }

    // Sums lie three elements apart.
    static void Check<T>(WorkerPool pool, SumType type, long batch, long m, long n, long k, int layout, bool isTurned, long? workspace) where T : unmanaged, INumber<T>
    {
        var random = new Random(7);
        T[] Draw(long count) => [.. Enumerable.Range(0, (int)Math.Max(1, count)).Select(_ => T.CreateChecked((float)(random.NextDouble() * 2 - 1)))];
        T[] a = Draw(batch * m * k), b = Draw(batch * k * n), c = Draw(batch * m * n), ofA = Draw(batch * (m + 1) * 3), ofB = Draw(batch * (n + 1) * 3);
        bool ta = (layout & 1) != 0, tb = (layout & 2) != 0;
        long am = ta ? 1 : k, ak = ta ? m : 1, bk = tb ? 1 : n, bn = tb ? k : 1;
        fixed (T* pa = a, pb = b, pc = c, pofA = ofA, pofB = ofB)
        {
            var call = new ContractCall(m, n, k)
            {
                Sums = type, Batch1 = batch,
                A = (float*)pa, AM = am, AK = ak, ABatch1 = m * k,
                B = (float*)pb, BK = bk, BN = bn, BBatch1 = k * n,
                C = (float*)pc, CM = isTurned ? 1 : n, CN = isTurned ? m : 1, CBatch1 = m * n,
                SumsOfA = new() { To = (float*)pofA, Step = 3, Batch1 = (m + 1) * 3 },
                SumsOfB = new() { To = (float*)pofB, Step = 3, Batch1 = (n + 1) * 3 },
            };
            Workspaces.Run(pool, &call, workspace);
            for (long x = 0; x < batch; x++)
            {
                for (long i = 0; i < m; i++) Same(Enumerable.Range(0, (int)k).Select(p => a[x * m * k + i * am + p * ak]), ofA[(x * (m + 1) + i) * 3], $"row {i} of A");
                for (long j = 0; j < n; j++) Same(Enumerable.Range(0, (int)k).Select(p => b[x * k * n + p * bk + j * bn]), ofB[(x * (n + 1) + j) * 3], $"column {j} of B");
            }
            // The product is none the worse for it.
            var alone = new T[c.Length];
            fixed (T* pd = alone)
            {
                call.C = (float*)pd;
                (call.SumsOfA, call.SumsOfB) = (default, default);
                Workspaces.Run(pool, &call, workspace);
            }
            if (m * n > 0) Assert.True(c.AsSpan().SequenceEqual(alone), $"{m}×{n}×{k} layout {layout}");
        }

        void Same(IEnumerable<T> elements, T actual, string what)
        {
            var sum = T.Zero;
            foreach (var x in elements) sum += x;
            Assert.True(sum.Equals(actual), $"{batch} of {m}×{n}×{k}, layout {layout}, {what}: {actual} instead of {sum}");
        }
    }
}
