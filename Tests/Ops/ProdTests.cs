using System;
using System.Linq;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>A reduction that no target knows by name: its kernels come from how two accumulators become one.</summary>
public sealed class ProdTests
{
    static AttributeMap Along(params int[] axes) => AttributeMap.Of(("axes", axes));

    static TensorData Numbers(DType type, params long[] shape)
    {
        var count = (int)shape.Aggregate(1L, (a, b) => a * b);
        return type.IsFloat() ? new(type, shape, [.. Enumerable.Range(0, count).Select(i => (double)(float)(1 + (i * 37 % 101 - 50) / 400.0))]) : new(type, shape, [.. Enumerable.Range(0, count).Select(i => i * 37L % 7 - 3 | 1)]);
    }

    // Rows, columns, several axes, everything (cut into parts), and rows as long as a scalar loop, a block and several.
    [Theory]
    [InlineData(DType.F32, new[] { 1 }, 4, 9)]
    [InlineData(DType.F32, new[] { 1 }, 4, 100)]
    [InlineData(DType.F32, new[] { 0 }, 100, 40)]
    [InlineData(DType.F32, new[] { 0, 2 }, 5, 6, 7)]
    [InlineData(DType.F32, new[] { 0, 1 }, 600, 500)]
    [InlineData(DType.F64, new[] { 1 }, 3, 50)]
    [InlineData(DType.I64, new[] { 1 }, 3, 50)]
    [InlineData(DType.I32, new[] { 0 }, 50, 3)]
    [InlineData(DType.I8, new[] { 1 }, 3, 50)]
    public void Kernels_multiply_as_the_reference_does_and_alike_for_every_width(DType type, int[] axes, params int[] sizes)
    {
        var x = Numbers(type, [.. sizes.Select(s => (long)s)]);
        double[]? first = null;
        foreach (var width in new[] { 512, 256, 128 })
        {
            using var compiled = CompiledFunctions.Of([new(type, new(sizes.Select(s => (Dim)s)))], (b, v) => b.Apply("prod", v, Along(axes)), width);
            var (expected, actual) = (compiled.Reference("f", x)[0], compiled.Run("f", x)[0]);
            var values = Enumerable.Range(0, (int)actual.Size).Select(i => actual[i]).ToArray();
            for (long i = 0; i < expected.Size; i++)
                if (type == DType.F32) Assert.Equal(expected[i], actual[i], 1e-6 * Math.Sqrt(x.Size / expected.Size) * Math.Max(Math.Abs(expected[i]), 1e-30));
                else Assert.Equal(expected[i], actual[i], Math.Abs(expected[i]) * 1e-14);
            Assert.Equal(first ??= values, values);
        }
    }

    [Fact]
    public void It_stands_in_one_kernel_with_what_it_multiplies()
    {
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(6, 40))], (b, v) => [b.Div(v[0], b.Apply("prod", [b.Exp(v[0])], AttributeMap.Of(("axis", 1), ("keep", true)))[0])]);
        TensorData x = new(DType.F32, [6, 40], [.. Enumerable.Range(0, 240).Select(i => (double)(float)((i * 37 % 101 - 50) / 400.0))]);
        var (expected, actual) = (compiled.Reference("f", x)[0], compiled.Run("f", x)[0]);
        for (var i = 0; i < 240; i++) Assert.Equal(expected[i], actual[i], 1e-4);
        Assert.Single(compiled.Lowered.Functions[0].Launches);
        Assert.Contains("r0 = product", compiled.Lowered.Kernels[0].Text, StringComparison.Ordinal);
    }

    // As PyTorch: goldens in the reference, and here the same in kernels.
    [Fact]
    public void The_gradient_beside_zeros_is_the_product_of_the_others()
    {
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(3, 3)), new(DType.F32, Shape.Of(3))], (b, v) =>
        {
            var y = b.Apply("prod", [v[0]], Along(1))[0];
            return [ReverseMode.Run(b, 0, [v[0]], [y], [v[1]])[v[0]]];
        });
        var gradient = compiled.Run("f", new TensorData(DType.F32, [3, 3], [2.0, 3, 4, 2, 0, 4, 0, 0, 4]), new TensorData(DType.F32, [3], [1.0, 10, 100]))[0];
        Assert.Equal([12, 8, 6, 0, 80, 0, 0, 0, 0], gradient.Real);
    }

    [Fact]
    public void Nothing_multiplies_to_one_and_not_a_number_stays_one()
    {
        Assert.Equal(1, Tensor.Full([0], 7).Prod().ToScalar());
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(2, 40))], (b, v) => b.Apply("prod", v, Along(1)));
        var x = Numbers(DType.F32, 2, 40);
        x[57] = double.NaN;
        var y = compiled.Run("f", x)[0];
        Assert.True(!double.IsNaN(y[0]) && double.IsNaN(y[1]));
    }
}
