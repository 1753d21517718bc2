using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Yardsticks;
using Xunit;

namespace Graph.Tests.Mixed;

/// <summary>
/// The histogram of Micikevicius et al., "Mixed precision training", 2017 (figure 3): gradients of a network that has learned lie where float16 has no numbers, and a scale of the loss moves them to where it has.
/// </summary>
public sealed class UnderflowTests
{
    const int Rows = 32, Bins = 80;

    // Pictures that are a pattern of their class and noise, as Mlp takes them.
    static (float[] X, int[] Label) Batch(int seed)
    {
        var (patterns, noise) = (new Random(1), new Random(seed));
        var pattern = Enumerable.Range(0, 10 * 784).Select(_ => (float)(patterns.NextDouble() - 0.5)).ToArray();
        var label = Enumerable.Range(0, Rows).Select(_ => noise.Next(10)).ToArray();
        return ([.. Enumerable.Range(0, Rows * 784).Select(i => pattern[label[i / 784] * 784 + i % 784] + 0.3f * (float)(noise.NextDouble() - 0.5))], label);
    }

    // What AdamW's first mean has after one step from nothing is a tenth of the gradient, in float32 whatever the step was computed in.
    static float[] Gradients(MixedModel model, Dictionary<string, float[]> weights)
    {
        foreach (var (path, values) in weights) model.Instance.Store[path].Write<float>(values);
        var (x, label) = Batch(1000);
        Assert.True(model.Step([x, label]).IsFinite);
        return [.. weights.Keys.SelectMany(path => model.Instance.Store["optimizer.m." + path].Values.ToArray()).Select(m => m * 10)];
    }

    // By powers of two: [i] counts those in [2⁻ⁱ, 2¹⁻ⁱ).
    static int[] Histogram(IEnumerable<float> values)
    {
        var bins = new int[Bins];
        foreach (var value in values.Where(v => v != 0)) bins[Math.Clamp(-Math.ILogB(value), 0, Bins - 1)]++;
        return bins;
    }

    [Fact]
    public void Gradients_of_a_trained_network_vanish_in_float16_unless_the_loss_is_scaled()
    {
        using var trained = MixedModel.Of(typeof(Mlp), Precisions.Float32);
        trained.Instance.LearningRate = 1e-3;
        var loss = 0.0;
        for (var step = 0; step < 20; step++)
        {
            var (x, label) = Batch(2 + step);
            loss = trained.Step([x, label]).Loss;
        }
        Assert.InRange(loss, 0, 1.2); // it has learned
        var weights = trained.Instance.Store.All.Where(t => t.Kind == StateKind.Parameter).ToDictionary(t => t.Path, t => t.Values.ToArray());
        using var single = MixedModel.Of(typeof(Mlp), Precisions.Float32);
        using var plain = MixedModel.Of(typeof(Mlp), Precisions.Float16, lossScale: 1);
        using var scaled = MixedModel.Of(typeof(Mlp), Precisions.Float16);
        var (exact, without, with) = (Gradients(single, weights), Gradients(plain, weights), Gradients(scaled, weights));

        var bins = Histogram(exact);
        var (all, below) = (bins.Sum(), bins.Skip(25).Sum()); // less than half of float16's smallest number, 2⁻²⁴
        Assert.True(below > 0.2 * all, $"{below} of {all} gradients are below float16.");
        // All of them are in its range once they are multiplied by 65536, the scale that a model begins with.
        Assert.Equal(0, exact.Count(g => Math.Abs(g) * 65536 >= 65504));
        double Lost(float[] got) => exact.Zip(got).Count(p => p.First != 0 && p.Second == 0) / (double)all;
        Assert.True(Lost(without) > 0.2, $"{Lost(without):P1} are lost without a scale.");
        Assert.True(Lost(with) < 0.05 && Lost(with) < Lost(without) / 5, $"{Lost(with):P1} are lost with a scale, {Lost(without):P1} without.");
        // What is not lost is what it was: the histograms agree to where float16 ends.
        double Apart(float[] got) => Math.Sqrt(exact.Zip(got).Sum(p => Math.Pow(p.First - p.Second, 2)) / exact.Sum(g => Math.Pow(g, 2)));
        Assert.True(Apart(with) < 0.01, $"The gradients are {Apart(with):P2} apart with a scale.");
        var kept = Histogram(with);
        for (var i = 0; i < 24; i++) Assert.InRange(kept[i], 0.9 * bins[i] - 20, 1.1 * bins[i] + 20);
    }
}
