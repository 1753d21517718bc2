using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Yardsticks.Architectures;
using Xunit;

namespace Graph.Tests.Models;

/// <summary>Architectures written as one would port them from elsewhere: each learns its batch by heart, without a step that is not finite.</summary>
public sealed class ArchitectureTests
{
    static readonly Dictionary<string, (int Steps, Func<Draw, (IModel, Func<StepResult>)> Make)> Models = new(StringComparer.Ordinal)
    {
        ["lstm"] = (60, d => { var m = Lstm.Create(seed: 1); var (x, y) = (d.Reals(8 * 60), d.Classes(8, 3)); return (m, () => m.TrainStep(x, y)); }),
        ["u-net"] = (60, d => { var m = UNet.Create(seed: 1); var x = d.Reals(2 * 256); var y = Bits(x, 0.2f); return (m, () => m.TrainStep(x, y)); }),
        ["mobilenet"] = (40, d => { var m = MobileNet.Create(seed: 1); var (x, y) = (d.Reals(4 * 768), d.Classes(4, 5)); return (m, () => m.TrainStep(x, y)); }),
        ["vision transformer"] = (30, d => { var m = VisionTransformer.Create(seed: 1); var (x, y) = (d.Reals(4 * 768), d.Classes(4, 10)); return (m, () => m.TrainStep(x, y)); }),
        ["encoder-decoder"] = (40, d =>
        {
            var m = EncoderDecoder.Create(seed: 1);
            var (text, translation, next) = (d.Classes(4 * 7, 50), d.Classes(4 * 5, 50), d.Classes(4 * 5, 50));
            var mask = Enumerable.Range(0, 4 * 7).Select(i => i % 7 < 5 ? 1f : 0).ToArray();
            return (m, () => m.TrainStep(text, mask, translation, next, 4));
        }),
        ["contrastive"] = (40, d => { var m = Contrastive.Create(seed: 1); var (x, y) = (d.Reals(8 * 12), d.Reals(8 * 9)); return (m, () => m.TrainStep(x, y)); }),
        ["mlp-mixer"] = (40, d => { var m = MlpMixer.Create(seed: 1); var (x, y) = (d.Reals(8 * 144), d.Reals(8 * 4)); return (m, () => m.TrainStep(x, y)); }),
        ["radiance field"] = (100, d => { var m = RadianceField.Create(seed: 1); var (x, y) = (d.Reals(32 * 2), Bits(d.Reals(32 * 3), 0)); return (m, () => m.TrainStep(x, y)); }),
        ["mixture of experts"] = (120, d => { var m = MixtureOfExperts.Create(seed: 1); var (x, y) = (d.Reals(8 * 6), d.Reals(8 * 5)); return (m, () => m.TrainStep(x, y)); }),
        ["graph convolution"] = (60, d =>
        {
            var m = GraphConvolution.Create(seed: 1);
            var edges = Bits(d.Reals(400), 0.6f);
            for (var i = 0; i < 20; i++) edges[i * 21] = 1;
            var (features, label, weight) = (d.Reals(160), d.Classes(20, 3), Bits(d.Reals(20), 0));
            return (m, () => m.TrainStep(edges, features, label, weight));
        }),
    };

    public static TheoryData<string> Names => [.. Models.Keys];

    [Theory, MemberData(nameof(Names))]
    public void It_learns(string name)
    {
        var (steps, make) = Models[name];
        var (model, step) = make(new Draw());
        using var owner = model;
        var losses = Enumerable.Range(0, steps).Select(_ => step().Loss).ToList();
        Assert.True(losses[^1] < 0.5 * losses[0], $"The loss was {losses[0]} and is {losses[^1]} after {steps} steps.");
    }

    static float[] Bits(float[] values, float above) => [.. values.Select(v => v > above ? 1f : 0)];

    sealed class Draw
    {
        readonly Random random = new(1);

        public float[] Reals(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 2 - 1))];

        public int[] Classes(int count, int classes) => [.. Enumerable.Range(0, count).Select(_ => random.Next(classes))];
    }
}
