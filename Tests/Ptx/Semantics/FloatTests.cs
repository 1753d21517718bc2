using System;
using System.Linq;
using Graph.PtxEmulator;
using Xunit;

namespace Graph.Tests.Ptx;

/// <summary>Float instructions over edge values: to the nearest against the host's arithmetic, all modes against exact fractions.</summary>
public sealed class FloatTests
{
    static float F(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);
    static double D(ulong bits) => BitConverter.UInt64BitsToDouble(bits);

    static void SameFloat(float expected, ulong actual, string what)
    {
        var bits = float.IsNaN(expected) ? 0x7FFFFFFF : BitConverter.SingleToUInt32Bits(expected);
        Assert.True(bits == actual, $"{what} is 0x{actual:x8} ({F(actual)}), expected 0x{bits:x8} ({expected})");
    }

    static readonly (string Name, Rounding Mode)[] Modes = [("rn", Rounding.Nearest), ("rz", Rounding.Zero), ("rm", Rounding.Down), ("rp", Rounding.Up)];

    [Fact]
    public void To_the_nearest_is_what_the_host_computes()
    {
        var (a, b) = Table.Pairs(Table.Floats, Table.Floats);
        void Compare(string name, Func<float, float, float> expected)
        {
            var actual = Table.Run($"{name} {{0}}, {{1}}, {{2}};", PtxType.F32, (PtxType.F32, a), (PtxType.F32, b));
            for (var i = 0; i < a.Length; i++) SameFloat(expected(F(a[i]), F(b[i])), actual[i], $"{name} of {F(a[i])} and {F(b[i])}");
        }
        Compare("add.rn.f32", (x, y) => x + y);
        Compare("sub.rn.f32", (x, y) => x - y);
        Compare("mul.rn.f32", (x, y) => x * y);
        Compare("div.rn.f32", (x, y) => x / y);
        var roots = Table.Run("sqrt.rn.f32 {0}, {1};", PtxType.F32, (PtxType.F32, Table.Floats));
        var inverses = Table.Run("rcp.rn.f32 {0}, {1};", PtxType.F32, (PtxType.F32, Table.Floats));
        for (var i = 0; i < roots.Length; i++)
        {
            SameFloat(MathF.Sqrt(F(Table.Floats[i])), roots[i], $"sqrt of {F(Table.Floats[i])}");
            SameFloat(1 / F(Table.Floats[i]), inverses[i], $"rcp of {F(Table.Floats[i])}");
        }
        var (x, y, z) = Table.Triples(Table.Floats);
        var fma = Table.Run("fma.rn.f32 {0}, {1}, {2}, {3};", PtxType.F32, (PtxType.F32, x), (PtxType.F32, y), (PtxType.F32, z));
        for (var i = 0; i < x.Length; i++) SameFloat(MathF.FusedMultiplyAdd(F(x[i]), F(y[i]), F(z[i])), fma[i], $"fma of {F(x[i])}, {F(y[i])}, {F(z[i])}");
    }

    static double Below(double x) => MathF.BitDecrement((float)x);
    static double Above(double x) => MathF.BitIncrement((float)x);

