using System;
using System.Linq;
using Graph.Runtime.Cpu;
using Graph.Tests.Cpu;
using Xunit;

namespace Graph.Tests.Inference;

/// <summary>What is packed once gives the bits of what is packed in each call, on every kind of processor.</summary>
public unsafe class PackedOperandTests
{
    static readonly VectorWidth[] widths = [.. new[] { VectorWidth.Bits128, VectorWidth.Bits256, VectorWidth.Bits512 }.Where(Machine.Supports)];

    static float[] Draw(int seed, long count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, (int)Math.Max(1, count)).Select(_ => (float)(random.NextDouble() * 2 - 1))];
    }

    static void On(VectorWidth width, Action action)
    {
        Machine.Override = width;
        try
        {
            action();
        }
        finally
        {
            Machine.Override = null;
        }
    }

    // Writes a tile through, times two: p[0] = result, d[0] = rows, d[1] = columns.
    static void Twice(void** p, long* d, float* tile, long stride, long batch, long row, long rows, long col, long cols)
    {
        for (long i = 0; i < rows; i++)
            for (long j = 0; j < cols; j++) ((float*)p[0])[(batch * d[0] + row + i) * d[1] + col + j] = 2 * tile[i * stride + j];
    }

    [Fact]
    public void Weights_of_convolutions()
    {
        using WorkerPool one = new(1), three = new(3);
        foreach (var sizes in ConvolutionTests.calls)
        {
            var call = sizes;
            var floats = Numerics.Packing.WeightFloats(Numerics.Products, call.Sizes);
            float[] image = Draw(1, ConvolutionTests.ImageFloats(call)), weight = Draw(2, ConvolutionTests.WeightFloats(call)), expected = new float[ConvolutionTests.MapFloats(call)], actual = new float[expected.Length], packed = new float[floats + 32];
            foreach (var width in widths)
                On(width, () =>
                {
                    fixed (float* x = image, w = weight, y = expected, z = actual, to = packed)
                    {
                        var plain = call;
                        plain.Image = x;
                        plain.Weight = w;
                        plain.Map = y;
                        Workspaces.Run(one, &plain, Compiler.Kernels.ConvolutionKind.Forward);
                        if (floats == 0) return; // what has no room is computed without packing
                        packed.AsSpan().Fill(float.NaN);
                        var pack = call;
                        pack.Weight = w;
                        pack.PackedWeight = to;
                        Convolution.PackWeight(three, &pack);
                        Assert.All(packed[(int)floats..], f => Assert.True(float.IsNaN(f)));
                        foreach (var pool in new[] { one, three })
                        {
                            actual.AsSpan().Clear();
                            var quick = call;
                            quick.Image = x;
                            quick.PackedWeight = to;
                            quick.Map = z;
                            Assert.Equal(0, Convolution.WorkspaceFloats(&quick, Compiler.Kernels.ConvolutionKind.Forward));
                            Convolution.Forward(pool, &quick);
                            Assert.Equal(expected, actual);
                        }
                    }
                });
        }
        Assert.Equal(2, ConvolutionTests.calls.Count(c => Numerics.Packing.WeightFloats(Numerics.Products, c.Sizes) == 0));
    }

    [Theory]
    [InlineData(1, 1, 1, 1)]
    [InlineData(1, 1, 10, 512)]
    [InlineData(1, 1, 700, 900)]
    [InlineData(1, 1, 40, 5000)] // in slices
    [InlineData(4, 1, 70, 400)]
    [InlineData(1, 3, 33, 385)]
    [InlineData(1, 14, 512, 784)]
    [InlineData(1, 15, 31, 16)]
    [InlineData(1, 100, 90, 2500)] // in slices
    [InlineData(1, 129, 513, 400)]
    [InlineData(1, 513, 129, 400)]
    [InlineData(1, 600, 1, 60)]
    [InlineData(3, 40, 130, 70)]
    [InlineData(40, 6, 20, 30)]
    public void Right_operands_of_products(long batch, long m, long n, long k)
    {
        float[] a = Draw(1, batch * m * k), b = Draw(2, k * n), expected = new float[batch * m * n], actual = new float[expected.Length];
        var floats = Numerics.Packing.RightFloats(Numerics.Products, k, n);
        var packed = new float[floats + 32];
        using WorkerPool one = new(1), three = new(3);
        foreach (var width in widths)
            for (var layout = 0; layout < 4; layout++)
                On(width, () =>
                {
                    var isTurned = (layout & 1) != 0;
                    long[] results = [m, n];
                    fixed (long* d = results)
                    fixed (float* x = a, w = b, y = expected, z = actual, to = packed)
                    {
                        void* p = y;
                        void* q = z;
                        var call = new ContractCall(m, n, k)
                        {
                            Batch1 = batch, A = x, AM = k, AK = 1, ABatch1 = m * k, B = w, BK = isTurned ? 1 : n, BN = isTurned ? k : 1, C = y, CM = n, CN = 1, CBatch1 = m * n,
                        };
                        if (layout == 2) (call.CM, call.CN) = (1, m); // columns one behind the other
                        if (layout == 3)
                        {
                            call.Epilogue = &Twice;
                            call.EpiloguePointers = &p;
                            call.EpilogueDims = d;
                        }
                        Workspaces.Run(one, &call, null);
                        packed.AsSpan().Fill(float.NaN);
                        var pack = new ContractCall(1, n, k) { B = w, BK = call.BK, BN = call.BN, PackedB = to };
                        Contract.PackRight(three, &pack);
                        Assert.All(packed[(int)floats..], f => Assert.True(float.IsNaN(f)));
                        foreach (var pool in new[] { one, three })
                        {
                            actual.AsSpan().Clear();
                            (call.BK, call.BN) = (0, 0);
                            call.B = null;
                            call.PackedB = to;
                            call.C = z;
                            if (layout == 3) call.EpiloguePointers = &q;
                            Workspaces.Run(pool, &call, null);
                            Assert.Equal(expected, actual);
                        }
                    }
                });
    }
}
