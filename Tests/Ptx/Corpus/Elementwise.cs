using System;
using System.Linq;

namespace Graph.Tests.Ptx;

/// <summary>Kernels in which each thread computes its own elements.</summary>
static class Elementwise
{
    static readonly int[] Sizes = [1, 2, 3, 31, 32, 33, 127, 128, 129, 257];

    public static void Copy(Session session)
    {
        foreach (var n in Sizes)
        {
            var x = Session.Floats(n, n);
            var (px, py) = (session.Upload(x, "x"), session.Allocate<float>(n, "y"));
            session.Launch("copy", Session.Blocks(n, 128), 32, 0, px, py, n);
            session.Expect(py, x, $"copy of {n}");
        }
    }

    public static void Saxpy(Session session)
    {
        foreach (var n in Sizes)
        {
            var (x, y) = (Session.Floats(n, n), Session.Floats(n, n + 1));
            var (px, py) = (session.Upload(x, "x"), session.Upload(y, "y"));
            session.Launch("saxpy", Session.Blocks(n, 64), 64, 0, px, py, 1.5f, n);
            session.Expect(py, [.. x.Zip(y, (a, b) => MathF.FusedMultiplyAdd(1.5f, a, b))], $"saxpy of {n}");
        }
    }

    public static void Halves(Session session)
    {
        foreach (var n in Sizes)
        {
            var random = new Random(n);
            var x = Enumerable.Range(0, n).Select(_ => (Half)(random.NextDouble() * 8 - 4)).ToArray();
            if (n > 2) (x[1], x[2]) = (BitConverter.UInt16BitsToHalf(0x0013), Half.PositiveInfinity);
            var (px, py, pz) = (session.Upload(x, "x"), session.Allocate<Half>(n, "y"), session.Allocate<Half>(n, "z"));
            session.Launch("halves", Session.Blocks(n, 128), 64, 0, px, py, pz, 0.75f, -3.25f, n);
            session.Expect(py, [.. x.Select(h => (Half)MathF.FusedMultiplyAdd(0.75f, (float)h, -3.25f))], $"halves of {n}");
            session.Expect(pz, [.. x.Select(h => (Half)((double)h * (double)h + (double)h))], $"fma of {n} halves"); // x x + x is exact in double
        }
    }

    public static void Philox(Session session)
    {
        foreach (var n in new[] { 1, 31, 33, 64, 65 })
        {
            const ulong key = 0x0123456789ABCDEF;
            var py = session.Allocate<uint>(4 * n, "y");
            session.Launch("philox", Session.Blocks(n, 64), 64, 0, py, key, n);
            session.Expect(py, [.. Enumerable.Range(0, n).SelectMany(i => PhiloxWords((uint)i, key))], $"philox of {n}");
        }
    }

    /// <summary>Ten rounds as in Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011).</summary>
    static uint[] PhiloxWords(uint counter, ulong key)
    {
        uint[] c = [counter, 0, 0, 0];
        var (k0, k1) = ((uint)key, (uint)(key >> 32));
        for (var round = 0; round < 10; round++)
        {
            var (first, second) = ((ulong)c[0] * 0xD2511F53, (ulong)c[2] * 0xCD9E8D57);
            c = [(uint)(second >> 32) ^ c[1] ^ k0, (uint)second, (uint)(first >> 32) ^ c[3] ^ k1, (uint)first];
            (k0, k1) = (k0 + 0x9E3779B9, k1 + 0xBB67AE85);
        }
        return c;
    }

    public static void Calls(Session session)
    {
        foreach (var n in Sizes)
        {
            var x = Session.Floats(n, n);
            if (n > 2) x[2] = 0;
            var (px, py) = (session.Upload(x, "x"), session.Allocate<float>(n, "y"));
            session.Launch("calls", Session.Blocks(n, 64), 64, 0, px, py, n);
            static float Polynomial(float v) => MathF.FusedMultiplyAdd(MathF.FusedMultiplyAdd(0.5f, v, 2), v, 1);
            session.Expect(py, [.. x.Select(v => v < 0 ? -Polynomial(-v) : Polynomial(v))], $"polynomials of {n}");
        }
    }

    public static void Locals(Session session)
    {
        foreach (var n in new[] { 1, 2, 31, 33 })
        {
            var random = new Random(n);
            var x = Enumerable.Range(0, 8 * n).Select(_ => random.NextDouble() * 20 - 10).ToArray();
            var (px, py) = (session.Upload(x, "x"), session.Allocate<double>(8 * n, "y"));
            session.Launch("locals", Session.Blocks(n, 32), 32, 0, px, py, n);
            double[] scales = [1, 2, 0.5, -1.5];
            session.Expect(py, [.. Enumerable.Range(0, n).SelectMany(i => x.Skip(8 * i).Take(8).Order().Select((v, k) => v * scales[k % 4]))], $"sorted eights of {n}");
        }
    }
}
