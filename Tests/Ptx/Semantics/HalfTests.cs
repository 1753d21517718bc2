using System;
using System.Linq;
using Graph.PtxEmulator;
using Xunit;

namespace Graph.Tests.Ptx;

/// <summary>Arithmetic in 16 bits, against double rounded once by the host.</summary>
public sealed class HalfTests
{
    static Half H(ulong bits) => BitConverter.UInt16BitsToHalf((ushort)bits);
    static double B(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    static readonly ulong[] Halves = [0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x0400, 0x0401, 0x1234, 0x3555, 0x3BFF, 0x3C00, 0x3C01, 0xBC00, 0x4248, 0x6400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0x5801, 0x8400];
    static readonly ulong[] Brains = [0x0000, 0x8000, 0x0001, 0x8001, 0x007F, 0x0080, 0x3F80, 0x3F81, 0xBF80, 0x3EAA, 0x4049, 0x7F7F, 0xFF7F, 0x7F80, 0xFF80, 0x7FC0, 0x4B80, 0x0100, 0x42C8, 0x3DCC];

    static ulong ToHalf(double x) => double.IsNaN(x) ? 0x7FFFu : BitConverter.HalfToUInt16Bits((Half)x);

    /// <summary>To bf16 by trying both neighbours.</summary>
    static ulong ToBrain(double x)
    {
        if (double.IsNaN(x)) return 0x7FFF;
        var down = BitConverter.SingleToUInt32Bits((float)x) & 0xFFFF0000; // towards zero of something near; the search starts one below
        var candidates = Enumerable.Range(-2, 5).Select(k => (long)down + k * 0x10000L).Where(v => v is >= 0 and <= uint.MaxValue && ((v ^ down) & 0x80000000) == 0).Select(v => (uint)v).Where(v => (v & 0x7FFFFFFF) <= 0x7F800000).ToArray();
        var limit = Math.ScaleB(2 - Math.ScaleB(1, -8), 127); // from here on to infinity
        if (Math.Abs(x) >= limit) return double.IsNegative(x) ? 0xFF80u : 0x7F80u;
        return candidates.Where(v => (v & 0x7FFFFFFF) < 0x7F800000).OrderBy(v => Math.Abs(BitConverter.UInt32BitsToSingle(v) - x)).ThenBy(v => v >> 16 & 1).First() >> 16;
    }

    [Fact]
    public void Halves_are_added_and_multiplied_with_one_rounding()
    {
        var (a, b) = Table.Pairs(Halves, Halves);
        foreach (var (name, expected) in new (string, Func<double, double, double>)[] { ("add", (x, y) => x + y), ("sub", (x, y) => x - y), ("mul", (x, y) => x * y) })
        {
            var actual = Table.Run($"{name}.rn.f16 {{0}}, {{1}}, {{2}};", PtxType.B16, (PtxType.B16, a), (PtxType.B16, b));
            for (var i = 0; i < a.Length; i++) Assert.Equal(ToHalf(expected((double)H(a[i]), (double)H(b[i]))), actual[i]);
            // Two at a time, in either half of a word.
            var paired = Table.Run($"{name}.rn.f16x2 {{0}}, {{1}}, {{2}};", PtxType.B32, (PtxType.B32, [.. a.Select((v, i) => v | b[i] << 16)]), (PtxType.B32, [.. b.Select((v, i) => v | a[i] << 16)]));
            for (var i = 0; i < a.Length; i++) Assert.Equal(ToHalf(expected((double)H(a[i]), (double)H(b[i]))) | ToHalf(expected((double)H(b[i]), (double)H(a[i]))) << 16, paired[i]);
        }
    }

    [Fact]
    public void A_fused_product_of_halves_rounds_once()
    {
        var (a, b, c) = Table.Triples(Halves);
        var actual = Table.Run("fma.rn.f16 {0}, {1}, {2}, {3};", PtxType.B16, (PtxType.B16, a), (PtxType.B16, b), (PtxType.B16, c));
        for (var i = 0; i < a.Length; i++)
        {
            var (x, y, z) = ((double)H(a[i]), (double)H(b[i]), (double)H(c[i]));
            if (!double.IsFinite(x * y + z)) { Assert.Equal(ToHalf(x * y + z), actual[i]); continue; }
            var exact = ExactFloat.Of(x) * ExactFloat.Of(y) + ExactFloat.Of(z);
            Assert.True(exact.RoundsTo((double)H(actual[i]), Rounding.Nearest, v => (double)Half.BitDecrement((Half)v), v => (double)Half.BitIncrement((Half)v), 65504), $"fma of {x}, {y}, {z} is {H(actual[i])}");
        }
        Assert.Equal(0x3C01UL, Table.Run("fma.rn.f16 {0}, {1}, {2}, {3};", PtxType.B16, (PtxType.B16, [0x3C01]), (PtxType.B16, [0x3C00]), (PtxType.B16, [0x0001]))[0]);
    }

    [Fact]
    public void Brain_floats_are_added_and_multiplied_with_one_rounding()
    {
        var (a, b) = Table.Pairs(Brains, Brains);
        foreach (var (name, expected) in new (string, Func<double, double, double>)[] { ("add", (x, y) => x + y), ("sub", (x, y) => x - y), ("mul", (x, y) => x * y) })
        {
            var actual = Table.Run($"{name}.rn.bf16 {{0}}, {{1}}, {{2}};", PtxType.B16, (PtxType.B16, a), (PtxType.B16, b));
            for (var i = 0; i < a.Length; i++)
            {
                var sum = expected(B(a[i]), B(b[i]));
                Assert.True(ToBrain(sum) == actual[i] || (sum == 0 && (actual[i] & 0x7FFF) == 0), $"{name} of {B(a[i])} and {B(b[i])} is 0x{actual[i]:x4}, expected 0x{ToBrain(sum):x4}");
            }
        }
        var (x, y, z) = Table.Triples(Brains);
        var fma = Table.Run("fma.rn.bf16 {0}, {1}, {2}, {3};", PtxType.B16, (PtxType.B16, x), (PtxType.B16, y), (PtxType.B16, z));
        static double Step(double v, int by) => BitConverter.UInt32BitsToSingle((uint)((BitConverter.SingleToUInt32Bits((float)v) >> 16) + by) << 16);
        static double Up(double v) => v == 0 ? B(0x0001) : v > 0 ? Step(v, 1) : v == -B(0x0001) ? 0 : Step(v, -1);
        for (var i = 0; i < x.Length; i += 3)
        {
            if (!double.IsFinite(B(x[i]) * B(y[i]) + B(z[i]))) continue;
            var exact = ExactFloat.Of(B(x[i])) * ExactFloat.Of(B(y[i])) + ExactFloat.Of(B(z[i]));
            Assert.True(exact.RoundsTo(B(fma[i]), Rounding.Nearest, v => -Up(-v), Up, B(0x7F7F)), $"fma of {B(x[i])}, {B(y[i])}, {B(z[i])} is {B(fma[i])}");
        }
    }

    [Fact]
    public void Extremes_and_signs_of_halves()
    {
        var (a, b) = Table.Pairs(Halves, Halves);
        foreach (var least in new[] { true, false })
        {
            var name = least ? "min" : "max";
            var quiet = Table.Run($"{name}.f16 {{0}}, {{1}}, {{2}};", PtxType.B16, (PtxType.B16, a), (PtxType.B16, b));
            var loud = Table.Run($"{name}.NaN.f16 {{0}}, {{1}}, {{2}};", PtxType.B16, (PtxType.B16, a), (PtxType.B16, b));
            for (var i = 0; i < a.Length; i++)
            {
                var (x, y) = (H(a[i]), H(b[i]));
                var first = Half.IsNaN(y) || !Half.IsNaN(x) && (least ? x < y || x == y && Half.IsNegative(x) : x > y || x == y && Half.IsPositive(x));
                var expected = Half.IsNaN(x) && Half.IsNaN(y) ? 0x7FFF : first ? a[i] : b[i];
                Assert.Equal(expected, quiet[i]);
                Assert.Equal(Half.IsNaN(x) || Half.IsNaN(y) ? 0x7FFF : expected, loud[i]);
            }
        }
        Assert.Equal(Halves.Select(v => v ^ 0x8000), Table.Run("neg.f16 {0}, {1};", PtxType.B16, (PtxType.B16, Halves)));
        Assert.Equal(Brains.Select(v => v & 0x7FFF), Table.Run("abs.bf16 {0}, {1};", PtxType.B16, (PtxType.B16, Brains)));
    }

    [Fact]
    public void Halves_are_compared()
    {
        var (a, b) = Table.Pairs(Halves, Halves);
        var actual = Table.Run("setp.ltu.f16 %p1, {1}, {2}; selp.u32 {0}, 1, 0, %p1;", PtxType.U32, (PtxType.B16, a), (PtxType.B16, b));
        for (var i = 0; i < a.Length; i++) Assert.Equal(!(H(a[i]) >= H(b[i])) ? 1UL : 0, actual[i]);
    }
}
