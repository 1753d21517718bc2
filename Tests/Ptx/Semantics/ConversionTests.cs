using System;
using System.Linq;
using System.Numerics;
using Graph.PtxEmulator;
using Xunit;

namespace Graph.Tests.Ptx;

/// <summary>cvt between all types, all halves among them.</summary>
public sealed class ConversionTests
{
    static readonly ulong[] AllHalves = [.. Enumerable.Range(0, 65536).Select(i => (ulong)i)];
    static float F(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    [Fact]
    public void Every_half_becomes_the_float_that_it_is()
    {
        var actual = Table.Run("cvt.f32.f16 {0}, {1};", PtxType.F32, (PtxType.B16, AllHalves));
        for (var i = 0; i < actual.Length; i++)
        {
            var half = BitConverter.UInt16BitsToHalf((ushort)i);
            Assert.Equal(Half.IsNaN(half) ? 0x7FFFFFFFu : BitConverter.SingleToUInt32Bits((float)half), actual[i]);
        }
        var doubles = Table.Run("cvt.f64.f16 {0}, {1};", PtxType.F64, (PtxType.B16, AllHalves));
        for (var i = 0; i < doubles.Length; i++)
            if (!Half.IsNaN(BitConverter.UInt16BitsToHalf((ushort)i))) Assert.Equal((double)BitConverter.UInt16BitsToHalf((ushort)i), BitConverter.UInt64BitsToDouble(doubles[i]));
        var brains = Table.Run("cvt.f32.bf16 {0}, {1};", PtxType.F32, (PtxType.B16, AllHalves));
        for (var i = 0; i < brains.Length; i++) Assert.Equal(float.IsNaN(F((ulong)i << 16)) ? 0x7FFFFFFFul : (ulong)i << 16, brains[i]);
    }

    [Fact]
    public void Floats_become_halves_with_one_rounding()
    {
        // Every half, the middle between it and the next, and the floats on both sides of that.
        ulong[] floats = [.. Enumerable.Range(0, 0x7C00).SelectMany(i =>
        {
            var (here, next) = ((float)BitConverter.UInt16BitsToHalf((ushort)i), i == 0x7BFF ? 65536f : (float)BitConverter.UInt16BitsToHalf((ushort)(i + 1)));
            var middle = (here + next) / 2;
            return new[] { here, MathF.BitDecrement(middle), -middle, MathF.BitIncrement(middle) };
        }).Select(f => (ulong)BitConverter.SingleToUInt32Bits(f)), .. Table.Floats];
        var nearest = Table.Run("cvt.rn.f16.f32 {0}, {1};", PtxType.B16, (PtxType.F32, floats));
        var zero = Table.Run("cvt.rz.f16.f32 {0}, {1};", PtxType.B16, (PtxType.F32, floats));
        var up = Table.Run("cvt.rp.f16.f32 {0}, {1};", PtxType.B16, (PtxType.F32, floats));
        for (var i = 0; i < floats.Length; i++)
        {
            var x = F(floats[i]);
            if (float.IsNaN(x)) { Assert.Equal(0x7FFFul, nearest[i]); continue; }
            Assert.Equal(BitConverter.HalfToUInt16Bits((Half)x), nearest[i]);
            var (z, p) = ((float)BitConverter.UInt16BitsToHalf((ushort)zero[i]), BitConverter.UInt16BitsToHalf((ushort)up[i]));
            Assert.True(MathF.Abs(z) <= MathF.Abs(x) && (float.IsInfinity(x) || MathF.Abs((float)Half.BitIncrement(Half.Abs((Half)z))) > MathF.Abs(x)), $"{x} towards zero is {z}");
            Assert.True((float)p >= x && (float.IsInfinity(x) || (float)Half.BitDecrement(p) < x), $"{x} upwards is {p}");
        }
    }

    [Fact]
    public void Floats_become_brain_floats_as_integer_arithmetic_says()
    {
        var random = new Random(3);
        ulong[] floats = [.. Table.Floats, .. Enumerable.Range(0, 4000).Select(_ => (ulong)random.NextInt64(1L << 32)), 0x3F808000, 0x3F818000, 0x7F7FFFFF, 0x7F7F8000, 0x7F7F7FFF, 0x00008000, 0x00018000];
        var actual = Table.Run("cvt.rn.bf16.f32 {0}, {1};", PtxType.B16, (PtxType.F32, floats));
        var packed = Table.Run("cvt.rn.bf16x2.f32 {0}, {1}, {2};", PtxType.B32, (PtxType.F32, floats), (PtxType.F32, [.. floats.Reverse()]));
        static ulong Expected(ulong bits) => float.IsNaN(F(bits)) ? 0x7FFF : (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
        for (var i = 0; i < floats.Length; i++)
        {
            Assert.Equal(Expected(floats[i]), actual[i]);
            Assert.Equal(Expected(floats[i]) << 16 | Expected(floats[^(i + 1)]), packed[i]);
        }
    }

    [Fact]
    public void A_pair_of_halves_has_the_first_operand_above()
        => Assert.Equal(0x3C00_4000UL, Table.Run("cvt.rn.f16x2.f32 {0}, {1}, {2};", PtxType.B32, (PtxType.F32, [0x3F800000]), (PtxType.F32, [0x40000000]))[0]);

    [Fact]
    public void Tf32_keeps_ten_bits_and_ties_go_away_from_zero()
    {
        ulong[] floats = [0x3F801000, 0x3F800FFF, 0xBF801000, 0x3F803000, 0x7F7FFFFF, 0x7F800000, 0x00001000];
        Assert.Equal([0x3F802000, 0x3F800000, 0xBF802000, 0x3F804000, 0x7F800000, 0x7F800000, 0x00002000], Table.Run("cvt.rna.tf32.f32 {0}, {1};", PtxType.B32, (PtxType.F32, floats)));
    }

    static readonly PtxType[] Integers = [PtxType.U8, PtxType.S8, PtxType.U16, PtxType.S16, PtxType.U32, PtxType.S32, PtxType.U64, PtxType.S64];

    static BigInteger Value(ulong bits, PtxType type)
    {
        var width = 8 * type.Size();
        bits &= width == 64 ? ulong.MaxValue : (1UL << width) - 1;
        return type.IsSigned() && (bits >> (width - 1) & 1) != 0 ? (BigInteger)bits - (BigInteger.One << width) : bits;
    }

    static (BigInteger Least, BigInteger Greatest) Range(PtxType type)
    {
        var width = 8 * type.Size();
        return type.IsSigned() ? (-(BigInteger.One << (width - 1)), (BigInteger.One << (width - 1)) - 1) : (0, (BigInteger.One << width) - 1);
    }

    [Fact]
    public void Integers_are_cut_extended_or_clamped()
    {
        foreach (var from in Integers)
            foreach (var to in Integers)
            {
                var values = Table.Integers(8 * from.Size());
                var plain = Table.Run($"cvt.{to.Name()}.{from.Name()} {{0}}, {{1}};", to, (from, values));
                var clamped = Table.Run($"cvt.sat.{to.Name()}.{from.Name()} {{0}}, {{1}};", to, (from, values));
                for (var i = 0; i < values.Length; i++)
                {
                    var value = Value(values[i], from);
                    var (least, greatest) = Range(to);
                    Assert.Equal(Value((ulong)(value & ulong.MaxValue), to), Value(plain[i], to));
                    Assert.Equal(BigInteger.Max(least, BigInteger.Min(greatest, value)), Value(clamped[i], to));
                }
            }
    }

    [Fact]
    public void A_wide_register_gets_the_extended_value()
    {
        Assert.Equal(0xFFFFFF80UL, Table.Run("cvt.s8.s32 {0}, {1};", PtxType.B32, (PtxType.B32, [0x180]))[0]);
        Assert.Equal(0x80UL, Table.Run("cvt.u8.u32 {0}, {1};", PtxType.B32, (PtxType.B32, [0x180]))[0]);
    }

    [Fact]
    public void Floats_become_integers_clamped_and_NaN_becomes_zero()
    {
        foreach (var to in Integers)
            foreach (var (mode, round) in new (string, Func<double, double>)[] { ("rni", x => Math.Round(x, MidpointRounding.ToEven)), ("rzi", Math.Truncate), ("rmi", Math.Floor), ("rpi", Math.Ceiling) })
            {
                void Check(PtxType from, ulong[] values, Func<ulong, double> of)
                {
                    var actual = Table.Run($"cvt.{mode}.{to.Name()}.{from.Name()} {{0}}, {{1}};", to, (from, values));
                    for (var i = 0; i < values.Length; i++)
                    {
                        var x = of(values[i]);
                        var (least, greatest) = Range(to);
                        var expected = double.IsNaN(x) ? 0 : double.IsInfinity(x) ? x > 0 ? greatest : least : BigInteger.Max(least, BigInteger.Min(greatest, new BigInteger(round(x))));
                        Assert.True(expected == Value(actual[i], to), $"cvt.{mode}.{to.Name()}.{from.Name()} of {x} is {Value(actual[i], to)}, expected {expected}");
                    }
                }
                Check(PtxType.F32, Table.Floats, v => F(v));
                Check(PtxType.F64, Table.Doubles, BitConverter.UInt64BitsToDouble);
                Check(PtxType.F16, [0, 0x3800, 0x3E00, 0x4100, 0xC100, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 1], v => (double)BitConverter.UInt16BitsToHalf((ushort)v));
            }
    }

    [Fact]
    public void Integers_become_floats_in_every_mode()
    {
        foreach (var from in Integers)
            foreach (var (name, mode) in new[] { ("rn", Rounding.Nearest), ("rz", Rounding.Zero), ("rm", Rounding.Down), ("rp", Rounding.Up) })
            {
                var values = Table.Integers(8 * from.Size());
                var single = Table.Run($"cvt.{name}.f32.{from.Name()} {{0}}, {{1}};", PtxType.F32, (from, values));
                var wide = Table.Run($"cvt.{name}.f64.{from.Name()} {{0}}, {{1}};", PtxType.F64, (from, values));
                for (var i = 0; i < values.Length; i++)
                {
                    var exact = new ExactFloat(Value(values[i], from), 1);
                    Assert.True(exact.RoundsTo(F(single[i]), mode, x => MathF.BitDecrement((float)x), x => MathF.BitIncrement((float)x), float.MaxValue), $"{name}.f32 of {exact.Numerator} is {F(single[i]):R}");
                    Assert.True(exact.RoundsTo(BitConverter.UInt64BitsToDouble(wide[i]), mode, Math.BitDecrement, Math.BitIncrement, double.MaxValue), $"{name}.f64 of {exact.Numerator} is {BitConverter.UInt64BitsToDouble(wide[i]):R}");
                }
            }
    }

    [Fact]
    public void Doubles_become_floats_in_every_mode()
    {
        foreach (var (name, mode) in new[] { ("rn", Rounding.Nearest), ("rz", Rounding.Zero), ("rm", Rounding.Down), ("rp", Rounding.Up) })
        {
            ulong[] finite = [.. Table.Doubles.Where(v => double.IsFinite(BitConverter.UInt64BitsToDouble(v)))];
            var actual = Table.Run($"cvt.{name}.f32.f64 {{0}}, {{1}};", PtxType.F32, (PtxType.F64, finite));
            for (var i = 0; i < finite.Length; i++)
                Assert.True(ExactFloat.Of(BitConverter.UInt64BitsToDouble(finite[i])).RoundsTo(F(actual[i]), mode, x => MathF.BitDecrement((float)x), x => MathF.BitIncrement((float)x), float.MaxValue), $"{name} of {BitConverter.UInt64BitsToDouble(finite[i]):R} is {F(actual[i]):R}");
        }
    }

    [Fact]
    public void Floats_are_rounded_to_integers_or_saturated_in_place()
    {
        var whole = Table.Run("cvt.rni.f32.f32 {0}, {1};", PtxType.F32, (PtxType.F32, Table.Floats));
        var unit = Table.Run("cvt.sat.f32.f32 {0}, {1};", PtxType.F32, (PtxType.F32, Table.Floats));
        for (var i = 0; i < whole.Length; i++)
        {
            var x = F(Table.Floats[i]);
            Assert.Equal(float.IsNaN(x) ? 0x7FFFFFFFu : BitConverter.SingleToUInt32Bits(MathF.Round(x, MidpointRounding.ToEven)), whole[i]);
            Assert.Equal(x > 0 ? MathF.Min(x, 1) : 0, F(unit[i]));
        }
    }
}
