using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.Ptx;
using Graph.Runtime.Cpu;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>Functions of real numbers have the bits of the CPU's library, and every scalar operation has a row or is written out.</summary>
public sealed class FunctionTests
{
    // What stands for something else in a kernel, or never stands in one.
    static readonly ScalarOp[] Leaves = [ScalarOp.Input, ScalarOp.Constant, ScalarOp.AxisIndex, ScalarOp.LinearIndex, ScalarOp.Dimension];

    [Fact]
    public void Every_operation_is_an_instruction_or_is_written_out()
    {
        foreach (var op in Enum.GetValues<ScalarOp>().Except(Leaves)) Assert.True(PtxScalars.Has(op) != FunctionGraphs.Has(op), $"{op}");
        Assert.All(Leaves, op => Assert.False(PtxScalars.Has(op) || FunctionGraphs.Has(op), $"{op}"));
    }

    [Fact]
    public void Functions_have_the_bits_of_the_processors_library()
    {
        (string Name, Func<float, float> Of)[] functions =
        [
            ("exp", VectorMath.Exp), ("log", VectorMath.Log), ("tanh", VectorMath.Tanh), ("sigmoid", VectorMath.Sigmoid), ("erf", VectorMath.Erf), ("atan", VectorMath.Atan), ("rsqrt", VectorMath.Rsqrt),
            ("sin", VectorMath.Sin), ("cos", VectorMath.Cos),
        ];
        var random = new Random(5);
        float[] x =
        [
            0, -0f, 1, -1, 0.93f, -0.93f, 0.41421356f, 2.41421356f, 88.7f, 89, -103.9f, -104, -87.4f, 20, 1e-40f, -1e-40f, float.Epsilon, 1e30f, -1e30f, 8192, 8192.001f, -8193, 1e5f, 3.3554432e7f, 6.5237e9f, 1.5707964f, 3.1415927f, 16367173f * 18014398509481984f, float.MaxValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN,
            .. Enumerable.Range(0, 3000).Select(_ => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue))),
            .. Enumerable.Range(0, 3000).Select(_ => (random.NextSingle() - 0.5f) * 200), .. Enumerable.Range(0, 3000).Select(_ => (random.NextSingle() - 0.5f) * 4),
        ];
        var program = KernelTests.Parse($"func f(x: f32[{x.Length}]) -> ({string.Join(", ", functions.Select(_ => $"f32[{x.Length}]"))})\n{string.Concat(functions.Select((f, i) => $"  %{i} = {f.Name} x\n"))}  return {string.Join(", ", functions.Select((_, i) => "%" + i))}\n");
        var results = new EmulatedMachine(KernelTests.Lower(program), new() { Strict = false }).Run("f", DimBinding.Empty, new TensorData(DType.F32, [x.Length], [.. x.Select(v => (double)v)]));
        for (var f = 0; f < functions.Length; f++)
            for (var i = 0; i < x.Length; i++)
                Same(functions[f].Of(x[i]), (float)results[f].Real[i], FormattableString.Invariant($"{functions[f].Name}({x[i]:R})"));
    }

    /// <summary>x to the power y, and the remainder of both, at every pair of edges and at random: the CPU's bits.</summary>
    [Fact]
    public void Functions_of_two_numbers_have_the_bits_of_the_processors_library()
    {
        var random = new Random(6);
        float[] edges = [0, -0f, 1, -1, 0.5f, -0.5f, 2, -2, 3, -3, 0.70710677f, 0.70710683f, 1.5f, 16777216, -16777217, 1e-40f, -1e-40f, float.Epsilon, 1e30f, -1e30f, float.MaxValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN];
        var pairs = edges.SelectMany(a => edges.Select(b => (A: a, B: b))).ToList();
        for (var i = 0; i < 3000; i++) pairs.Add((BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)), (random.NextSingle() - 0.5f) * 8));
        for (var i = 0; i < 3000; i++) pairs.Add((BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)), BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue))));
        for (var i = 0; i < 3000; i++) pairs.Add(((random.NextSingle() - 0.2f) * 30, random.Next(-12, 13) * 0.5f));
        var n = pairs.Count;
        var program = KernelTests.Parse($"func f(x: f32[{n}], y: f32[{n}]) -> (f32[{n}], f32[{n}])\n  %0 = pow x, y\n  %1 = remainder x, y\n  return %0, %1\n");
        TensorData Of(Func<(float A, float B), float> of) => new(DType.F32, [n], [.. pairs.Select(p => (double)of(p))]);
        var results = new EmulatedMachine(KernelTests.Lower(program), new() { Strict = false }).Run("f", DimBinding.Empty, Of(p => p.A), Of(p => p.B));
        for (var i = 0; i < n; i++)
        {
            var (a, b) = pairs[i];
            Same(VectorMath.Pow(a, b), (float)results[0].Real[i], FormattableString.Invariant($"{a:R} to the power {b:R}"));
            Same(Lanes.Remainder(a, b), (float)results[1].Real[i], FormattableString.Invariant($"{a:R} % {b:R}"));
        }
    }

    /// <summary>Of integers too: the remainder by 0, which throws on the processor, is 0.</summary>
    [Fact]
    public void Remainders_of_integers_are_those_of_the_processor_and_0_by_0()
    {
        long[] edges = [0, 1, -1, 2, -2, 3, 7, -7, int.MaxValue, int.MinValue, long.MaxValue, long.MinValue];
        var pairs = edges.SelectMany(a => edges.Select(b => (A: a, B: b))).ToList();
        var n = pairs.Count;
        var program = KernelTests.Parse($"func f(x: i64[{n}], y: i64[{n}], u: i32[{n}], v: i32[{n}]) -> (i64[{n}], i32[{n}])\n  %0 = remainder x, y\n  %1 = remainder u, v\n  return %0, %1\n");
        TensorData Of(DType type, Func<(long A, long B), long> of) => new(type, [n], [.. pairs.Select(of)]);
        var results = new EmulatedMachine(KernelTests.Lower(program), new() { Strict = false }).Run(
            "f", DimBinding.Empty, Of(DType.I64, p => p.A), Of(DType.I64, p => p.B), Of(DType.I32, p => (int)p.A), Of(DType.I32, p => (int)p.B));
        for (var i = 0; i < n; i++)
        {
            var (a, b) = pairs[i];
            Assert.Equal(b == 0 ? 0 : Lanes.Remainder(a, b), results[0].Int[i]);
            Assert.Equal((int)b == 0 ? 0 : Lanes.Remainder((int)a, (int)b), (int)results[1].Int[i]);
        }
    }

    static void Same(float expected, float actual, string what) => Assert.True(
        BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(actual) || (float.IsNaN(expected) && float.IsNaN(actual)), FormattableString.Invariant($"{what} is {actual:R}, expected {expected:R}"));

    /// <summary>Divisions by what a launch computes of a divisor: exact for every divisor and number of 31 bits that could be off by one.</summary>
    [Fact]
    public void Reciprocals_divide_exactly()
    {
        var random = new Random(9);
        long[] divisors = [.. Enumerable.Range(1, 300), .. Enumerable.Range(2, 28).SelectMany(i => new[] { (1L << i) - 1, 1L << i, (1L << i) + 1 }), int.MaxValue, .. Enumerable.Range(0, 500).Select(_ => (long)random.Next(1, int.MaxValue))];
        foreach (var d in divisors)
        {
            var (multiplier, shift) = ((ulong)(uint)PtxReciprocal.Of(d), (int)(PtxReciprocal.Of(d) >> 32));
            var last = int.MaxValue / d;
            foreach (var q in new[] { 0, 1, 2, last / 2, last - 1, last }.Concat(Enumerable.Range(0, 20).Select(_ => random.NextInt64(last + 1))))
                foreach (var a in new[] { q * d - 1, q * d, q * d + d - 1 })
                    if (a is >= 0 and <= int.MaxValue) Assert.Equal((ulong)(a / d), (ulong)a * multiplier >> shift);
        }
        Assert.Equal(0, PtxReciprocal.Of(1L << 31));
    }
}
