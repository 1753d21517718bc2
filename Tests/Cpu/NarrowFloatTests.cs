using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.Intrinsics;
using Graph.Compiler.Ir;
using Graph.Runtime.Cpu;
using Graph.Tests.Generators;
using Xunit;

namespace Graph.Tests.Cpu;

/// <summary>All 65,536 numbers of both 16-bit types, in both directions and in every vector.</summary>
public unsafe class NarrowFloatTests
{
    const int All = 1 << 16;

    delegate void FromNarrow(ushort* from, float* to, long count);

    delegate void ToNarrow(float* from, ushort* to, long count);

    // What a number of 16 bits is, by the definition of its format.
    static double Exact(int bits, int exponentBits, int fractionBits)
    {
        var bias = (1 << (exponentBits - 1)) - 1;
        var (exponent, fraction) = ((bits >> fractionBits) & ((1 << exponentBits) - 1), bits & ((1 << fractionBits) - 1));
        var magnitude = exponent == (1 << exponentBits) - 1 ? fraction == 0 ? double.PositiveInfinity : double.NaN
            : exponent == 0 ? fraction * Math.Pow(2, 1 - bias - fractionBits) : (1 + fraction * Math.Pow(2, -fractionBits)) * Math.Pow(2, exponent - bias);
        return (bits & 0x8000) != 0 ? -magnitude : magnitude;
    }

    static double OfHalf(int bits) => Exact(bits, 5, 10);

    static double OfBFloat16(int bits) => Exact(bits, 8, 7);

    static float[] From(FromNarrow convert, ushort[] x)
    {
        var y = new float[x.Length];
        fixed (ushort* from = x)
        fixed (float* to = y)
            convert(from, to, x.Length);
        return y;
    }

    static ushort[] To(ToNarrow convert, float[] x)
    {
        var y = new ushort[x.Length];
        fixed (float* from = x)
        fixed (ushort* to = y)
            convert(from, to, x.Length);
        return y;
    }

    static readonly ushort[] everything = [.. Enumerable.Range(0, All).Select(i => (ushort)i)];

    static void Widened(FromNarrow convert, Func<int, double> exact, int fractionBits)
    {
        var y = From(convert, everything);
        for (var i = 0; i < All; i++)
        {
            var expected = exact(i);
            Assert.True(double.IsNaN(expected) ? float.IsNaN(y[i]) : BitConverter.DoubleToInt64Bits(expected) == BitConverter.DoubleToInt64Bits(y[i]), $"{i:x4}: {y[i]:R}, expected {expected:R}");
            // Of a NaN the sign and the payload stay, but for the bit that makes it quiet.
            var bits = BitConverter.SingleToUInt32Bits(y[i]);
            if (double.IsNaN(expected)) Assert.Equal(((uint)i >> 15, ((uint)i << (23 - fractionBits)) & 0x3FFFFF), (bits >> 31, bits & 0x3FFFFF));
        }
    }

    [Fact] public void Every_float16_is_widened_exactly() => Widened(NarrowFloats.FromHalf, OfHalf, 10);

    [Fact] public void Every_bfloat16_is_widened_exactly() => Widened(NarrowFloats.FromBFloat16, OfBFloat16, 7);

    // Each number, the middle between it and the next one, and what lies just beside these.
    static void Rounded(ToNarrow convert, Func<int, double> exact, int fractionBits)
    {
        var (x, expected) = (new List<float>(), new List<ushort>());
        void Try(double value, int result)
        {
            if ((float)value != value) return; // narrower than float32 can say
            x.AddRange([(float)value, -(float)value]);
            expected.AddRange([(ushort)result, (ushort)(result | 0x8000)]);
        }
        var infinity = Enumerable.Range(0, All / 2).First(i => double.IsInfinity(exact(i)));
        for (var i = 0; i < infinity; i++)
        {
            // Beyond the largest number the next one would be one step further.
            var (low, high) = (exact(i), i + 1 == infinity ? exact(i) + (exact(i) - exact(i - 1)) : exact(i + 1));
            var middle = (low + high) / 2;
            Try(low, i);
            Try(middle, i % 2 == 0 ? i : i + 1);
            if ((float)middle != middle) continue;
            Try(MathF.BitDecrement((float)middle), i);
            Try(MathF.BitIncrement((float)middle), i + 1);
        }
        Try(float.MaxValue, infinity);
        Try(float.PositiveInfinity, infinity);
        Try(float.Epsilon, 0);
        var y = To(convert, [.. x]);
        for (var i = 0; i < y.Length; i++) Assert.True(expected[i] == y[i], $"{x[i]:R}: {y[i]:x4}, expected {expected[i]:x4}");
        Assert.True(y.Length > 4 * infinity);

        foreach (var payload in new uint[] { 1, 0x400000, 0x3FFFFF, 0x7FFFFF, 0x2000, 0x10000, 0x412345 })
            foreach (var sign in new[] { 0u, 1u })
            {
                var nan = To(convert, [BitConverter.UInt32BitsToSingle(sign << 31 | 0x7F800000 | payload)])[0];
                Assert.True(double.IsNaN(exact(nan)) && nan >> 15 == sign, $"{payload:x}: {nan:x4}");
                Assert.Equal((payload >> (23 - fractionBits)) & (uint)((1 << (fractionBits - 1)) - 1), nan & (uint)((1 << (fractionBits - 1)) - 1));
            }
    }

