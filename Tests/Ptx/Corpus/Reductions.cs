using System;
using System.Linq;
using Graph.PtxEmulator;

namespace Graph.Tests.Ptx;

/// <summary>Kernels in which threads of a block or a launch bring values together.</summary>
static class Reductions
{
    public static void Reduce(Session session)
    {
        foreach (var n in new[] { 1, 2, 31, 33, 255, 256, 257, 700 })
        {
            var x = Session.Floats(n, n);
            var blocks = Session.Blocks(n, 256);
            var (px, py) = (session.Upload(x, "x"), session.Allocate<float>(blocks, "y"));
            session.Launch("reduce", blocks, 256, 0, px, py, n);
            session.Expect(py, [.. Enumerable.Range(0, blocks).Select(b => BlockSum(x, 256 * b))], $"sums of {n}");
        }
    }

    /// <summary>In the kernel's order: halves of a warp onto each other, then the warps one after the other.</summary>
    static float BlockSum(float[] x, int start)
    {
        var sum = 0f;
        for (var warp = 0; warp < 8; warp++)
        {
            var lanes = Enumerable.Range(0, 32).Select(lane => start + 32 * warp + lane).Select(i => i < x.Length ? x[i] : 0f).ToArray();
            for (var step = 16; step > 0; step /= 2)
                for (var lane = 0; lane < step; lane++) lanes[lane] += lanes[lane + step];
            sum += lanes[0];
        }
        return sum;
    }

    public static void Softmax(Session session)
    {
        foreach (var (rows, n) in new[] { (1, 1), (2, 2), (3, 31), (2, 33), (1, 127), (4, 128), (3, 129), (4, 300) })
        {
            var x = Session.Floats(rows * n, n);
            // So far apart that any but the maximum would overflow or vanish.
            for (var i = 0; i < x.Length; i++) x[i] = 100 * x[i] - 50;
            for (var row = 0; row < rows; row++) x[row * n + (n - 1 + 33 * n - 33 * row) % n] = 160;
            var (px, py) = (session.Upload(x, "x"), session.Allocate<float>(rows * n, "y"));
            session.Launch("softmax", rows, 128, 0, px, py, n);
            if (session.Device.Options.ApproximationError == 0) session.Expect(py, [.. Enumerable.Range(0, rows).SelectMany(row => SoftmaxInOrder(x[(row * n)..((row + 1) * n)]))], $"softmax of {rows} x {n}");
            var expected = Enumerable.Range(0, rows).SelectMany(row =>
            {
                var values = x.Skip(row * n).Take(n).Select(v => (double)v).ToArray();
                var sum = values.Sum(v => Math.Exp(v - values.Max()));
                return values.Select(v => (float)(Math.Exp(v - values.Max()) / sum));
            }).ToArray();
            session.ExpectNear(py, expected, 1e-4, $"softmax of {rows} x {n}");
        }
    }

    /// <summary>In the kernel's order: every 128th element, then lanes by butterflies, then four warps; with an exact exponential.</summary>
    static float[] SoftmaxInOrder(float[] x)
    {
        var maximum = x.Max();
        var powers = x.Select(v => (float)double.Exp2((v - maximum) * BitConverter.Int32BitsToSingle(0x3FB8AA3B))).ToArray();
        var sums = new float[128];
        for (var i = 0; i < x.Length; i++) sums[i % 128] += powers[i];
        for (var step = 16; step > 0; step /= 2) sums = [.. sums.Select((v, i) => v + sums[i ^ step])];
        var inverse = 1 / (((sums[0] + sums[32]) + sums[64]) + sums[96]);
        return [.. powers.Select(p => p * inverse)];
    }

    public static void Scan(Session session)
    {
        foreach (var n in new[] { 1, 2, 31, 33, 127, 128, 129, 300 })
        {
            var x = Session.Words(n, n);
            var (px, py) = (session.Upload(x, "x"), session.Allocate<uint>(n, "y"));
            session.Launch("scan", Session.Blocks(n, 128), 128, 0, px, py, n);
            var sum = 0u;
            session.Expect(py, [.. x.Select((v, i) => sum = i % 128 == 0 ? v : sum + v)], $"scan of {n}");
        }
    }

    public static void SplitK(Session session)
    {
        foreach (var (m, n, splits) in new[] { (1, 1, 1), (2, 33, 2), (31, 31, 3), (33, 2, 4), (65, 64, 5), (7, 65, 1) })
        {
            var x = Session.Floats(m * n, m);
            var chunk = (m + splits - 1) / splits;
            var (px, pp, py) = (session.Upload(x, "x"), session.Allocate<float>(splits * n, "partial"), session.Allocate<float>(n, "y"));
            session.Launch("splitk_first", new Dim3(Session.Blocks(n, 32), splits), 32, 0, px, pp, m, n, chunk);
            session.Launch("splitk_second", Session.Blocks(n, 32), 32, 0, pp, py, splits, n);
            var expected = new float[n];
            for (var j = 0; j < n; j++)
                for (var s = 0; s < splits; s++)
                {
                    var partial = 0f;
                    for (var i = s * chunk; i < Math.Min(m, (s + 1) * chunk); i++) partial += x[i * n + j];
                    expected[j] = s == 0 ? partial : expected[j] + partial;
                }
            session.Expect(py, expected, $"column sums of {m} x {n} in {splits}");
        }
    }

    public static void Histogram(Session session)
    {
        foreach (var n in new[] { 1, 2, 63, 64, 65, 127, 129, 500 })
        {
            var x = new byte[n];
            new Random(n).NextBytes(x);
            var before = Session.Words(64, n);
            var (px, py) = (session.Upload(x, "x"), session.Upload(before, "counts"));
            session.Launch("histogram", Session.Blocks(n, 128), 128, 0, px, py, n);
            session.Expect(py, [.. before.Select((v, bin) => v + (uint)x.Count(b => (b & 63) == bin))], $"histogram of {n}");
        }
    }

    public static void Compact(Session session)
    {
        foreach (var n in new[] { 1, 2, 31, 32, 33, 63, 65, 200 })
        {
            var x = Session.Words(n, n);
            var warps = 2 * Session.Blocks(n, 64);
            var y = Enumerable.Repeat(7u, 32 * warps).ToArray();
            var (px, py, pc) = (session.Upload(x, "x"), session.Upload(y, "y"), session.Allocate<uint>(warps, "counts"));
            session.Launch("compact", Session.Blocks(n, 64), 64, 0, px, py, pc, n);
            var counts = new uint[warps];
            for (var i = 0; i < n; i++)
                if (x[i] % 2 == 1) y[32 * (i / 32) + counts[i / 32]++] = x[i];
            session.Expect(py, y, $"odd numbers of {n}");
            session.Expect(pc, counts, $"numbers of odd numbers of {n}");
        }
    }
}
