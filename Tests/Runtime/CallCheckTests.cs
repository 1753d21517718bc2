using System;
using System.Linq;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Calls whose sizes or labels an operation cannot work with fail before anything runs, and say which dimension, which operation and which line.</summary>
public sealed class CallCheckTests : IDisposable
{
    readonly NeedyModel model = NeedyModel.Create();

    public void Dispose() => model.Dispose();

    static void Fails(string expected, Action call)
    {
        var error = Assert.ThrowsAny<ArgumentException>(call);
        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains("(NeedyModel.cs:", error.Message.Replace("Tests/Yardsticks/Small/", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void A_slice_that_the_named_dimension_is_too_small_for()
    {
        var three = new float[12];
        Fails("first: B=2: Slice from 0 to 3 lies outside of axis 0 of [B, 4] (", () => model.First(new float[8], three));
        Fails("last: B=2: Slice from B-3 to B lies outside of axis 0 of [B, 4] (", () => model.Last(new float[8], three));
        float[] x = [.. Enumerable.Range(0, 16).Select(i => (float)i)];
        model.First(x, three);
        Assert.Equal(x[..12], three);
        model.Last(x, three);
        Assert.Equal(x[4..], three);
    }

    [Fact]
    public void A_window_that_the_named_dimension_is_too_small_for()
    {
        Fails("pool: H=1: MaxPool2d's window of 3 does not fit axis 2 of [1, 1, H, H] with padding 0 (", () => model.Pool([1], [], 1));
        Fails("convolve: H=2: Conv2d's window of 3 does not fit axis 2 of [1, 1, H, H] with padding 0 (", () => model.Convolve(new float[4], [], 2));
        var one = new float[1];
        model.Pool([1, 2, 3, 4, 9, 6, 7, 8, 5], one, 3);
        Assert.Equal(9, one[0]);
    }

    [Fact]
    public void A_size_below_zero()
    {
        Fails("ones: B=1: expand gives a tensor of shape [B-2], but sizes are at least 0 (", () => model.Ones(new float[4], []));
        var ones = new float[1];
        model.Ones(new float[12], ones);
        Assert.Equal([1], ones);
    }

    [Fact]
    public void An_empty_result_is_no_error_but_a_maximum_of_nothing_is()
    {
        model.Rest(new float[4], []);
        Fails("tallest: B=1: Max along axis 0 of [B-1, 4] needs an element (", () => model.Tallest(new float[4], new float[4]));
    }

    [Theory]
    [InlineData(10)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void A_label_that_is_no_class(long label)
    {
        Fails($"loss: label[1] is {label}, expected 0 to 9 or -100: CrossEntropy's label (", () => model.Loss(new float[8], [0, label]));
        Fails($"train_step: label[1] is {label}, expected 0 to 9 or -100: CrossEntropy's label (", () => model.TrainStep(new float[8], [0, label]));
        Assert.True(float.IsFinite(model.Loss(new float[8], [9, -100])));
    }

    [Fact]
    public void A_batch_of_one_value_has_no_variance_to_train_with()
    {
        Fails("train_step: B=1: BatchNorm trains on more than one value a channel, which [B, 4] is not (", () => model.TrainStep(new float[4], [3]));
        Assert.True(model.TrainStep(new float[8], [3, 4]).IsFinite);
        Assert.True(float.IsFinite(model.Loss(new float[4], [3])));
    }

    [Fact]
    public void A_row_that_the_table_does_not_have()
    {
        Fails("rows: ids[2] is 16, expected 0 to 15: Embedding's row (", () => model.Rows([0, 15, 16], new float[12]));
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => model.Shifted([0, 15], new float[8]));
        Assert.StartsWith("shifted: embedding (", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("The index 16 lies outside of the 16 rows of the table.", error.Message, StringComparison.Ordinal);
    }
}
