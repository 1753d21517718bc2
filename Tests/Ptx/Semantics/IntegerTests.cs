using System;
using System.Linq;
using System.Numerics;
using Graph.PtxEmulator;
using Xunit;

namespace Graph.Tests.Ptx;

/// <summary>Integer instructions over edge values, against unbounded integers.</summary>
public sealed class IntegerTests
{
    static BigInteger Value(ulong bits, PtxType type)
    {
        var width = 8 * type.Size();
        BigInteger value = bits;
        return type.IsSigned() && (bits >> (width - 1) & 1) != 0 ? value - (BigInteger.One << width) : value;
    }

    static ulong Wrap(BigInteger value, int bits) => (ulong)(value & ((BigInteger.One << bits) - 1));

    static void Compare(string instruction, PtxType type, PtxType result, Func<BigInteger, BigInteger, BigInteger> expected, Func<BigInteger, bool>? right = null)
    {
        var values = Table.Integers(8 * type.Size());
        var (a, b) = Table.Pairs(values, right is null ? values : [.. values.Where(v => right(Value(v, type)))]);
        var actual = Table.Run(instruction, result, (type, a), (type, b));
        for (var i = 0; i < a.Length; i++)
        {
            var right64 = Wrap(expected(Value(a[i], type), Value(b[i], type)), 8 * result.Size());
            Assert.True(right64 == actual[i], $"{instruction} of 0x{a[i]:x} and 0x{b[i]:x} is 0x{actual[i]:x}, expected 0x{right64:x}");
        }
    }

    public static TheoryData<PtxType> Types => [PtxType.U16, PtxType.U32, PtxType.U64, PtxType.S16, PtxType.S32, PtxType.S64];

    [Theory, MemberData(nameof(Types))]
    public void Arithmetic_wraps(PtxType type)
    {
        var (t, bits) = (type.Name(), 8 * type.Size());
        Compare($"add.{t} {{0}}, {{1}}, {{2}};", type, type, (a, b) => a + b);
        Compare($"sub.{t} {{0}}, {{1}}, {{2}};", type, type, (a, b) => a - b);
        Compare($"mul.lo.{t} {{0}}, {{1}}, {{2}};", type, type, (a, b) => a * b);
        Compare($"mul.hi.{t} {{0}}, {{1}}, {{2}};", type, type, (a, b) => (a * b) >> bits);
        Compare($"mad.lo.{t} {{0}}, {{1}}, {{2}}, {{1}};", type, type, (a, b) => a * b + a);
        Compare($"mad.hi.{t} {{0}}, {{1}}, {{2}}, {{1}};", type, type, (a, b) => ((a * b) >> bits) + a);
        Compare($"min.{t} {{0}}, {{1}}, {{2}};", type, type, BigInteger.Min);
        Compare($"max.{t} {{0}}, {{1}}, {{2}};", type, type, BigInteger.Max);
        Compare($"div.{t} {{0}}, {{1}}, {{2}};", type, type, BigInteger.Divide, b => !b.IsZero);
        Compare($"rem.{t} {{0}}, {{1}}, {{2}};", type, type, BigInteger.Remainder, b => !b.IsZero);
        if (!type.IsSigned()) return;
        Compare($"neg.{t} {{0}}, {{1}};", type, type, (a, _) => -a);
        Compare($"abs.{t} {{0}}, {{1}};", type, type, (a, _) => BigInteger.Abs(a));
    }

    [Fact]
    public void Saturating_addition_stays_at_the_ends()
    {
        static BigInteger Clamp(BigInteger v) => BigInteger.Max(int.MinValue, BigInteger.Min(int.MaxValue, v));
        Compare("add.sat.s32 {0}, {1}, {2};", PtxType.S32, PtxType.S32, (a, b) => Clamp(a + b));
        Compare("sub.sat.s32 {0}, {1}, {2};", PtxType.S32, PtxType.S32, (a, b) => Clamp(a - b));
    }

    [Theory]
    [InlineData(PtxType.U16, PtxType.U32), InlineData(PtxType.S16, PtxType.S32), InlineData(PtxType.U32, PtxType.U64), InlineData(PtxType.S32, PtxType.S64)]
    public void Wide_products_lose_nothing(PtxType type, PtxType wide)
    {
        Compare($"mul.wide.{type.Name()} {{0}}, {{1}}, {{2}};", type, wide, (a, b) => a * b);
        Compare($"mul.wide.{type.Name()} {{0}}, {{1}}, {{2}}; mad.wide.{type.Name()} {{0}}, {{1}}, {{2}}, {{0}};", type, wide, (a, b) => 2 * a * b);
    }

