using System;
using System.Globalization;
using System.Linq;
using Xunit;
using Xunit.Abstractions;

namespace Graph.Tests.Conformance;

/// <summary>Training in float32 by compiled kernels, from PyTorch's weights and batches.</summary>
public class Float32ConformanceTests(ITestOutputHelper output)
{
    // Where PyTorch's back ends round to the same float32, the loss still has the resolution of that type.
    const double Resolution = 1.0 / (1 << 23);

    [Theory]
    [InlineData("mlp")]
    [InlineData("cnn")]
    [InlineData("nanogpt")]
    [InlineData("resnet18")]
    [InlineData("gpt2")]
    public void Ten_steps_lie_within_three_times_the_spread_of_PyTorch_in_float32(string name)
    {
        using var yardstick = Yardstick.Create(name, threads: 2);
        var golden = yardstick.Golden;
        double[] losses = [.. Enumerable.Range(1, golden.Steps).Select(step => (double)yardstick.Step(step).Loss)];
        double[] differences = [.. losses.Zip(golden.Losses, (ours, theirs) => Math.Abs(ours / theirs - 1))];
        double[] allowed = [.. Enumerable.Range(1, golden.Steps).Select(step => 3 * Math.Max(Resolution, golden.Spread(step)))];
        output.WriteLine(string.Join("\n", differences.Zip(allowed, (found, most) => string.Create(CultureInfo.InvariantCulture, $"{found:E1} of {most:E1}"))));
        for (var i = 0; i < losses.Length; i++)
            Assert.True(differences[i] <= allowed[i], $"The loss of step {i + 1} is {losses[i]:R}, but PyTorch's in float64 is {golden.Losses[i]:R}: {differences[i]:E1} apart, not {allowed[i]:E1}.");
    }
}
