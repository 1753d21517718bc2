using System;
using System.Linq;
using Graph.PtxEmulator;

namespace Graph.Tests.Ptx;

/// <summary>Kernels that stage tiles in shared memory.</summary>
static class Tiles
{
    public static void Transpose(Session session)
    {
        foreach (var (m, n) in new[] { (1, 1), (2, 31), (33, 1), (31, 33), (32, 32), (63, 65) })
        {
            var x = Session.Words(m * n, m);
            var (px, py) = (session.Upload(x, "x"), session.Allocate<uint>(m * n, "y"));
            session.Launch("transpose", new Dim3(Session.Blocks(n, 32), Session.Blocks(m, 32)), new Dim3(32, 8), 0, px, py, m, n);
            session.Expect(py, [.. Enumerable.Range(0, m * n).Select(i => x[i % m * n + i / m])], $"transpose of {m} x {n}");
        }
    }

    public static void Matmul(Session session)
    {
        foreach (var (m, n, k) in new[] { (1, 1, 1), (2, 33, 17), (63, 65, 15), (64, 64, 16), (65, 31, 33), (36, 34, 20), (34, 36, 20) })
        {
            var (lda, ldb) = ((k + 3) / 4 * 4, (n + 3) / 4 * 4);
            var (a, b) = (Padded(m, k, lda, 1), Padded(k, n, ldb, 2));
            var (pa, pb, pc) = (session.Upload(a, "a"), session.Upload(b, "b"), session.Allocate<float>(m * n, "c"));
            session.Launch("matmul", new Dim3(Session.Blocks(n, 64), Session.Blocks(m, 64)), 256, 8192, pa, pb, pc, m, n, k, lda, ldb);
            var expected = new float[m * n];
            for (var i = 0; i < m; i++)
                for (var j = 0; j < n; j++)
                    for (var l = 0; l < k; l++) expected[i * n + j] = MathF.FusedMultiplyAdd(a[i * lda + l], b[l * ldb + j], expected[i * n + j]);
            session.Expect(pc, expected, $"product of {m} x {k} and {k} x {n}");
        }
    }

    static float[] Padded(int rows, int columns, int stride, int seed)
    {
        var values = Session.Floats(rows * stride, seed);
        for (var i = 0; i < values.Length; i++) if (i % stride >= columns) values[i] = 0;
        return values;
    }

    public static void Exchange(Session session)
    {
        foreach (var blocks in new[] { 1, 3 })
        {
            var x = Session.Words(64 * blocks, blocks);
            var (px, py) = (session.Upload(x, "x"), session.Allocate<uint>(x.Length, "y"));
            session.Launch("exchange", blocks, 64, 0, px, py);
            uint Sum(int i) => x[i ^ 1] + x[i ^ 2];
            session.Expect(py, [.. Enumerable.Range(0, x.Length).Select(i => Sum(i ^ 1))], $"exchange of {blocks} blocks");
        }
    }

    public static void Pipeline(Session session)
    {
        foreach (var rounds in new[] { 1, 2, 3, 4, 7 })
        {
            var x = Session.Words(32 * rounds, rounds);
            var (px, py) = (session.Upload(x, "x"), session.Allocate<uint>(x.Length, "y"));
            session.Launch("pipeline", 1, 64, 0, px, py, rounds);
            session.Expect(py, [.. x.Select(v => v * v + 1)], $"{rounds} rounds");
        }
    }
}