    [Fact] public void To_float16_ties_go_to_even() => Rounded(NarrowFloats.ToHalf, OfHalf, 10);

    [Fact] public void To_bfloat16_ties_go_to_even() => Rounded(NarrowFloats.ToBFloat16, OfBFloat16, 7);

    // Rounding is arithmetic of its own, and not the way there and back.
    [Fact]
    public void Rounding_gives_what_storing_and_loading_gives()
    {
        void Try(float x)
        {
            Assert.Equal(BitConverter.SingleToInt32Bits(NarrowFloats.FromHalf(NarrowFloats.ToHalf(x))), BitConverter.SingleToInt32Bits(NarrowFloats.RoundHalf(x)));
            Assert.Equal(BitConverter.SingleToInt32Bits(NarrowFloats.FromBFloat16(NarrowFloats.ToBFloat16(x))), BitConverter.SingleToInt32Bits(NarrowFloats.RoundBFloat16(x)));
        }
        var random = new Random(3);
        for (var i = 0; i < 1 << 16; i++) Try(BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)));
        // What float16 holds, and the middles between.
        for (var i = 0; i < 1 << 16; i++)
        {
            var at = BitConverter.SingleToInt32Bits(NarrowFloats.FromHalf((ushort)i));
            foreach (var beside in new[] { -1, 0, 1, 0xFFF, 0x1000, 0x1001 }) Try(BitConverter.Int32BitsToSingle(at + beside));
        }
    }

    [Fact]
    public void Every_vector_has_the_same_bits()
    {
        var random = new Random(1);
        var floats = Enumerable.Range(0, 1 << 16).Select(_ => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue))).ToArray();
        var (a, b, c) = (new ushort[32], new ushort[32], new ushort[32]);
        for (var i = 0; i + 64 <= floats.Length; i += 32)
            fixed (float* x = &floats[i])
            fixed (ushort* n = &everything[i % (All - 64)])
            {
                NarrowFloats.ToHalf(Vector512.Load(x), Vector512.Load(x + 16)).CopyTo(c);
                for (var part = 0; part < 2; part++) NarrowFloats.ToHalf(Vector256.Load(x + part * 16), Vector256.Load(x + part * 16 + 8)).CopyTo(b, part * 16);
                for (var part = 0; part < 4; part++) NarrowFloats.ToHalf(Vector128.Load(x + part * 8), Vector128.Load(x + part * 8 + 4)).CopyTo(a, part * 8);
                Assert.True(a.AsSpan().SequenceEqual(b) && b.AsSpan().SequenceEqual(c));
                NarrowFloats.ToBFloat16(Vector512.Load(x), Vector512.Load(x + 16)).CopyTo(c);
                for (var part = 0; part < 2; part++) NarrowFloats.ToBFloat16(Vector256.Load(x + part * 16), Vector256.Load(x + part * 16 + 8)).CopyTo(b, part * 16);
                for (var part = 0; part < 4; part++) NarrowFloats.ToBFloat16(Vector128.Load(x + part * 8), Vector128.Load(x + part * 8 + 4)).CopyTo(a, part * 8);
                Assert.True(a.AsSpan().SequenceEqual(b) && b.AsSpan().SequenceEqual(c));
                for (var part = 0; part < 8; part++)
                {
                    var (half, bfloat) = (NarrowFloats.RoundHalf(Vector128.Load(x + part * 4)).AsInt32(), NarrowFloats.RoundBFloat16(Vector128.Load(x + part * 4)).AsInt32());
                    var (half256, bfloat256) = (NarrowFloats.RoundHalf(Vector256.Load(x + part / 2 * 8)).AsInt32(), NarrowFloats.RoundBFloat16(Vector256.Load(x + part / 2 * 8)).AsInt32());
                    var (half512, bfloat512) = (NarrowFloats.RoundHalf(Vector512.Load(x + part / 4 * 16)).AsInt32(), NarrowFloats.RoundBFloat16(Vector512.Load(x + part / 4 * 16)).AsInt32());
                    for (var k = 0; k < 4; k++)
                    {
                        Assert.Equal((half[k], bfloat[k]), (half256[part % 2 * 4 + k], bfloat256[part % 2 * 4 + k]));
                        Assert.Equal((half[k], bfloat[k]), (half512[part % 4 * 4 + k], bfloat512[part % 4 * 4 + k]));
                    }
                }
                for (var part = 0; part < 4; part++)
                {
                    var (half, bfloat) = (NarrowFloats.FromHalf(Vector128.Load(n + part * 8)), NarrowFloats.FromBFloat16(Vector128.Load(n + part * 8)));
                    var (half512, bfloat512) = (NarrowFloats.FromHalf(Vector512.Load(n)), NarrowFloats.FromBFloat16(Vector512.Load(n)));
                    var (half256, bfloat256) = (NarrowFloats.FromHalf(Vector256.Load(n + part / 2 * 16)), NarrowFloats.FromBFloat16(Vector256.Load(n + part / 2 * 16)));
                    for (var k = 0; k < 8; k++)
                    {
                        int Bits(float narrow) => BitConverter.SingleToInt32Bits(narrow);
                        var (at, at256) = (part * 8 + k, part % 2 * 8 + k);
                        var expected = (Bits(k < 4 ? half.Lower[k] : half.Upper[k - 4]), Bits(k < 4 ? bfloat.Lower[k] : bfloat.Upper[k - 4]));
                        Assert.Equal(expected, (Bits(at < 16 ? half512.Lower[at] : half512.Upper[at - 16]), Bits(at < 16 ? bfloat512.Lower[at] : bfloat512.Upper[at - 16])));
                        Assert.Equal(expected, (Bits(at256 < 8 ? half256.Lower[at256] : half256.Upper[at256 - 8]), Bits(at256 < 8 ? bfloat256.Lower[at256] : bfloat256.Upper[at256 - 8])));
                    }
                }
            }
    }

    // Behind one another and three apart, in every width.
    [Fact]
    public void A_number_that_is_held_is_stored_with_its_bits()
    {
        void Stored(FromNarrow widen, Action<nint, nint> store)
        {
            var wide = From(widen, everything);
            var to = stackalloc ushort[64];
            for (var i = 0; i < All; i += 16)
            {
                fixed (float* from = &wide[i]) store((nint)from, (nint)to);
                for (var k = 0; k < 16; k++)
                {
                    // What multiplies makes a NaN quiet.
                    var quiet = widen.Method.Name == nameof(NarrowFloats.FromHalf) && float.IsNaN(wide[i + k]) ? 0x200 : 0;
                    Assert.Equal(((i + k) | quiet, (i + k) | quiet), (to[k], to[16 + 3 * k]));
                }
            }
        }
        foreach (var width in new[] { 128, 256, 512 })
        {
            Stored(NarrowFloats.FromHalf, (x, y) =>
            {
                for (var k = 0; k < 16; k += width / 32)
                {
                    var from = (float*)x + k;
                    ushort* to = (ushort*)y + k, apart = (ushort*)y + 16 + 3 * k;
                    if (width == 128) { NarrowFloats.StoreExactHalf(Vector128.Load(from), to); NarrowFloats.ScatterExactHalf(Vector128.Load(from), apart, 3); }
                    else if (width == 256) { NarrowFloats.StoreExactHalf(Vector256.Load(from), to); NarrowFloats.ScatterExactHalf(Vector256.Load(from), apart, 3); }
                    else { NarrowFloats.StoreExactHalf(Vector512.Load(from), to); NarrowFloats.ScatterExactHalf(Vector512.Load(from), apart, 3); }
                }
            });
            Stored(NarrowFloats.FromBFloat16, (x, y) =>
            {
                for (var k = 0; k < 16; k += width / 32)
                {
                    var from = (float*)x + k;
                    ushort* to = (ushort*)y + k, apart = (ushort*)y + 16 + 3 * k;
                    if (width == 128) { NarrowFloats.StoreExactBFloat16(Vector128.Load(from), to); NarrowFloats.ScatterExactBFloat16(Vector128.Load(from), apart, 3); }
                    else if (width == 256) { NarrowFloats.StoreExactBFloat16(Vector256.Load(from), to); NarrowFloats.ScatterExactBFloat16(Vector256.Load(from), apart, 3); }
                    else { NarrowFloats.StoreExactBFloat16(Vector512.Load(from), to); NarrowFloats.ScatterExactBFloat16(Vector512.Load(from), apart, 3); }
                }
            });
        }
        Stored(NarrowFloats.FromHalf, (x, y) => { NarrowFloats.ToExactHalf((float*)x, (ushort*)y, 16); for (var k = 0; k < 16; k++) NarrowFloats.ToExactHalf((float*)x + k, (ushort*)y + 16 + 3 * k, 1); });
        Stored(NarrowFloats.FromBFloat16, (x, y) => { NarrowFloats.ToExactBFloat16((float*)x, (ushort*)y, 16); for (var k = 0; k < 16; k++) NarrowFloats.ToExactBFloat16((float*)x + k, (ushort*)y + 16 + 3 * k, 1); });
    }

    [Fact]
    public void Stretches_of_any_length_are_converted_whole_and_nothing_beside_them()
    {
        for (var length = 0; length < 70; length++)
        {
            ushort[] x = [.. everything.Skip(0x3BF0).Take(length + 1)];
            var (wide, back) = (new float[length + 1], new ushort[length + 1]);
            (wide[length], back[length]) = (-7, 7);
            fixed (ushort* from = x, to = back)
            fixed (float* middle = wide)
            {
                NarrowFloats.FromHalf(from, middle, length);
                NarrowFloats.ToHalf(middle, to, length);
            }
            Assert.Equal((-7f, (ushort)7), (wide[length], back[length]));
            Assert.Equal(x.SkipLast(1), back.SkipLast(1));
            Assert.Equal(x.SkipLast(1).Select(i => (float)OfHalf(i)), wide.SkipLast(1));
        }
    }

    [Theory]
    [InlineData(DType.BF16, 1 + 1.0 / 256 + 1e-12, 1 + 1.0 / 128)]
    [InlineData(DType.BF16, 1 + 1.0 / 256, 1.0)]
    [InlineData(DType.F16, 1 + 1.0 / 2048 + 1e-14, 1 + 1.0 / 1024)]
    [InlineData(DType.F16, 65519.999999, 65504.0)]
    [InlineData(DType.F16, 65520.0, double.PositiveInfinity)]
    [InlineData(DType.BF16, 3.4e38, double.PositiveInfinity)]
    [InlineData(DType.F16, 2.9802322387695312e-8, 0.0)]
    [InlineData(DType.F16, 2.980232238769532e-8, 5.9604644775390625e-8)]
    public void The_reference_rounds_once(DType type, double value, double expected) => Assert.Equal((expected, -expected), (Rounding.Round(value, type), Rounding.Round(-value, type)));

    [Fact]
    public void The_reference_knows_the_same_numbers()
    {
        for (var i = 0; i < All; i++)
            foreach (var (type, value) in new[] { (DType.F16, OfHalf(i)), (DType.BF16, OfBFloat16(i)) })
                if (!double.IsNaN(value)) Assert.Equal(value, Rounding.Round(value, type));
    }

    [Fact]
    public void A_model_of_halves_runs_from_its_spans()
    {
        var (generated, _) = Harness.Generate(Harness.Compile(Harness.Usings + """
            [Model] [Dim("B", Max = 8)] public partial class M
            {
                readonly Parameter w = new([4], Init.Constant(0.3));
                [Entry] public (Tensor, Tensor) Predict([Shape("B", 4)] Tensor<Half> x) => ((x * 3 + w.Cast(ElementType.F16)).Relu(), x.Cast(ElementType.BF16).Sum(1).Cast(ElementType.F32));
            }
            """));
        Assert.Empty(Harness.Analyze(generated));
        Assert.Equal(["done"], Running.With(generated, model =>
        {
            Half[] x = [(Half)0.1f, (Half)(-2), (Half)65504, Half.Epsilon, Half.NaN, (Half)1, (Half)2, (Half)3];
            var (y, sums) = (new Half[8], new float[2]);
            fixed (Half* from = x, to = y)
            fixed (float* s = sums)
                model.Instance.Run("predict", [new(from, 8), new(to, 8), new(s, 2)]);
            for (var i = 0; i < 8; i++) Assert.Equal(Half.IsNaN(x[i]) ? Half.NaN : Half.Max((Half)0, (Half)((float)(Half)((float)x[i] * 3) + (float)(Half)0.3f)), y[i]);
            Assert.Equal((Half.PositiveInfinity, true), (y[2], float.IsNaN(sums[1])));
            return "done";
        }));
    }
}
