using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;
using Graph.Tests.Lowering;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>Reductions whose accumulator is several numbers: places of extremes, variances and sums of exponentials in one pass.</summary>
public sealed class TupleReductionTests
{
    static Operation Named(string name) => name switch
    {
        "welford" => new WelfordOperation(),
        "online_logsumexp" => new OnlineLogSumExpOperation(),
        _ => OperationTable.Set[name],
    };

    static AttributeMap Along(params int[] axes) => AttributeMap.Of(("axes", axes), ("keep", false));

    static CompiledFunctions Compile(string name, DType type, int[] sizes, int[] axes, int width = 0) =>
        CompiledFunctions.Of([new(type, new(sizes.Select(s => (Dim)s)))], (b, v) => [b.Node(Named(name), v, Along(axes)).Output], width);

    // Many are equal; as float16 all are what they are.
    static TensorData Numbers(DType type, int[] sizes)
    {
        var count = sizes.Aggregate(1, (a, b) => a * b);
        long[] shape = [.. sizes.Select(s => (long)s)];
        var random = new Random(count);
        return type.IsFloat() ? new(type, shape, [.. Enumerable.Range(0, count).Select(_ => random.Next(-400, 400) / 64.0)]) : new(type, shape, [.. Enumerable.Range(0, count).Select(_ => (long)random.Next(0, type == DType.Bool ? 2 : 90))]);
    }

