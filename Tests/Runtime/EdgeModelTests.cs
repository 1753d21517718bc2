using System;
using System.Linq;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Numbers that are easily lost, end to end through the generated class.</summary>
public sealed class EdgeModelTests
{
    [Fact]
    public void Padding_with_minus_infinity_is_no_part_of_a_softmax()
    {
        using var model = EdgeModel.Create();
        var result = new float[12];
        model.Masked([0, 0, 0, 1e-7f, 30, -30], result);
        Assert.Equal([0, 1 / 3f, 1 / 3f, 1 / 3f, 0, 0], result[..6]);
        Assert.Equal(1, result[6..].Sum(), 1e-6);
        Assert.Equal([0, 0, 0], [result[6], result[10], result[11]]);
    }

    [Fact]
    public void Triangles_are_cut_out_of_every_matrix()
    {
        using var model = EdgeModel.Create();
        float[] x = [1, 2, 3, 4, 5, 6, 7, 8, float.PositiveInfinity, .. Enumerable.Range(10, 9)], lower = new float[18], upper = new float[18];
        model.Triangles(x, lower, upper);
        for (var i = 0; i < 18; i++)
        {
            var (row, column) = (i % 9 / 3, i % 3);
            Assert.Equal((column <= row ? x[i] : 0, column > row ? x[i] : 0), (lower[i], upper[i]));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(16)]
    public void Triangles_of_a_named_size_follow_it(int size)
    {
        using var model = EdgeModel.Create();
        float[] x = [.. Enumerable.Range(1, size * size)], lower = new float[x.Length], upper = new float[x.Length];
        model.OpenTriangles(x, lower, upper, size);
        for (var i = 0; i < x.Length; i++)
        {
            var (row, column) = (i / size, i % size);
            Assert.Equal((column < row ? 2 * x[i] : 0, column >= row ? x[i] + 1 : 0), (lower[i], upper[i]));
        }
    }

    [Fact]
    public void A_pick_from_outside_is_refused_before_anything_runs()
    {
        using var model = EdgeModel.Create();
        float[] x = [1, 2, 3, 4, 5], picked = [-1, -1];
        model.Pick(x, [4, 0], picked);
        Assert.Equal([5, 1], picked);
        Assert.Contains("index", Assert.Throws<ArgumentOutOfRangeException>(() => model.Pick(x, [0, 5], picked)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Pick(x, [-1, 0], picked));
        Assert.Equal([5, 1], picked);
        // -1 % 5 is 4, as in PyTorch.
        model.PickAround(x, [-1, 7], picked);
        Assert.Equal([5, 3], picked);
    }

    [Fact]
    public void Integers_have_a_greatest_element_and_remainders()
    {
        using var model = EdgeModel.Create();
        long[] greatest = new long[2], rest = new long[8];
        model.Integers([long.MaxValue - 1, long.MaxValue, 0, -1, -4, -3, -2, -7], greatest, rest);
        Assert.Equal([1, 2], greatest);
        Assert.Equal([0, 1, 0, 2, 2, 0, 1, 2], rest);
    }

    [Fact]
    public void Sizes_are_whole_numbers()
    {
        using var model = EdgeModel.Create();
        var places = new long[3];
        long[] product = [0];
        float[] share = [0];
        model.Sizes(new float[39], places, product, share, 3);
        Assert.Equal([0, 13, 26], places);
        Assert.Equal(13 * 16777217L, product[0]);
        model.Sizes([.. Enumerable.Repeat(0.5f, 32)], new long[2], product, share, 2);
        Assert.Equal((16 * 16777217L, 1f), (product[0], share[0]));
    }

    [Fact]
    public void A_parameter_that_begins_at_zero_stays_a_number_under_its_norm()
    {
        using var model = EdgeModel.Create();
        for (var step = 0; step < 3; step++)
        {
            var result = model.TrainStep([1, 2, 3]);
            Assert.Equal((0, 0), (result.Loss, result.GradientNorm));
        }
    }
}
