using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.CSharp;
using Graph.Operations;
using Graph.Runtime.Cpu;
using Graph.Tests.Ops;
using Xunit;

namespace Graph.Tests.Cpu;

/// <summary>Generated kernels over tensors of 16 bits: vectors of every width load, compute, round and store as the reference does.</summary>
public class NarrowKernelTests
{
    const int All = 1 << 16;

    public static TheoryData<DType, int> Widths()
    {
        var data = new TheoryData<DType, int>();
        foreach (var type in new[] { DType.F16, DType.BF16 })
            foreach (var width in new[] { 128, 256, 512 }) data.Add(type, width);
        return data;
    }

    static double Exact(DType type, int bits) => type == DType.F16 ? NarrowFloats.FromHalf((ushort)bits) : NarrowFloats.FromBFloat16((ushort)bits);

    static TensorData Of(DType type, long[] shape, IEnumerable<double> values)
    {
        var data = new TensorData(type, shape);
        var i = 0;
        foreach (var value in values) data.Real[i++] = value;
        Assert.Equal(data.Size, i);
        return data;
    }

    static CompiledFunctions Vectorised(TensorType[] operands, Func<Builder, ImmutableArray<Value>, ImmutableArray<Value>> body, int width)
    {
        var compiled = CompiledFunctions.Of(operands, body, width);
        Assert.All(compiled.Lowered.Generated, kernel => Assert.Contains($"{kernel.Name}_{width}(", CSharpTarget.Emit([kernel], KnownTargets.Cpu, "", "Kernels")));
        return compiled;
    }

    static void Equal(double expected, double actual, Func<string> what) =>
        Assert.True(double.IsNaN(expected) ? double.IsNaN(actual) : BitConverter.DoubleToInt64Bits(expected) == BitConverter.DoubleToInt64Bits(actual), $"{what()}: {actual:R}, expected {expected:R}");

    static void Same(TensorData expected, TensorData actual)
    {
        for (long i = 0; i < expected.Size; i++) Equal(expected.Real[i], actual.Real[i], () => $"element {i}");
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void All_numbers_come_through_a_load_and_a_store(DType type, int width)
    {
        using var compiled = Vectorised([new(type, Shape.Of(All + 3))], (b, x) => [b.Cast(x[0], DType.F32), b.Neg(x[0])], width);
        var x = Of(type, [All + 3], Enumerable.Range(0, All + 3).Select(i => Exact(type, i % All)));
        var y = compiled.Run("f", x);
        for (var i = 0; i < All + 3; i++)
        {
            Equal(x.Real[i], y[0].Real[i], () => $"{i:x4}");
            Equal(-x.Real[i], y[1].Real[i], () => $"-{i:x4}");
        }
    }

    // Every number, the middle to the next one (a tie) and what lies beside it, infinities, what overflows, and numbers that are none.
    [Theory]
    [MemberData(nameof(Widths))]
    public void A_store_rounds_ties_to_even(DType type, int width)
    {
        var x = new List<double>();
        var expected = new List<double>();
        for (var bits = 0; bits < All; bits++)
        {
            double low = Exact(type, bits), high = Exact(type, bits + 1 & 0xFFFF);
            if (!double.IsFinite(low)) continue;
            var middle = double.IsFinite(high) ? (low + high) / 2 : low + (low - Exact(type, bits - 1)) / 2;
            x.Add(low);
            expected.Add(low);
            if ((float)middle != middle) continue;
            x.AddRange([middle, MathF.BitIncrement((float)middle), MathF.BitDecrement((float)middle)]);
            var (up, down) = middle > 0 ? (high, low) : (low, high);
            expected.AddRange([bits % 2 == 0 ? low : high, up, down]);
        }
        foreach (var special in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity, float.MaxValue, -float.MaxValue, float.Epsilon, -float.Epsilon })
        {
            x.Add(special);
            expected.Add(special is float.Epsilon ? 0 : special is -float.Epsilon ? -0.0 : Math.Abs(special) == float.MaxValue ? special * 2 * 1e300 : special);
        }
        Assert.True(x.Count > 2 * All);
        using var compiled = Vectorised([new(DType.F32, Shape.Of(x.Count))], (b, v) => [b.Cast(v[0], type)], width);
        var y = compiled.Run("f", Of(DType.F32, [x.Count], x))[0];
        for (var i = 0; i < x.Count; i++) Equal(expected[i], y.Real[i], () => $"{x[i]:R}");
    }