    public static TheoryData<DType, int[], int[]> Cases()
    {
        var data = new TheoryData<DType, int[], int[]>();
        // Rows as long as a scalar loop, a block and several; columns; several axes; everything; a row of one.
        foreach (var (sizes, axes) in new (int[], int[])[] { ([4, 9], [1]), ([5, 131], [1]), ([3, 1000], [1]), ([100, 40], [0]), ([5, 6, 7], [0, 2]), ([300, 200], [0, 1]), ([4, 1], [1]) }) data.Add(DType.F32, sizes, axes);
        foreach (var type in new[] { DType.F64, DType.F16, DType.BF16, DType.I64, DType.I32, DType.I8, DType.Bool }) data.Add(type, [40, 70], [type is DType.I64 or DType.I8 ? 0 : 1]);
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Kernels_reduce_as_the_reference_does_and_alike_for_every_width(DType type, int[] sizes, int[] axes)
    {
        var x = Numbers(type, sizes);
        string[] names = type.IsFloat() ? ["argmax", "argmin", "welford", "online_logsumexp"] : ["argmax", "argmin"];
        var program = new Program("tuples", [], [], [], OperationTable.Set);
        program = program with { Functions = [.. names.Select(name => Function(program, name, new(type, new(sizes.Select(s => (Dim)s))), axes))] };
        var first = new Dictionary<string, double[]>();
        foreach (var width in new[] { 512, 256, 128 })
        {
            using var compiled = new CompiledFunctions(program, width);
            LoweredTextTests.ReadsBackEqual(compiled.Lowered);
            foreach (var name in names)
            {
                var (expected, actual) = (compiled.Reference(name, x)[0], compiled.Run(name, x)[0]);
                double[] values = [.. Enumerable.Range(0, (int)actual.Size).Select(i => actual[i])];
                var tolerance = name.StartsWith("arg", StringComparison.Ordinal) ? 0 : type switch { DType.F64 => 1e-13, DType.F32 => 2e-5, DType.F16 => 2e-3, _ => 2e-2 };
                for (long i = 0; i < expected.Size; i++) Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i])), $"{name}[{i}] is {expected[i]}, but got {actual[i]}");
                if (!first.TryAdd(name, values)) Assert.Equal(first[name], values);
            }
        }
    }

    static Function Function(Program program, string name, TensorType type, int[] axes)
    {
        var b = new Builder(program, name);
        return b.Build([b.Node(Named(name), [b.Argument(type, "x")], Along(axes)).Output]);
    }

    // As PyTorch: the first of equal ones, and not a number is the largest and the smallest.
    [Theory]
    [InlineData("argmax", new double[] { 1, 7, 3, 7 }, 1)]
    [InlineData("argmin", new double[] { 5, 1, 3, 1 }, 1)]
    [InlineData("argmax", new double[] { 1, double.NaN, 9, double.NaN }, 1)]
    [InlineData("argmin", new double[] { 1, double.NaN, 9, double.NaN }, 1)]
    [InlineData("argmax", new double[] { double.NegativeInfinity, double.NegativeInfinity }, 0)]
    [InlineData("argmin", new double[] { double.PositiveInfinity, double.PositiveInfinity }, 0)]
    [InlineData("argmax", new double[] { double.NegativeInfinity, double.PositiveInfinity, double.NaN }, 2)]
    [InlineData("argmin", new double[] { 0.0, -0.0 }, 0)]
    public void The_place_of_an_extreme_is_PyTorchs(string name, double[] few, int expected)
    {
        // Alone, and behind what neither beats it nor equals it, in a scalar rest and in lanes.
        foreach (var before in new[] { 0, 61, 200 })
        {
            var filler = name == "argmax" ? double.NegativeInfinity : double.PositiveInfinity;
            if (before > 0 && few.All(v => v == filler)) continue;
            double[] row = [.. Enumerable.Repeat(filler, before), .. few];
            var x = new TensorData(DType.F32, [2, row.Length], [.. row, .. row]);
            using var compiled = Compile(name, DType.F32, [2, row.Length], [1]);
            Assert.Equal([before + expected, before + expected], compiled.Run("f", x)[0].Int);
            Assert.Equal([before + expected, before + expected], compiled.Reference("f", x)[0].Int);
        }
    }

    [Fact]
    public void Integers_are_compared_in_all_64_bits()
    {
        using var compiled = Compile("argmin", DType.I64, [2, 3], [1]);
        var x = new TensorData(DType.I64, [2, 3], [9007199254740993L, 9007199254740992, 9007199254740993, long.MaxValue, long.MaxValue, long.MaxValue]);
        Assert.Equal([1L, 0], compiled.Run("f", x)[0].Int);
        Assert.Equal([1L, 0], compiled.Reference("f", x)[0].Int);
    }

    // The value and its place, of a row that is computed: one kernel, and the row is never written.
    [Fact]
    public void An_extreme_and_its_place_are_one_kernel_with_what_they_are_extremes_of()
    {
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(6, 150)), new(DType.F32, Shape.Of(150))], (b, v) =>
        {
            var scores = b.Mul(b.Add(v[0], v[1]), v[0]);
            return [b.Max(scores, 1, keep: false), b.Apply("argmax", [scores], AttributeMap.Of(("axis", 1)))[0], b.Sum(scores, 1, keep: false)];
        });
        Assert.Single(compiled.Lowered.Functions[0].Launches);
        Assert.Contains("fold", compiled.Lowered.Kernels[0].Text, StringComparison.Ordinal);
        TensorData[] x = [Numbers(DType.F32, [6, 150]), Numbers(DType.F32, [150])];
        var (expected, actual) = (compiled.Reference("f", x), compiled.Run("f", x));
        Assert.Equal(expected[0].Real, actual[0].Real);
        Assert.Equal(expected[1].Int, actual[1].Int);
        for (var i = 0; i < 6; i++) Assert.Equal(expected[2].Real[i], actual[2].Real[i], 1e-3);
    }

    [Fact]
    public void Infinities_have_a_sum_of_exponentials()
    {
        using var compiled = Compile("online_logsumexp", DType.F32, [4, 40], [1]);
        var x = Numbers(DType.F32, [4, 40]);
        for (var i = 0; i < 40; i++) (x[i], x[40 + i]) = (double.NegativeInfinity, i == 17 ? double.PositiveInfinity : i % 2 == 0 ? double.NegativeInfinity : 3);
        x[90] = double.NaN;
        foreach (var y in new[] { compiled.Run("f", x)[0], compiled.Reference("f", x)[0] })
        {
            Assert.Equal((double.NegativeInfinity, double.PositiveInfinity, double.NaN), (y[0], y[1], y[2]));
            Assert.True(double.IsFinite(y[3]));
        }
    }

    // Numbers around 10⁴ with a deviation of 1: a float32 of that size is good to 10⁻³. Of a column the mean is added up one by one, which the correction of the second pass makes good; in one pass it cannot be.
    [Theory]
    [InlineData("variance", 1, 1e-5)]
    [InlineData("variance", 0, 1e-5)]
    [InlineData("welford", 1, 1e-2)]
    [InlineData("welford", 0, 1e-2)]
    public void The_variance_of_numbers_far_from_zero(string name, int axis, double limit)
    {
        int[] sizes = axis == 1 ? [4, 4000] : [4000, 4];
        var random = new Random(5);
        var x = new TensorData(DType.F32, [sizes[0], sizes[1]], [.. Enumerable.Range(0, 16000).Select(_ => (double)(float)(10000 + 2 * random.NextDouble()))]);
        using var compiled = CompiledFunctions.Of([new(DType.F32, new(sizes.Select(s => (Dim)s)))], (b, v) => name == "variance" ? b.Apply(name, v, AttributeMap.Of(("axis", axis))) : [b.Node(Named(name), v, Along(axis)).Output]);
        var actual = compiled.Run("f", x)[0];
        for (var k = 0; k < 4; k++)
        {
            double[] line = [.. Enumerable.Range(0, 4000).Select(i => x[axis == 1 ? 4000 * k + i : 4 * i + k])];
            var mean = line.Average();
            var exact = line.Average(v => (v - mean) * (v - mean));
            Assert.InRange(Math.Abs(actual[k] - exact) / exact, 0, limit);
        }
    }
}
