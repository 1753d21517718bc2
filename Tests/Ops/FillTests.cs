using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>What an operation writes beside the numbers it was given is written, not computed: neither is changed by the other.</summary>
public sealed class FillTests
{
    // A padding that arithmetic would lose, and elements that it would.
    static readonly double[] Elements = [1e-7, -3, 0, 16777216, float.MaxValue, double.NegativeInfinity];

    static AttributeMap Both(double value) => AttributeMap.Of(("before", new[] { 1, 2 }), ("after", new[] { 0, 1 }), ("value", value));

    static double[] Padded(double[] x, double value) =>
    [
        .. Enumerable.Repeat(value, 6),
        value, value, x[0], x[1], x[2], value,
        value, value, x[3], x[4], x[5], value,
    ];

    [Theory]
    [InlineData(double.NegativeInfinity)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(-1e9)]
    [InlineData(double.NaN)]
    [InlineData(7)]
    [InlineData(0)]
    public void Padding_is_the_number_itself(double value)
    {
        TensorData x = new(DType.F32, [2, 3], [.. Elements.Select(v => (double)(float)v)]);
        var expected = Padded(x.Real, (float)value);
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(2, 3))], (b, v) => b.Apply("pad", v, Both(value)));
        Assert.Equal(expected, compiled.Reference("f", x)[0].Real);
        Assert.Equal(expected, compiled.Run("f", x)[0].Real);
        Assert.Equal(expected, Tensor.From([.. x.Real.Select(v => (float)v)], 2, 3).Pad([1, 2], [0, 1], value).ToArray().Select(v => (double)v));
    }

    [Theory]
    [InlineData(DType.I64, 9007199254740992)]
    [InlineData(DType.I64, -7)]
    [InlineData(DType.I32, int.MinValue)]
    [InlineData(DType.I8, -128)]
    [InlineData(DType.Bool, 1)]
    [InlineData(DType.F64, 1e-300)]
    public void Padding_has_the_type_of_the_tensor(DType type, double value)
    {
        double[] x = type == DType.Bool ? [0, 1, 0, 0, 1, 0] : [1, -2, 3, 0, 127, -128];
        TensorData data = new(type, [2, 3]);
        for (var i = 0; i < x.Length; i++) data[i] = x[i];
        using var compiled = CompiledFunctions.Of([new(type, Shape.Of(2, 3))], (b, v) => b.Apply("pad", v, Both(value)));
        foreach (var result in new[] { compiled.Reference("f", data)[0], compiled.Run("f", data)[0] })
            Assert.Equal(Padded(x, value), Enumerable.Range(0, 18).Select(i => result[i]));
    }

    [Fact]
    public void A_negative_zero_is_not_a_zero()
    {
        TensorData x = new(DType.F32, [2], [1.0, 2]);
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(2))], (b, v) =>
        [
            b.Apply("reciprocal", [b.Apply("pad", v, AttributeMap.Of(("before", 1), ("after", 0), ("value", -0.0)))[0]])[0],
            b.Apply("reciprocal", [b.Apply("pad", v, AttributeMap.Of(("before", 1), ("after", 0), ("value", 0.0)))[0]])[0],
        ]);
        foreach (var results in new[] { [.. compiled.Reference("f", x)], compiled.Run("f", x) })
            Assert.Equal((double.NegativeInfinity, double.PositiveInfinity), (results[0].Real[0], results[1].Real[0]));
    }

    // Padding between other kernels: what reads it, what makes its operand, and the pads that gradients of slices add up.
    [Fact]
    public void Padding_keeps_its_number_beside_other_operations()
    {
        TensorData x = new(DType.F32, [3, 4], [.. Enumerable.Range(0, 12).Select(i => i * 0.5 - 2)]);
        AttributeMap Ends(double value) => AttributeMap.Of(("before", new[] { 0, 2 }), ("after", new[] { 0, 1 }), ("value", value));
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(3, 4))], (b, v) =>
        {
            var masked = b.Apply("pad", [b.Exp(v[0])], Ends(double.NegativeInfinity))[0];
            var (left, right) = (b.Slice(v[0], 1, 0, 2), b.Slice(v[0], 1, 2, 4));
            var one = b.Apply("pad", [left], AttributeMap.Of(("before", new[] { 0, 0 }), ("after", new[] { 0, 2 }), ("value", 1.0)))[0];
            var two = b.Apply("pad", [right], AttributeMap.Of(("before", new[] { 0, 2 }), ("after", new[] { 0, 0 }), ("value", 1.0)))[0];
            return [b.Apply("softmax", [masked])[0], b.Add(one, two), b.Slice(masked, 1, 0, 3)];
        });
        var (expected, actual) = (compiled.Reference("f", x), compiled.Run("f", x));
        for (var r = 0; r < expected.Length; r++)
            for (var i = 0; i < expected[r].Size; i++)
                Assert.True(expected[r][i].Equals(actual[r][i]) || Math.Abs(expected[r][i] - actual[r][i]) < 1e-6, $"result {r}, element {i}: {actual[r][i]}, expected {expected[r][i]}");
        Assert.Equal(0, actual[0][0]);
        Assert.Equal(x.Real.Select(v => v + 1), actual[1].Real);
    }

    [Fact]
    public void The_gradient_of_padding_is_that_of_the_elements()
    {
        TensorData x = new(DType.F32, [2], [3.0, 4]), dy = new(DType.F32, [5], [1.0, 2, 3, 4, 5]);
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(2)), new(DType.F32, Shape.Of(5))], (b, v) =>
        {
            var y = b.Apply("pad", [v[0]], AttributeMap.Of(("before", 1), ("after", 2), ("value", double.NaN)))[0];
            return [ReverseMode.Run(b, 0, [v[0]], [y], [v[1]])[v[0]]];
        });
        Assert.Equal([2.0, 3], compiled.Reference("f", x, dy)[0].Real);
        Assert.Equal([2.0, 3], compiled.Run("f", x, dy)[0].Real);
    }

    // No sum meets ∞ · 0: masks select, and running sums add what is there.
    [Fact]
    public void Infinity_stays_where_it_is()
    {
        const double inf = double.PositiveInfinity;
        TensorData x = new(DType.F32, [2, 3], [1, inf, 3, 4, -2, 5]), label = new(DType.I64, [2], [0L, 2]);
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(2, 3)), new(DType.I64, Shape.Of(2))], (b, v) =>
        [
            b.Apply("cumsum", [v[0]])[0],
            b.Emit("cumsum", [v[0]], ("axis", 0), ("reverse", true)),
            b.Apply("gather", [v[0], b.Reshape(v[1], Shape.Of(2, 1))], AttributeMap.Of(("axis", 1)))[0],
            b.Apply("tril", [v[0]])[0],
            b.Apply("masked_fill", [v[0], b.Less(v[0], b.Constant(4, DType.F32))], AttributeMap.Of(("value", -inf)))[0],
            b.Apply("logsumexp", [b.Apply("masked_fill", [v[0], b.Less(v[0], b.Constant(100, DType.F32))], AttributeMap.Of(("value", -inf)))[0]], AttributeMap.Of(("axis", 1)))[0],
            b.Apply("argmax", [v[0]], AttributeMap.Of(("axis", 0)))[0],
        ]);
        double[][] expected =
        [
            [1, inf, inf, 4, 2, 7], [5, inf, 8, 4, -2, 5], [1, 5], [1, 0, 0, 4, -2, 0], [-inf, inf, -inf, 4, -inf, 5], [inf, -inf], [1, 0, 1],
        ];
        foreach (var results in new[] { [.. compiled.Reference("f", x, label)], compiled.Run("f", x, label) })
            for (var r = 0; r < expected.Length; r++) Assert.Equal(expected[r], Enumerable.Range(0, expected[r].Length).Select(i => results[r][i]));
    }

    [Fact]
    public void Not_a_number_comes_through_limits_and_is_the_greatest()
    {
        const double nan = double.NaN;
        TensorData x = new(DType.F32, [2, 3], [1, nan, 3, double.NegativeInfinity, double.NegativeInfinity, double.NegativeInfinity]);
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(2, 3))], (b, v) =>
        [
            b.Apply("clamp", v, AttributeMap.Of(("min", -1.0), ("max", 2.0)))[0],
            b.Apply("argmax", v)[0],
            b.Max(v[0], 1, keep: false),
            b.Apply("max_pool2d", [b.Reshape(v[0], Shape.Of(1, 2, 1, 3))], AttributeMap.Of(("kernel", new[] { 1, 3 }), ("stride", new[] { 1, 3 }), ("padding", new[] { 0, 1 })))[0],
        ]);
        double[][] expected = [[1, nan, 2, -1, -1, -1], [1, 0], [nan, double.NegativeInfinity], [nan, double.NegativeInfinity]];
        foreach (var results in new[] { [.. compiled.Reference("f", x)], compiled.Run("f", x) })
            for (var r = 0; r < expected.Length; r++) Assert.Equal(expected[r], Enumerable.Range(0, expected[r].Length).Select(i => results[r][i]));
    }
}