    [Theory]
    [InlineData("b16"), InlineData("b32"), InlineData("b64")]
    public void Bits_are_combined(string name)
    {
        PtxTypes.TryParse(name, out var type);
        Compare($"and.{name} {{0}}, {{1}}, {{2}};", type, type, (a, b) => a & b);
        Compare($"or.{name} {{0}}, {{1}}, {{2}};", type, type, (a, b) => a | b);
        Compare($"xor.{name} {{0}}, {{1}}, {{2}};", type, type, (a, b) => a ^ b);
        Compare($"not.{name} {{0}}, {{1}};", type, type, (a, _) => -1 - a);
        Compare($"cnot.{name} {{0}}, {{1}};", type, type, (a, _) => a.IsZero ? 1 : 0);
    }

    [Fact]
    public void Shifts_beyond_the_width_shift_everything_out()
    {
        ulong[] amounts = [0, 1, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 0x80000000, 0xFFFFFFFF];
        foreach (var type in new[] { PtxType.B16, PtxType.B32, PtxType.B64, PtxType.U16, PtxType.U32, PtxType.U64, PtxType.S16, PtxType.S32, PtxType.S64 })
        {
            var bits = 8 * type.Size();
            var (a, n) = Table.Pairs(Table.Integers(bits), amounts);
            var right = Table.Run($"shr.{type.Name()} {{0}}, {{1}}, {{2}};", type, (type, a), (PtxType.U32, n));
            for (var i = 0; i < a.Length; i++) Assert.Equal(Wrap(Value(a[i], type) >> (int)Math.Min(n[i], 200), bits), right[i]);
            if (!type.IsBits()) continue;
            var left = Table.Run($"shl.{type.Name()} {{0}}, {{1}}, {{2}};", type, (type, a), (PtxType.U32, n));
            for (var i = 0; i < a.Length; i++) Assert.Equal(Wrap(Value(a[i], type) << (int)Math.Min(n[i], 200), bits), left[i]);
        }
    }

    [Fact]
    public void Funnel_shifts_take_a_word_out_of_two()
    {
        ulong[] amounts = [0, 1, 5, 31, 32, 33, 40, 0xFFFFFFFF];
        var (ab, n) = Table.Pairs([.. Table.Integers(64)], amounts);
        ulong[] a = [.. ab.Select(v => v & uint.MaxValue)], b = [.. ab.Select(v => v >> 32)];
        foreach (var (mode, left, wrap) in new[] { ("l.clamp", true, false), ("r.clamp", false, false), ("l.wrap", true, true), ("r.wrap", false, true) })
        {
            var actual = Table.Run($"shf.{mode}.b32 {{0}}, {{1}}, {{2}}, {{3}};", PtxType.B32, (PtxType.B32, a), (PtxType.B32, b), (PtxType.U32, n));
            for (var i = 0; i < a.Length; i++)
            {
                var amount = (int)(wrap ? n[i] & 31 : Math.Min(32, n[i]));
                var whole = new BigInteger(ab[i]);
                Assert.Equal(Wrap(left ? (whole << amount) >> 32 : whole >> amount, 32), actual[i]);
            }
        }
    }

    [Fact]
    public void Bits_are_counted_and_turned_around()
    {
        foreach (var bits in new[] { 32, 64 })
        {
            PtxTypes.TryParse($"b{bits}", out var type);
            var values = Table.Integers(bits);
            string Binary(ulong v) => Convert.ToString((long)v, 2).PadLeft(64, '0')[(64 - bits)..];
            Assert.Equal(values.Select(v => (ulong)Binary(v).Count(c => c == '1')), Table.Run($"popc.b{bits} {{0}}, {{1}};", PtxType.U32, (type, values)));
            Assert.Equal(values.Select(v => (ulong)Binary(v).TakeWhile(c => c == '0').Count()), Table.Run($"clz.b{bits} {{0}}, {{1}};", PtxType.U32, (type, values)));
            Assert.Equal(values.Select(v => Convert.ToUInt64(new string([.. Binary(v).Reverse()]), 2)), Table.Run($"brev.b{bits} {{0}}, {{1}};", type, (type, values)));
        }
    }