    // Each operation rounds: the interpreter does that after every one of them, and so must each vector.
    [Theory]
    [MemberData(nameof(Widths))]
    public void Arithmetic_rounds_after_each_operation(DType type, int width)
    {
        using var compiled = Vectorised([new(type, Shape.Of(37, 29)), new(type, Shape.Of(29)), new(type, Shape.Of(29, 37))], (b, x) =>
        {
            var sum = b.Add(x[0], x[1]);
            var product = b.Mul(sum, b.Transpose(x[2], [1, 0]));
            var root = b.Sqrt(b.Emit("abs", [product]));
            return [b.Where(b.Less(product, root), b.Div(root, sum), b.Maximum(product, x[0])), b.Sub(b.Cast(product, DType.F32), b.Cast(x[0], DType.F32))];
        }, width);
        var random = new Random(7);
        double Next() => Rounding.Round((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-12, 8)), type);
        TensorData[] x = [Of(type, [37, 29], Enumerable.Range(0, 37 * 29).Select(_ => Next())), Of(type, [29], Enumerable.Range(0, 29).Select(_ => Next())), Of(type, [29, 37], Enumerable.Range(0, 37 * 29).Select(_ => Next()))];
        var (expected, actual) = (compiled.Reference("f", x), compiled.Run("f", x));
        for (var r = 0; r < expected.Length; r++) Same(expected[r], actual[r]);
    }

    [Theory]
    [InlineData(DType.F16)]
    [InlineData(DType.BF16)]
    public void Sums_and_maxima_have_the_same_bits_in_every_width(DType type)
    {
        var random = new Random(3);
        var x = Of(type, [6, 1003], Enumerable.Range(0, 6 * 1003).Select(_ => Rounding.Round(random.NextDouble() - 0.5, type)));
        TensorData[]? first = null;
        foreach (var width in new[] { 128, 256, 512 })
        {
            using var compiled = Vectorised([new(type, Shape.Of(6, 1003))],
                (b, v) => [b.Sum(v[0], 1, false), b.Max(v[0], [1], false), b.Sum(v[0], 0, false)], width);
            var y = compiled.Run("f", x);
            var expected = compiled.Reference("f", x);
            for (var i = 0; i < 6; i++) Assert.Equal(expected[0].Real[i], y[0].Real[i], Math.Abs(expected[0].Real[i]) * (type == DType.F16 ? 1e-3 : 8e-3));
            Same(expected[1], y[1]);
            first ??= y;
            for (var r = 0; r < y.Length; r++) Same(first[r], y[r]);
        }
    }

    // What is compared with a constant is not rounded for it: the constant says where rounding would pass it.
    [Theory]
    [MemberData(nameof(Widths))]
    public void A_comparison_of_a_rounded_number_needs_no_rounding(DType type, int width)
    {
        var x = new List<double> { double.NaN, double.PositiveInfinity, double.NegativeInfinity, float.MaxValue, -float.MaxValue, float.Epsilon, -float.Epsilon, 0, -0.0 };
        for (var bits = 0; bits < All; bits++)
        {
            var (low, high) = (Exact(type, bits), Exact(type, bits + 1 & 0xFFFF));
            if (!double.IsFinite(low) || !double.IsFinite(high) || (bits & 0x3FF) is > 3 and < 0x3FE) continue;
            var middle = (float)((low + high) / 2);
            x.AddRange([low, middle, MathF.BitIncrement(middle), MathF.BitDecrement(middle)]);
        }
        var largest = type == DType.F16 ? 65504 : 3.3895313892515355e38;
        foreach (var bound in new[] { 0, -0.0, 1, -1.5, largest, -largest, Math.Pow(2, -24), double.PositiveInfinity })
        {
            using var compiled = Vectorised([new(DType.F32, Shape.Of(x.Count))], (b, v) =>
            {
                var (rounded, constant) = (b.Cast(v[0], type), b.Full(bound, new(type, Shape.Of(x.Count))));
                var larger = b.Less(constant, b.Maximum(rounded, constant));
                return [.. new[] { b.Less(constant, rounded), b.Less(rounded, constant), b.LessEqual(constant, rounded), b.LessEqual(rounded, constant), larger }.Select(c => b.Cast(c, DType.F32))];
            }, width);
            if (double.IsFinite(bound)) Assert.DoesNotContain("Round", CSharpTarget.Emit([.. compiled.Lowered.Generated], KnownTargets.Cpu, "", "Kernels"), StringComparison.Ordinal);
            var y = compiled.Run("f", Of(DType.F32, [x.Count], x));
            for (var i = 0; i < x.Count; i++)
            {
                var rounded = Rounding.Round(x[i], type);
                var expected = new[] { bound < rounded, rounded < bound, bound <= rounded, rounded <= bound, bound < rounded };
                for (var r = 0; r < expected.Length; r++) Assert.True(expected[r] == (y[r].Real[i] != 0), $"{r}: {x[i]:R} beside {bound:R}");
            }
        }
    }

    // A number that is rounded, read again and stored is rounded once; the store of what its type holds keeps every bit, in every width and at every distance.
    [Theory]
    [MemberData(nameof(Widths))]
    public void What_was_rounded_is_stored_as_it_is(DType type, int width)
    {
        var count = All / 64;
        using var compiled = Vectorised([new(type, Shape.Of(64, count)), new(type, Shape.Of(64, count))], (b, x) =>
        {
            var sum = b.Add(x[0], x[1]);
            return [sum, b.Cast(sum, DType.F32), b.Add(b.Transpose(sum, [1, 0]), b.Transpose(x[1], [1, 0]))];
        }, width);
        Assert.Contains("StoreExact", CSharpTarget.Emit([.. compiled.Lowered.Generated], KnownTargets.Cpu, "", "Kernels"), StringComparison.Ordinal);
        var random = new Random(5);
        TensorData[] x = [Of(type, [64, count], Enumerable.Range(0, All).Select(i => Exact(type, i))), Of(type, [64, count], Enumerable.Range(0, All).Select(i => i % 3 == 0 ? 0 : Exact(type, random.Next(All))))];
        var (expected, actual) = (compiled.Reference("f", x), compiled.Run("f", x));
        for (var r = 0; r < expected.Length; r++) Same(expected[r], actual[r]);
    }
}