    [Fact]
    public void Every_mode_rounds_the_exact_result()
    {
        ulong[] finite = [.. Table.Floats.Where(v => float.IsFinite(F(v)))];
        var (a, b) = Table.Pairs(finite, finite);
        foreach (var (name, mode) in Modes)
        {
            void Check(string operation, Func<ExactFloat, ExactFloat, ExactFloat> exact, Func<float, bool>? right = null)
            {
                var actual = Table.Run($"{operation}.{name}.f32 {{0}}, {{1}}, {{2}};", PtxType.F32, (PtxType.F32, a), (PtxType.F32, b));
                for (var i = 0; i < a.Length; i++)
                {
                    if (right is not null && !right(F(b[i]))) continue;
                    var value = exact(ExactFloat.Of(F(a[i])), ExactFloat.Of(F(b[i])));
                    Assert.True(value.RoundsTo(F(actual[i]), mode, Below, Above, float.MaxValue), $"{operation}.{name} of {F(a[i]):R} and {F(b[i]):R} is {F(actual[i]):R}");
                    // … and no neighbour of it is (unless the result is 0 or infinite, which has two faces).
                    if (F(actual[i]) == 0 || !float.IsFinite(F(actual[i]))) continue;
                    Assert.False(value.RoundsTo(Above(F(actual[i])), mode, Below, Above, float.MaxValue));
                    Assert.False(value.RoundsTo(Below(F(actual[i])), mode, Below, Above, float.MaxValue));
                }
            }
            Check("add", (x, y) => x + y);
            Check("sub", (x, y) => x - y);
            Check("mul", (x, y) => x * y);
            Check("div", (x, y) => x / y, y => y != 0);
            var (p, q, r) = Table.Triples([.. finite.Where((_, i) => i % 3 != 0)]);
            var fma = Table.Run($"fma.{name}.f32 {{0}}, {{1}}, {{2}}, {{3}};", PtxType.F32, (PtxType.F32, p), (PtxType.F32, q), (PtxType.F32, r));
            for (var i = 0; i < p.Length; i += 7)
                Assert.True((ExactFloat.Of(F(p[i])) * ExactFloat.Of(F(q[i])) + ExactFloat.Of(F(r[i]))).RoundsTo(F(fma[i]), mode, Below, Above, float.MaxValue), $"fma.{name} of {F(p[i]):R}, {F(q[i]):R}, {F(r[i]):R} is {F(fma[i]):R}");
        }
    }

    [Fact]
    public void Sixty_four_bits_round_in_every_mode()
    {
        ulong[] finite = [.. Table.Doubles.Where(v => double.IsFinite(D(v)))];
        var (a, b) = Table.Pairs(finite, finite);
        foreach (var (name, mode) in Modes)
        {
            void Check(string operation, Func<ExactFloat, ExactFloat, ExactFloat> exact, bool divides = false)
            {
                var actual = Table.Run($"{operation}.{name}.f64 {{0}}, {{1}}, {{2}};", PtxType.F64, (PtxType.F64, a), (PtxType.F64, b));
                for (var i = 0; i < a.Length; i++)
                    if (!(divides && D(b[i]) == 0))
                        Assert.True(exact(ExactFloat.Of(D(a[i])), ExactFloat.Of(D(b[i]))).RoundsTo(D(actual[i]), mode, Math.BitDecrement, Math.BitIncrement, double.MaxValue), $"{operation}.{name}.f64 of {D(a[i]):R} and {D(b[i]):R} is {D(actual[i]):R}");
            }
            Check("add", (x, y) => x + y);
            Check("mul", (x, y) => x * y);
            Check("div", (x, y) => x / y, divides: true);
            var roots = Table.Run($"sqrt.{name}.f64 {{0}}, {{1}};", PtxType.F64, (PtxType.F64, finite));
            for (var i = 0; i < finite.Length; i++)
            {
                if (D(finite[i]) <= 0) continue;
                var (root, square) = (D(roots[i]), ExactFloat.Of(D(finite[i])));
                ExactFloat Squared(double x) => ExactFloat.Of(x) * ExactFloat.Of(x);
                if (mode is Rounding.Down or Rounding.Zero) Assert.True(Squared(root).CompareTo(square) <= 0 && Squared(Math.BitIncrement(root)).CompareTo(square) > 0);
                if (mode == Rounding.Up) Assert.True(Squared(root).CompareTo(square) >= 0 && Squared(Math.BitDecrement(root)).CompareTo(square) < 0);
                if (mode == Rounding.Nearest) Assert.Equal(Math.Sqrt(D(finite[i])), root);
            }
        }
    }

    [Fact]
    public void A_sum_of_nothing_is_minus_zero_only_downwards()
    {
        var (one, minus) = (0x3F800000UL, 0xBF800000UL);
        foreach (var (name, mode) in Modes)
            Assert.Equal(mode == Rounding.Down ? 0x80000000UL : 0UL, Table.Run($"add.{name}.f32 {{0}}, {{1}}, {{2}};", PtxType.F32, (PtxType.F32, [one]), (PtxType.F32, [minus]))[0]);
    }

