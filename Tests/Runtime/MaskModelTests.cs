using System;
using System.Linq;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Element types end to end, through the generated class.</summary>
public sealed class MaskModelTests
{
    static readonly float[] X = [1, -2, 3, 0, 5, 6, -7, 8], Y = [0, -1, 3, -1, 6, 5, -8, 0];

    [Fact]
    public void Comparisons_are_counted()
    {
        using var model = MaskModel.Create();
        Assert.Equal(X.Zip(Y).Count(p => p.First > p.Second), model.Count(X, Y));
        Assert.Equal(X.Count(v => v > 0) / 8f, model.Share(X));
    }

    [Fact]
    public void Products_and_sums_of_masks_are_and_and_or()
    {
        using var model = MaskModel.Create();
        bool[] both = new bool[8], either = new bool[8];
        model.Logic(X, Y, both, either);
        Assert.Equal(X.Zip(Y).Select(p => p.First > 0 && p.Second > 0), both);
        Assert.Equal(X.Zip(Y).Select(p => p.First > 0 || p.Second > 0), either);
    }

    [Fact]
    public void Rows_of_bools_have_a_maximum_and_a_square()
    {
        using var model = MaskModel.Create();
        bool[] x = [false, true, false, false, true, true, true, true], any = new bool[2], all = new bool[2];
        model.Rows(x, any, all);
        Assert.Equal([true, true], any);
        Assert.Equal([false, true], all);
        var squares = new long[8];
        model.Squares(x, squares);
        Assert.Equal(x.Select(v => v ? 1L : 0), squares);
    }

    [Fact]
    public void Right_classes_are_counted()
    {
        using var model = MaskModel.Create();
        Assert.Equal(2, Enumerable.Range(0, 3).Sum(label => model.Correct(X, [label, label])));
    }

    [Fact]
    public void Sums_of_integers_do_not_overflow_and_their_quotients_are_real()
    {
        using var model = MaskModel.Create();
        var sums = new long[4];
        var mean = new float[1];
        model.Integers([int.MaxValue, 1, 2, 3, int.MaxValue, 1, 2, 4], sums, mean);
        Assert.Equal([2L * int.MaxValue, 2, 4, 7], sums);
        Assert.Equal((float)((2.0 * int.MaxValue + 13) / 8), mean[0]);
    }

    [Fact]
    public void A_whole_number_leaves_integers_what_they_are()
    {
        using var model = MaskModel.Create();
        var next = new int[4];
        var twice = new long[4];
        model.Literals([16777217, -1, 0, int.MaxValue], [true, false, true, true], next, twice);
        Assert.Equal([16777218, 0, 1, int.MinValue], next);
        Assert.Equal([2, 0, 2, 2], twice);
    }

    [Fact]
    public void Products_of_64_bit_integers_keep_their_upper_half_in_vectors_too()
    {
        using var model = MaskModel.Create();
        int[] x = [.. Enumerable.Range(0, 40).Select(i => 100_000 + i)];
        var products = new float[40];
        model.Products(x, products);
        Assert.Equal(x.Select(v => (float)((long)v * v)), products);
    }

    [Fact]
    public void Doubles_are_computed_in_double_precision()
    {
        using var model = MaskModel.Create();
        var x = X.Select(v => v * 0.1).ToArray();
        double[] wide = new double[8], sums = new double[4];
        model.Doubles(x, wide, sums);
        for (var i = 0; i < 8; i++) Assert.Equal(1 / (1 + Math.Exp(-3 * x[i])), wide[i], 14);
        for (var column = 0; column < 4; column++)
            Assert.Equal(Enumerable.Range(0, 2).Sum(row => Math.Exp(x[row * 4 + column]) / Enumerable.Range(0, 4).Sum(c => Math.Exp(x[row * 4 + c]))), sums[column], 14);
    }

    [Fact]
    public void A_loss_of_doubles_trains()
    {
        using var model = MaskModel.Create();
        double[] x = [.. X.Select(v => (double)v)];
        bool[] mask = [true, true, false, true, true, false, true, true];
        var loss = model.Loss(x, mask);
        Assert.Equal(x.Zip(mask).Sum(p => p.Second ? p.First * p.First : 0) / 8, loss, 12);
        Assert.Equal((float)loss, (float)model.TrainStep(x, mask).Loss);
        Assert.True(model.TrainStep(x, mask).Loss < (float)loss);
    }
}
