using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Yardsticks;
using Xunit;

namespace Graph.Tests.Mixed;

/// <summary>
/// Where training ends in 16 bits is where it ends in float32, over seeds: the difference of the means of held-out losses is within two standard errors. The full experiment, on both examples, is `Benchmarks seeds`, its figures in
/// docs/precision.md.
/// </summary>
public sealed class SeedTests
{
    const int Rows = 32, Seeds = 5, Steps = 40;

    // Pictures that are a faint pattern of their class in noise.
    static (float[] X, int[] Label) Batch(int seed)
    {
        var (patterns, noise) = (new Random(1), new Random(seed));
        var pattern = Enumerable.Range(0, 10 * 784).Select(_ => (float)(patterns.NextDouble() - 0.5)).ToArray();
        var label = Enumerable.Range(0, Rows).Select(_ => noise.Next(10)).ToArray();
        return ([.. Enumerable.Range(0, Rows * 784).Select(i => 0.2f * pattern[label[i / 784] * 784 + i % 784] + (float)(2 * noise.NextDouble() - 1))], label);
    }

    static readonly (float[] X, int[] Label)[] batches = [.. Enumerable.Range(2, Steps + 4).Select(Batch)];

    static double[] Losses(string precision)
    {
        using var compiled = MixedModel.Of(typeof(Mlp), precision);
        var losses = new List<double>();
        for (var seed = 1UL; seed <= Seeds; seed++)
        {
            using var model = compiled.From(seed);
            model.Instance.LearningRate = 1e-3;
            for (var step = 0; step < Steps; step++) model.Step([batches[step].X, batches[step].Label]);
            // At a rate of 0 a step is an evaluation.
            model.Instance.LearningRate = 0;
            losses.Add(batches.Skip(Steps).Average(b => model.Step([b.X, b.Label]).Loss));
        }
        return [.. losses];
    }

    [Fact]
    public void Five_seeds_in_16_bits_end_where_those_in_float32_do()
    {
        static double Variance(double[] x) => x.Sum(v => Math.Pow(v - x.Average(), 2)) / (x.Length - 1);
        var single = Losses(Precisions.Float32);
        Assert.True(single.Average() < 2, $"The loss is {single.Average():0.000} after {Steps} steps, of ln 10 = 2.303 before.");
        foreach (var precision in new[] { Precisions.Float16, Precisions.BFloat16 })
        {
            var narrow = Losses(precision);
            var (difference, error) = (narrow.Average() - single.Average(), Math.Sqrt((Variance(narrow) + Variance(single)) / Seeds));
            Assert.True(Math.Abs(difference) <= 2 * error, $"{precision} ends at {narrow.Average():0.0000}, float32 at {single.Average():0.0000}: {difference:E1} apart, the standard error is {error:E1}.");
        }
    }
}