    [Fact]
    public void Flushing_and_saturating_are_what_they_say()
    {
        var (a, b) = Table.Pairs(Table.Floats, Table.Floats);
        static float Flush(float x) => Math.Abs(x) < 1.17549435E-38f ? MathF.CopySign(0, x) : x;
        var flushed = Table.Run("add.rn.ftz.f32 {0}, {1}, {2};", PtxType.F32, (PtxType.F32, a), (PtxType.F32, b));
        var saturated = Table.Run("mul.rn.sat.f32 {0}, {1}, {2};", PtxType.F32, (PtxType.F32, a), (PtxType.F32, b));
        for (var i = 0; i < a.Length; i++)
        {
            SameFloat(Flush(Flush(F(a[i])) + Flush(F(b[i]))), flushed[i], $"{F(a[i])} + {F(b[i])} flushed");
            var product = F(a[i]) * F(b[i]);
            Assert.Equal(float.IsNaN(product) || product <= 0 ? 0f : Math.Min(1f, product), F(saturated[i]));
        }
    }

    [Fact]
    public void Extremes_ignore_a_NaN_or_hand_it_on()
    {
        var (a, b) = Table.Pairs(Table.Floats, Table.Floats);
        foreach (var name in new[] { "min", "max" })
        {
            var quiet = Table.Run($"{name}.f32 {{0}}, {{1}}, {{2}};", PtxType.F32, (PtxType.F32, a), (PtxType.F32, b));
            var loud = Table.Run($"{name}.NaN.f32 {{0}}, {{1}}, {{2}};", PtxType.F32, (PtxType.F32, a), (PtxType.F32, b));
            for (var i = 0; i < a.Length; i++)
            {
                var (x, y) = (F(a[i]), F(b[i]));
                SameFloat(name == "min" ? Least(x, y) : Greatest(x, y), quiet[i], $"{name} of {x} and {y}");
                SameFloat(float.IsNaN(x) || float.IsNaN(y) ? float.NaN : name == "min" ? Least(x, y) : Greatest(x, y), loud[i], $"{name}.NaN of {x} and {y}");
            }
        }
        static float Least(float x, float y) => float.IsNaN(x) ? y : float.IsNaN(y) ? x : x < y || x == y && float.IsNegative(x) ? x : y;
        static float Greatest(float x, float y) => float.IsNaN(x) ? y : float.IsNaN(y) ? x : x > y || x == y && float.IsPositive(x) ? x : y;
    }

    [Fact]
    public void Signs_are_bits()
    {
        var (a, b) = Table.Pairs(Table.Floats, Table.Floats);
        Assert.Equal(a.Select(v => v ^ 0x80000000), Table.Run("neg.f32 {0}, {1};", PtxType.F32, (PtxType.F32, a)));
        Assert.Equal(a.Select(v => v & 0x7FFFFFFF), Table.Run("abs.f32 {0}, {1};", PtxType.F32, (PtxType.F32, a)));
        Assert.Equal(a.Zip(b, (x, y) => (x & 0x80000000) | (y & 0x7FFFFFFF)), Table.Run("copysign.f32 {0}, {1}, {2};", PtxType.F32, (PtxType.F32, a), (PtxType.F32, b)));
    }

