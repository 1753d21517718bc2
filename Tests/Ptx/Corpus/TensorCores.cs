using System;
using System.Linq;
using Graph.PtxEmulator;

namespace Graph.Tests.Ptx;

/// <summary>Kernels of mma.sync. Small integers make every sum exact, in whatever order the products are added.</summary>
static class TensorCores
{
    static int[] Integers(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(-9, 10))];
    }

    public static void Halves(Session session) => Products(session, v => BitConverter.HalfToUInt16Bits((Half)v));

    public static void Brains(Session session) => Products(session, v => (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16));

    static void Products(Session session, Func<float, ushort> bits)
    {
        foreach (var (m, n, k) in new[] { (16, 8, 16), (16, 8, 32), (32, 16, 48), (16, 24, 64) })
        {
            var (a, b) = (Integers(m * k, k), Integers(k * n, n));
            var (pa, pb, pc) = (session.Upload(a.Select(v => bits(v)).ToArray(), "a"), session.Upload(b.Select(v => bits(v)).ToArray(), "b"), session.Allocate<float>(m * n, "c"));
            session.Launch("tensor", new Dim3(n / 8, m / 16), 32, 0, pa, pb, pc, n, k);
            session.Expect(pc, [.. Enumerable.Range(0, m * n).Select(i => (float)Enumerable.Range(0, k).Sum(l => a[i / n * k + l] * b[l * n + i % n]))], $"product of {m} x {k} and {k} x {n}");
        }
    }

    public static void Tf32(Session session)
    {
        var (a, b, c) = (Integers(128, 1), Integers(64, 2), Integers(128, 3));
        var (pa, pb, pc) = (session.Upload(a.Select(v => (float)v).ToArray(), "a"), session.Upload(b.Select(v => (float)v).ToArray(), "b"), session.Upload(c.Select(v => (float)v).ToArray(), "c"));
        session.Launch("tensor32", 1, 32, 0, pa, pb, pc);
        session.Expect(pc, [.. Enumerable.Range(0, 128).Select(i => (float)(c[i] + Enumerable.Range(0, 8).Sum(l => a[i / 8 * 8 + l] * b[l * 8 + i % 8])))], "product of 16 x 8 and 8 x 8");
    }
}
