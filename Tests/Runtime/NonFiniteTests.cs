using System;
using System.Linq;
using Graph.Killable;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Compiled steps whose loss or gradients are not finite are not made.</summary>
public sealed class NonFiniteTests
{
    static float[] Reals(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 2 - 1))];
    }

    static float[] Spoilt(float[] values, float with)
    {
        var copy = (float[])values.Clone();
        copy[copy.Length / 2] = with;
        return copy;
    }

    // A batch, with one number of the input or the target replaced.
    static (IModel Model, Func<float?, float?, StepResult> Step) Create(string name, int threads)
    {
        float[] Of(float[] values, float? with) => with is { } value ? Spoilt(values, value) : values;
        int[] labels = [0, 1, 2, 3, 3, 2, 1, 0];
        switch (name)
        {
            case "batch norm, SGD":
                var block = ConvolutionBlock.Create(seed: 1, threads: threads);
                var (image, features) = (Reals(8 * 64, 1), Reals(8 * 64, 2));
                return (block, (input, target) => block.TrainStep(Of(image, input), Of(features, target)));
            case "batch norm, dropout, clipped AdamW":
                var noisy = NoisyClassifier.Create(seed: 1, threads: threads);
                var x = Reals(8 * 8, 1);
                return (noisy, (input, _) => noisy.TrainStep(Of(x, input), labels));
            case "clipped AdamW":
                var linear = LinearClassifier.Create(seed: 1, threads: threads);
                var rows = Reals(8 * 8, 1);
                return (linear, (input, _) => linear.TrainStep(Of(rows, input), labels));
            default:
                var normalized = NormalizedRows.Create(seed: 1, threads: threads);
                var (given, wanted) = (Reals(8 * 32, 1), Reals(8 * 32, 2));
                return (normalized, (input, target) => normalized.TrainStep(Of(given, input), Of(wanted, target)));
        }
    }

    static (string, int)[] Bits(IModel model) => [.. model.Parameters.SelectMany(t => t.Read<float>().ToArray().Select(v => (t.Path, BitConverter.SingleToInt32Bits(v))))];

    [Theory]
    [InlineData("batch norm, SGD", float.NaN, null, false)]
    [InlineData("batch norm, SGD", float.PositiveInfinity, null, false)]
    [InlineData("batch norm, SGD", null, float.NegativeInfinity, false)]
    [InlineData("batch norm, SGD", null, 3e19f, false)] // its square overflows
    [InlineData("batch norm, dropout, clipped AdamW", float.NaN, null, false)]
    [InlineData("batch norm, dropout, clipped AdamW", float.PositiveInfinity, null, false)]
    [InlineData("clipped AdamW", float.NegativeInfinity, null, false)]
    [InlineData("clipped AdamW", 1e30f, null, true)] // the gradient's square overflows
    [InlineData("layer norm, SGD", null, float.NaN, false)]
    public void A_step_that_is_not_finite_changes_nothing_but_the_count_of_attempts(string name, float? input, float? target, bool lossIsFinite)
    {
        var (model, step) = Create(name, threads: 2);
        var (twin, same) = Create(name, threads: 1);
        using var _ = model;
        using var __ = twin;
        for (var i = 0; i < 3; i++)
        {
            step(null, null);
            same(null, null);
        }
        var before = Bits(model);
        Assert.Equal(Bits(twin), before);

        for (var i = 0; i < 2; i++)
        {
            var result = step(input, target);
            Assert.False(result.IsFinite);
            Assert.Equal(lossIsFinite, double.IsFinite(result.Loss));
            Assert.Equal(4, result.Step);
            Assert.EndsWith(", not made", result.ToString(), StringComparison.Ordinal);
            Assert.Equal(3, model.Step);
            Assert.Equal(before, Bits(model));
            Assert.False(same(input ?? float.NaN, target).IsFinite); // what is random in the next step is keyed by the number of attempts
        }

        for (var i = 0; i < 3; i++) Assert.Equal(same(null, null), step(null, null)); // moments, dropout and step count too
        Assert.Equal(Bits(twin), Bits(model));
    }

    [Fact]
    public void The_first_step_may_be_the_one_that_is_not_made()
    {
        var (model, step) = Create("batch norm, dropout, clipped AdamW", threads: 1);
        using var _ = model;
        var fresh = Bits(model);
        Assert.False(step(float.NaN, null).IsFinite);
        Assert.Equal(0, model.Step);
        Assert.Equal(fresh, Bits(model).Where(b => !b.Item1.StartsWith("optimizer.", StringComparison.Ordinal)));
        Assert.All(Bits(model).Where(b => b.Item1.StartsWith("optimizer.", StringComparison.Ordinal)), b => Assert.Equal(0, b.Item2));
    }

    [Fact]
    public void An_attempt_that_failed_leaves_its_random_numbers_behind()
    {
        double Loss(int failed)
        {
            var (model, step) = Create("batch norm, dropout, clipped AdamW", threads: 1);
            using var _ = model;
            for (var i = 0; i < failed; i++) Assert.False(step(float.NaN, null).IsFinite);
            var result = step(null, null);
            Assert.Equal((1, 1), (result.Step, model.Step));
            return result.Loss;
        }
        // The same weights and the same batch, but not the same mask once more.
        Assert.NotEqual(Loss(0), Loss(1));
        Assert.NotEqual(Loss(1), Loss(2));
        Assert.Equal(Loss(1), Loss(1));
    }

    [Fact]
    public void Skipping_a_step_allocates_nothing()
    {
        var (model, step) = Create("clipped AdamW", threads: 1);
        using var _ = model;
        var x = Spoilt(Reals(8 * 8, 1), float.NaN);
        int[] labels = [0, 1, 2, 3, 3, 2, 1, 0];
        var linear = (LinearClassifier)model;
        linear.TrainStep(x, labels);
        Allocations.AssertNone(() => Assert.False(linear.TrainStep(x, labels).IsFinite));
    }
}
