using System;
using System.Runtime.Intrinsics;
using Xunit;
using Scalar = Graph.Compiler.Ir.Philox;
using Vectors = Graph.Runtime.Cpu.Philox;

namespace Graph.Tests.Cpu;

public unsafe class PhiloxTests
{
    // The known answers that the authors publish with Random123.
    [Theory]
    [InlineData(0UL, 0UL, 0UL, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x299f31d0_a4093822UL, 0x03707344_13198a2eUL, 0x85a308d3_243f6a88UL, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Blocks_are_the_published_ones(ulong key, ulong high, ulong low, uint x0, uint x1, uint x2, uint x3)
    {
        var (x, y, z, w) = Scalar.Block(key, low, high);
        Assert.Equal((x0, x1, x2, x3), (x, y, z, w));
    }

    [Fact]
    public void Every_width_has_the_same_bits_at_any_offset()
    {
        const ulong key = 0x123456789abcdef0, high = 0xfedcba9876543210;
        for (long i = 0; i < 40; i++)
        {
            for (int lane = 0; lane < 16; lane++)
            {
                float expected = Scalar.Uniform(key, high, (ulong)(i + lane));
                Assert.Equal(expected, Vectors.Uniform512(key, high, i)[lane]);
                if (lane < 8) Assert.Equal(expected, Vectors.Uniform256(key, high, i)[lane]);
                if (lane < 4) Assert.Equal(expected, Vectors.Uniform128(key, high, i)[lane]);
            }
        }
    }

    [Fact]
    public void Fill_is_uniform()
    {
        using var array = new NativeArray(100_003);
        Vectors.Fill(array.Pointer, 7, 9, 1, array.Count);
        double sum = 0, squares = 0;
        for (int i = 0; i < array.Count; i++)
        {
            float x = array.Pointer[i];
            Assert.InRange(x, 0f, 0.99999994f);
            if (i % 997 == 0) Assert.Equal(Scalar.Uniform(7, 9, (ulong)(1 + i)), x);
            sum += x;
            squares += (double)x * x;
        }
        Assert.Equal(0.5, sum / array.Count, 0.005);
        Assert.Equal(1 / 3.0, squares / array.Count, 0.005);
    }
}
