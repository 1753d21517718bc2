using System;
using System.Linq;
using Graph.Compiler.Ir;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>Integers at their edges: exact, of their width, and never an exception but for a division by 0.</summary>
public sealed class IntegerTests
{
    static TensorData Data(DType type, params long[] values) => new(type, [values.Length], values);

    [Theory]
    [InlineData(DType.I64, long.MinValue)]
    [InlineData(DType.I32, int.MinValue)]
    [InlineData(DType.I8, sbyte.MinValue)]
    public void Remainders_have_the_sign_of_the_divisor(DType type, long smallest)
    {
        long[] a = [7, -7, 7, -7, 0, 6, smallest, smallest, 127], b = [3, 3, -3, -3, 5, -3, -1, 7, smallest];
        using var compiled = CompiledFunctions.Of([new(type, Shape.Of(9)), new(type, Shape.Of(9))], (builder, v) => builder.Apply("remainder", v));
        long[] expected = [1, 2, -2, -1, 0, 0, 0, (smallest % 7 + 7) % 7, smallest + 127];
        Assert.Equal(expected, compiled.Run("f", Data(type, a), Data(type, b))[0].Int);
        Assert.Equal(expected, compiled.Reference("f", Data(type, a), Data(type, b))[0].Int);
    }

    [Fact]
    public void A_remainder_by_zero_is_an_error()
    {
        using var compiled = CompiledFunctions.Of([new(DType.I64, Shape.Of(1)), new(DType.I64, Shape.Of(1))], (b, v) => b.Apply("remainder", v));
        Assert.Throws<DivideByZeroException>(() => compiled.Run("f", Data(DType.I64, 5), Data(DType.I64, 0)));
        Assert.Throws<DivideByZeroException>(() => compiled.Reference("f", Data(DType.I64, 5), Data(DType.I64, 0)));
    }

    [Fact]
    public void Remainders_of_real_numbers_are_as_in_PyTorch()
    {
        double[] a = [5.5, -5.5, 5.5, -5.5, 1, double.PositiveInfinity, 3, 0], b = [2, 2, -2, -2, double.PositiveInfinity, 2, 0, -3];
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(8)), new(DType.F32, Shape.Of(8))], (builder, v) => builder.Apply("remainder", v));
        TensorData x = new(DType.F32, [8], a), y = new(DType.F32, [8], b);
        foreach (var result in new[] { compiled.Reference("f", x, y)[0], compiled.Run("f", x, y)[0] })
            Assert.Equal([1.5, 0.5, -0.5, -1.5, 1, double.NaN, double.NaN, 0], result.Real);
    }

    [Theory]
    [InlineData(DType.I64, new long[] { 9007199254740993, 9007199254740992, long.MinValue })]
    [InlineData(DType.I32, new long[] { -5, -4, int.MinValue })]
    [InlineData(DType.I8, new long[] { -128, 127, 127 })]
    [InlineData(DType.Bool, new long[] { 0, 1, 1 })]
    public void The_greatest_of_integers_is_found(DType type, long[] values)
    {
        using var compiled = CompiledFunctions.Of([new(type, Shape.Of(3))], (b, v) => b.Apply("argmax", v));
        var expected = new[] { (long)Array.IndexOf(values, values.Max()) };
        Assert.Equal(expected, compiled.Run("f", Data(type, values))[0].Int);
        Assert.Equal(expected, compiled.Reference("f", Data(type, values))[0].Int);
    }

    // 64-bit arithmetic on indices stays so in kernels whose vectors have lanes of 32 bits.
    [Fact]
    public void Products_of_indices_do_not_wrap_around()
    {
        const int size = 200;
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(size))], (b, v) =>
        {
            var far = b.Add(b.Mul(b.Iota(Shape.Of(size), 0), b.Constant(100000007, DType.I64)), b.Constant(3, DType.I64));
            return [b.Add(v[0], b.Cast(far, DType.F32)), b.Where(b.Less(b.Constant(2000000000, DType.I64), far), v[0], b.Constant(0, DType.F32))];
        });
        TensorData x = new(DType.F32, [size], [.. Enumerable.Repeat(1.0, size)]);
        var (expected, actual) = (compiled.Reference("f", x), compiled.Run("f", x));
        for (var r = 0; r < 2; r++) Assert.Equal(expected[r].Real, actual[r].Real);
        Assert.Equal((float)(199L * 100000007 + 4), (float)actual[0].Real[199]);
        Assert.Equal(180, actual[1].Real.Sum());
    }

    [Fact]
    public void Sums_and_products_of_integers_are_exact_and_wrap_around()
    {
        TensorData x = Data(DType.I64, 9007199254740993, -3, long.MaxValue, 3037000500), y = Data(DType.I32, int.MaxValue, 65537, -7, 46341);
        using var compiled = CompiledFunctions.Of([new(DType.I64, Shape.Of(4)), new(DType.I32, Shape.Of(4))], (b, v) =>
            [b.Add(v[0], v[1]), b.Mul(v[0], v[0]), b.Mul(v[1], v[1]), b.Equal(v[0], b.Sub(v[0], b.Constant(1, DType.I64))), b.Neg(v[0])]);
        long[][] expected =
        [
            [9007199254740993 + int.MaxValue, 65534, long.MaxValue - 7, 3037000500 + 46341L], [.. x.Int.Select(v => unchecked(v * v))], [.. y.Int.Select(v => (long)unchecked((int)v * (int)v))],
            [0, 0, 0, 0], [.. x.Int.Select(v => -v)],
        ];
        foreach (var results in new[] { [.. compiled.Reference("f", x, y)], compiled.Run("f", x, y) })
            for (var r = 0; r < expected.Length; r++) Assert.Equal(expected[r], results[r].Int);
    }

    // The smallest integer has no opposite: like the sum of integers that is too large, it wraps around instead of throwing.
    [Theory]
    [InlineData(DType.I32, int.MinValue)]
    [InlineData(DType.I64, long.MinValue)]
    public void The_smallest_integer_is_its_own_magnitude(DType type, long smallest)
    {
        foreach (var size in new[] { 3, 70 })
        {
            using var compiled = CompiledFunctions.Of([new(type, Shape.Of(size))], (b, v) => b.Apply("abs", v));
            var x = Data(type, [smallest, .. Enumerable.Repeat(-4L, size - 1)]);
            Assert.Equal([smallest, .. Enumerable.Repeat(4L, size - 1)], compiled.Run("f", x)[0].Int);
            Assert.Equal([smallest, .. Enumerable.Repeat(4L, size - 1)], compiled.Reference("f", x)[0].Int);
        }
    }
}