    [Theory]
    [InlineData("eq"), InlineData("ne"), InlineData("lt"), InlineData("le"), InlineData("gt"), InlineData("ge"), InlineData("equ"), InlineData("neu"), InlineData("ltu"), InlineData("leu"), InlineData("gtu"), InlineData("geu"), InlineData("num"), InlineData("nan")]
    public void Comparisons_know_unordered(string name)
    {
        var (a, b) = Table.Pairs(Table.Floats, Table.Floats);
        bool Holds(float x, float y)
        {
            if (float.IsNaN(x) || float.IsNaN(y)) return name is "nan" || name.EndsWith('u') && name.Length == 3;
            return name[..2] switch { "eq" => x == y, "ne" => x != y, "lt" => x < y, "le" => x <= y, "gt" => x > y, "ge" => x >= y, "nu" => true, _ => false };
        }
        var predicate = Table.Run($"setp.{name}.f32 %p1|%p2, {{1}}, {{2}}; selp.u32 {{0}}, 1, 0, %p1; @%p2 add.u32 {{0}}, {{0}}, 2;", PtxType.U32, (PtxType.F32, a), (PtxType.F32, b));
        var value = Table.Run($"set.{name}.u32.f32 {{0}}, {{1}}, {{2}};", PtxType.U32, (PtxType.F32, a), (PtxType.F32, b));
        for (var i = 0; i < a.Length; i++)
        {
            Assert.Equal(Holds(F(a[i]), F(b[i])) ? 1UL : 2UL, predicate[i]);
            Assert.Equal(Holds(F(a[i]), F(b[i])) ? uint.MaxValue : 0UL, value[i]);
        }
    }

    [Fact]
    public void Comparisons_combine_with_a_predicate()
    {
        var (a, b) = Table.Pairs([.. Table.Integers(32)], [.. Table.Integers(32)]);
        foreach (var (how, combine) in new (string, Func<bool, bool, bool>)[] { ("and", (x, y) => x && y), ("or", (x, y) => x || y), ("xor", (x, y) => x != y) })
        {
            var actual = Table.Run($"setp.lo.u32 %p3, {{1}}, 33; setp.lt.{how}.s32 %p1|%p2, {{1}}, {{2}}, !%p3; selp.u32 {{0}}, 1, 0, %p1; @%p2 add.u32 {{0}}, {{0}}, 2;", PtxType.U32, (PtxType.U32, a), (PtxType.U32, b));
            for (var i = 0; i < a.Length; i++)
            {
                var (less, c) = ((int)a[i] < (int)b[i], !(a[i] < 33));
                Assert.Equal((combine(less, c) ? 1UL : 0) + (combine(!less, c) ? 2UL : 0), actual[i]);
            }
        }
    }

    [Fact]
    public void Values_are_told_apart()
    {
        var tests = new (string Name, Func<float, bool> Holds)[] { ("finite", float.IsFinite), ("infinite", float.IsInfinity), ("number", x => !float.IsNaN(x)), ("notanumber", float.IsNaN), ("normal", float.IsNormal), ("subnormal", float.IsSubnormal) };
        foreach (var (name, holds) in tests)
            Assert.Equal(Table.Floats.Select(v => holds(F(v)) ? 1UL : 0), Table.Run($"testp.{name}.f32 %p1, {{1}}; selp.u32 {{0}}, 1, 0, %p1;", PtxType.U32, (PtxType.F32, Table.Floats)));
    }

    [Fact]
    public void Approximations_are_near()
    {
        ulong[] x = [.. Enumerable.Range(1, 400).Select(i => (ulong)BitConverter.SingleToUInt32Bits(i * 0.017f))];
        foreach (var (name, exact, bound) in new (string, Func<double, double>, double)[] { ("ex2.approx.f32", double.Exp2, 3e-7), ("lg2.approx.f32", Math.Log2, 3e-7), ("sin.approx.f32", Math.Sin, 6e-7), ("cos.approx.f32", Math.Cos, 6e-7), ("rsqrt.approx.f32", v => 1 / Math.Sqrt(v), 3e-7), ("tanh.approx.f32", Math.Tanh, 6e-4) })
        {
            var actual = Table.Run($"{name} {{0}}, {{1}};", PtxType.F32, (PtxType.F32, x));
            for (var i = 0; i < x.Length; i++) Assert.InRange(F(actual[i]) - exact(F(x[i])), -bound * Math.Max(1, Math.Abs(exact(F(x[i])))), bound * Math.Max(1, Math.Abs(exact(F(x[i])))));
        }
    }
}
