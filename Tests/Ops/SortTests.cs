using System;
using System.Linq;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Runtime.Cpu;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>A kernel of the library that reads and writes through strides: what lies in front of it and behind it needs no copy.</summary>
public sealed class SortTests
{
    static AttributeMap With(int axis, bool descending = false) => AttributeMap.Of(("axis", axis), ("descending", descending));

    static TensorData Numbers(params long[] shape) => new(DType.F32, shape, [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(i => (double)(i * 7919 % 53))]);

    static void Agree(CompiledFunctions compiled, params TensorData[] x)
    {
        var (expected, actual) = (compiled.Reference("f", x), compiled.Run("f", x));
        for (var r = 0; r < expected.Length; r++)
            for (long i = 0; i < expected[r].Size; i++) Assert.True(expected[r][i].Equals(actual[r][i]), $"result {r}[{i}]: {actual[r][i]} instead of {expected[r][i]}");
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(-1, true)]
    public void Every_axis_is_sorted_and_equals_keep_their_order(int axis, bool descending)
    {
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(6, 70, 5))], (b, v) => b.Apply("sort", v, With(axis, descending)));
        Agree(compiled, Numbers(6, 70, 5));
    }

    // Few, as many as are put in place one by one, one more, and many; numbers of both signs, of many sizes, equal ones, zeros of both signs and what is no number.
    [Theory]
    [InlineData(DType.F64)]
    [InlineData(DType.F32)]
    [InlineData(DType.F16)]
    [InlineData(DType.BF16)]
    [InlineData(DType.I64)]
    [InlineData(DType.I32)]
    [InlineData(DType.I8)]
    [InlineData(DType.Bool)]
    public void Every_type_and_length_is_sorted_as_the_reference_does(DType type)
    {
        foreach (var length in new[] { 5, 48, 49, 3000 })
        {
            var random = new Random(length);
            double Real() => random.Next(20) switch { 0 => double.NaN, 1 => 0.0, 2 => -0.0, 3 => double.PositiveInfinity, 4 => double.NegativeInfinity, < 10 => random.Next(-3, 3), _ => (random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-8, 9)) };
            long Whole() => type switch { DType.I64 => random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(60), DType.I32 => random.Next(int.MinValue, int.MaxValue) >> random.Next(30), DType.I8 => random.Next(-128, 128), _ => random.Next(2) };
            TensorData x = type.IsFloat() ? new(type, [2, length], [.. Enumerable.Range(0, 2 * length).Select(_ => Rounding.Round(Real(), type))]) : new(type, [2, length], [.. Enumerable.Range(0, 2 * length).Select(_ => Whole())]);
            using var compiled = CompiledFunctions.Of([new(type, Shape.Of(2, length))], (b, v) => [.. b.Apply("sort", v, With(1)), .. b.Apply("sort", v, With(1, true))]);
            Agree(compiled, x);
        }
    }

    [Fact]
    public void The_first_few_are_the_largest_or_the_smallest()
    {
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(3, 60)), new(DType.F32, Shape.Of(3, 4))], (b, v) =>
        {
            var top = b.Apply("topk", [v[0]], AttributeMap.Of(("k", 4)));
            return [.. top, .. b.Apply("topk", [v[0]], AttributeMap.Of(("k", 2), ("axis", 0), ("largest", false))), ReverseMode.Run(b, 0, [v[0]], [top[0]], [v[1]])[v[0]]];
        });
        Agree(compiled, Numbers(3, 60), Numbers(3, 4));
        var (values, indices) = Tensor.From([3f, 9, 9, float.NaN, -1]).TopK(3);
        Assert.Equal([float.NaN, 9, 9], values.ToArray());
        Assert.Equal([3f, 1, 2], indices.ToArray());
        Assert.Empty(Tensor.From([1f, 2]).TopK(0).Values.ToArray());
        Assert.Contains("TopK takes 3", Assert.Throws<ShapeException>(() => Tensor.From([1f, 2]).TopK(3)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Not_a_number_is_the_largest()
    {
        TensorData x = new(DType.F32, [7], [double.NaN, 1, double.PositiveInfinity, -0.0, double.NegativeInfinity, 0.0, double.NaN]);
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(7))], (b, v) => [.. b.Apply("sort", v, With(0)), .. b.Apply("sort", v, With(0, true))]);
        Agree(compiled, x);
        Assert.Equal([4.0, 3, 5, 1, 2, 0, 6], compiled.Run("f", x)[1].Int.Select(i => (double)i));
        Assert.Equal([0.0, 6, 2, 1, 3, 5, 4], compiled.Run("f", x)[3].Int.Select(i => (double)i));
    }

    [Fact]
    public void Integers_of_64_bits_keep_their_last_digit()
    {
        TensorData x = new(DType.I64, [4], [9007199254740993L, 9007199254740992, long.MinValue, 9007199254740993]);
        using var compiled = CompiledFunctions.Of([new(DType.I64, Shape.Of(4))], (b, v) => b.Apply("sort", v, With(0)));
        Agree(compiled, x);
        Assert.Equal([long.MinValue, 9007199254740992, 9007199254740993, 9007199254740993], compiled.Run("f", x)[0].Int);
    }

    // A transposition, a slice, a reversed axis and a broadcast in front of it are strides of its operand; results go where they are wanted.
    [Fact]
    public void Operands_and_results_are_read_and_written_where_they_lie()
    {
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(30, 4)), new(DType.F32, Shape.Of(1, 30))], (b, v) =>
        [
            b.Apply("sort", [b.TransposeLast(v[0])], With(1))[0],
            b.TransposeLast(b.Apply("sort", [b.Slice(v[0], 0, 3, 20)], With(0, true))[0]),
            b.Apply("sort", [b.Apply("flip", [v[0]], AttributeMap.Of(("axes", new[] { 0 })))[0]], With(0))[1],
            b.Apply("sort", [b.Expand(v[1], Shape.Of(3, 30))], With(1))[0],
        ]);
        Agree(compiled, Numbers(30, 4), Numbers(1, 30));
        var function = compiled.Lowered.Functions[0];
        Assert.Equal(["sort", "sort", "sort", "sort"], function.Launches.Select(l => l.Title));
        Assert.DoesNotContain("copy", function.Buffers.Select(f => f.Name));
        Assert.Equal(["1", "4"], function.Launches.OfType<LibraryLaunch>().First().Strides[0].Select(d => d.ToString()));
    }

    [Fact]
    public void The_largest_and_their_gradient()
    {
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(3, 8)), new(DType.F32, Shape.Of(3, 2))], (b, v) =>
        {
            var top = b.Slice(b.Apply("sort", [v[0]], With(1, true))[0], 1, 0, 2);
            return [top, ReverseMode.Run(b, 0, [v[0]], [top], [v[1]])[v[0]]];
        });
        Agree(compiled, Numbers(3, 8), new TensorData(DType.F32, [3, 2], [1.0, 2, 3, 4, 5, 6]));
    }

    [Fact]
    public void An_axis_of_nothing_and_of_one_are_sorted()
    {
        foreach (var n in new[] { 0, 1 })
        {
            using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(n, 3))], (b, v) => b.Apply("sort", v, With(0)));
            Agree(compiled, Numbers(n, 3));
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(40)]
    public void The_axis_may_have_a_name(long length)
    {
        var program = new Program("named", [new("N", 64, 8)], [], [], Graph.Operations.OperationTable.Set);
        var b = new Builder(program, "f");
        var x = b.Argument(new(DType.F32, Shape.Of(3, Dim.Symbol("N"))), "x");
        using var compiled = new CompiledFunctions(program with { Functions = [b.Build(b.Apply("sort", [b.TransposeLast(x)], With(0)))] });
        var (binding, numbers) = (DimBinding.Empty.With("N", length), Numbers(3, length));
        var (expected, actual) = (compiled.Reference("f", binding, numbers), compiled.Run("f", binding, [numbers]));
        for (var r = 0; r < 2; r++)
            for (long i = 0; i < expected[r].Size; i++) Assert.Equal(expected[r][i], actual[r][i]);
    }

    [Fact]
    public unsafe void The_order_does_not_depend_on_threads()
    {
        const int lines = 300, extent = 97;
        var x = Enumerable.Range(0, lines * extent).Select(i => (float)(i * 7919L % 31)).ToArray();
        long[] Run(int threads)
        {
            var (values, indices) = (new float[x.Length], new long[x.Length]);
            using var pool = new WorkerPool(threads);
            fixed (float* from = x, to = values)
            fixed (long* order = indices)
            {
                var call = new SortCall
                {
                    Extent = extent, FromStep = 1, ValuesStep = 1, IndicesStep = 1, Lines = lines, FromLines = Places.Every(extent), ValuesLines = Places.Every(extent), IndicesLines = Places.Every(extent),
                    From = from, Values = to, Indices = order,
                };
                pool.EnsureScratch(Sorting.ScratchBytes<uint>(extent));
                call.Scratch = pool.ScratchTable;
                Sorting.Sort<float, uint, Float32Key>(pool, &call);
            }
            return indices;
        }
        var one = Run(1);
        Assert.Equal(one, Run(3));
        for (var l = 0; l < lines; l++) Assert.Equal(Enumerable.Range(0, extent).OrderBy(i => x[l * extent + i]).Select(i => (long)i), one[(l * extent)..((l + 1) * extent)]);
    }
}
