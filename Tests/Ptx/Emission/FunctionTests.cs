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

    // Whose bits are not those of the CPU yet: refused, with the operation's name.
    static readonly ScalarOp[] Missing = [ScalarOp.Sin, ScalarOp.Cos, ScalarOp.Pow];

    [Fact]
    public void Every_operation_is_an_instruction_or_is_written_out_or_is_known_to_be_missing()
    {
        foreach (var op in Enum.GetValues<ScalarOp>().Except(Leaves).Except(Missing)) Assert.True(PtxScalars.Has(op) != FunctionGraphs.Has(op), $"{op}");
        Assert.All(Leaves.Concat(Missing), op => Assert.False(PtxScalars.Has(op) || FunctionGraphs.Has(op), $"{op}"));
    }

    [Fact]
    public void What_is_missing_is_refused_by_name() => Assert.Contains(
        "Sin", Assert.Throws<NotSupportedException>(() => PtxTarget.Emit(KernelTests.Lower(KernelTests.Parse("func f(x: f32[B]) -> (f32[B])\n  %0 = sin x\n  return %0\n")))).Message, StringComparison.Ordinal);

    [Fact]
    public void Functions_have_the_bits_of_the_processors_library()
    {
        (string Name, Func<float, float> Of)[] functions =
        [
            ("exp", VectorMath.Exp), ("log", VectorMath.Log), ("tanh", VectorMath.Tanh), ("sigmoid", VectorMath.Sigmoid), ("erf", VectorMath.Erf), ("atan", VectorMath.Atan), ("rsqrt", VectorMath.Rsqrt),
        ];
        var random = new Random(5);
        float[] x =
        [
            0, -0f, 1, -1, 0.93f, -0.93f, 0.41421356f, 2.41421356f, 88.7f, 89, -103.9f, -104, -87.4f, 20, 1e-40f, -1e-40f, float.Epsilon, 1e30f, -1e30f, float.MaxValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN,
            .. Enumerable.Range(0, 3000).Select(_ => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue))),
            .. Enumerable.Range(0, 3000).Select(_ => (random.NextSingle() - 0.5f) * 200), .. Enumerable.Range(0, 3000).Select(_ => (random.NextSingle() - 0.5f) * 4),
        ];
        var program = KernelTests.Parse($"func f(x: f32[{x.Length}]) -> ({string.Join(", ", functions.Select(_ => $"f32[{x.Length}]"))})\n{string.Concat(functions.Select((f, i) => $"  %{i} = {f.Name} x\n"))}  return {string.Join(", ", functions.Select((_, i) => "%" + i))}\n");
        var results = new EmulatedMachine(KernelTests.Lower(program), new() { Strict = false }).Run("f", DimBinding.Empty, new TensorData(DType.F32, [x.Length], [.. x.Select(v => (double)v)]));
        for (var f = 0; f < functions.Length; f++)
            for (var i = 0; i < x.Length; i++)
            {
                var (expected, actual) = (functions[f].Of(x[i]), (float)results[f].Real[i]);
                Assert.True(BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(actual) || (float.IsNaN(expected) && float.IsNaN(actual)), FormattableString.Invariant($"{functions[f].Name}({x[i]:R}) is {actual:R}, expected {expected:R}"));
            }
    }
}