    [Theory]
    [InlineData(PtxType.U32), InlineData(PtxType.S32), InlineData(PtxType.U64), InlineData(PtxType.S64)]
    public void Fields_are_taken_out_with_their_sign(PtxType type)
    {
        var bits = 8 * type.Size();
        ulong[] places = [0, 1, 7, 31, 32, 40, 63, 64, 200, 255, 256 + 3];
        var (value, pair) = Table.Pairs(Table.Integers(bits), [.. places.SelectMany(p => places.Select(l => p << 32 | l))]);
        ulong[] position = [.. pair.Select(p => p >> 32)], length = [.. pair.Select(p => p & uint.MaxValue)];
        var actual = Table.Run($"bfe.{type.Name()} {{0}}, {{1}}, {{2}}, {{3}};", type, (type, value), (PtxType.U32, position), (PtxType.U32, length));
        for (var i = 0; i < value.Length; i++)
        {
            // The specification's own words: sbit is bit min(pos + len - 1, msb) of a signed value.
            var (pos, len) = ((int)(position[i] & 255), (int)(length[i] & 255));
            var msb = bits - 1;
            var sign = !type.IsSigned() || len == 0 ? 0 : value[i] >> Math.Min(pos + len - 1, msb) & 1;
            ulong expected = 0;
            for (var k = 0; k <= msb; k++) expected |= (k < len && pos + k <= msb ? value[i] >> (pos + k) & 1 : sign) << k;
            Assert.Equal(expected, actual[i]);
        }
    }

    [Fact]
    public void Fields_are_put_in()
    {
        var random = new Random(1);
        foreach (var bits in new[] { 32, 64 })
        {
            PtxTypes.TryParse($"b{bits}", out var type);
            var mask = bits == 64 ? ulong.MaxValue : uint.MaxValue;
            ulong[] a = [.. Enumerable.Range(0, 300).Select(_ => (ulong)random.NextInt64() & mask)], b = [.. a.Select(_ => (ulong)random.NextInt64() & mask)];
            ulong[] pos = [.. a.Select(_ => (ulong)random.Next(0, 80))], len = [.. a.Select(_ => (ulong)random.Next(0, 80))];
            var actual = Table.Run($"bfi.b{bits} {{0}}, {{1}}, {{2}}, {{3}}, {{4}};", type, (type, a), (type, b), (PtxType.U32, pos), (PtxType.U32, len));
            for (var i = 0; i < a.Length; i++)
            {
                var field = ((BigInteger.One << (int)len[i]) - 1) << (int)pos[i];
                Assert.Equal(Wrap((b[i] & ~field) | (((BigInteger)a[i] << (int)pos[i]) & field), bits), actual[i]);
            }
        }
    }

    [Fact]
    public void Every_table_of_three_operands()
    {
        ulong[] a = [0b11110000], b = [0b11001100], c = [0b10101010]; // entry k of the table is then bit k of the result
        for (var table = 0; table < 256; table++)
            Assert.Equal((ulong)table, Table.Run($"lop3.b32 {{0}}, {{1}}, {{2}}, {{3}}, {table};", PtxType.B32, (PtxType.B32, a), (PtxType.B32, b), (PtxType.B32, c))[0] & 0xFF);
    }

    [Fact]
    public void Bytes_are_permuted()
    {
        var random = new Random(2);
        ulong[] a = [.. Enumerable.Range(0, 200).Select(_ => (ulong)random.NextInt64() & uint.MaxValue)], b = [.. a.Select(_ => (ulong)random.NextInt64() & uint.MaxValue)], s = [.. a.Select(_ => (ulong)random.NextInt64() & uint.MaxValue)];
        var actual = Table.Run("prmt.b32 {0}, {1}, {2}, {3};", PtxType.B32, (PtxType.B32, a), (PtxType.B32, b), (PtxType.B32, s));
        for (var i = 0; i < a.Length; i++)
        {
            var bytes = BitConverter.GetBytes((uint)a[i]).Concat(BitConverter.GetBytes((uint)b[i])).ToArray();
            var expected = Enumerable.Range(0, 4).Select(k => (int)(s[i] >> (4 * k)) & 15).Select(n => n < 8 ? bytes[n] : bytes[n - 8] >= 128 ? (byte)255 : (byte)0).ToArray();
            Assert.Equal(BitConverter.ToUInt32(expected), (uint)actual[i]);
        }
    }
}
