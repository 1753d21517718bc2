using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using Graph.Tests.Goldens;
using Graph.Tests.Language;
using Xunit;

namespace Graph.Tests.Loops;

/// <summary>Files of PyTorch's recurrent layers, stacked and bidirectional: they load by their names, and the model computes what PyTorch does.</summary>
public sealed class RecurrentFileTests
{
    sealed record Results(float[] Scores, float[] Hidden, float[] Cell);

    static string Model(string layer) => $$"""
        [Model]
        [Dim("B", Max = 8, Typical = 3)]
        public partial class M
        {
            readonly {{layer}} layer = new(4, 5, layers: 2, batchFirst: true, dropout: 0.25, bidirectional: true);
            readonly Linear head = new(10, 3);

            [Entry]
            public (Tensor Scores, Tensor Hidden{{(layer == "Lstm" ? ", Tensor Cell" : "")}}) Predict([Shape("B", 6, 4)] Tensor x)
            {
                var r = layer.Forward(x);
                return (head.Forward(r.Item1), r.Item2{{(layer == "Lstm" ? ", r.Item3" : "")}});
            }
        }
        """;

    [Theory]
    [InlineData("Rnn")]
    [InlineData("Lstm")]
    [InlineData("Gru")]
    public void A_file_of_PyTorchs_loads_and_computes_the_same(string layer)
    {
        var folder = Path.Combine(Repository.Root, "Tests", "Goldens", "Files");
        var golden = JsonSerializer.Deserialize<Results>(File.ReadAllText(Path.Combine(folder, $"tagger_{layer.ToLowerInvariant()}.json")), JsonSerializerOptions.Web)!;
        using var model = RunningModel.Of(Model(layer));
        var path = Path.Combine(folder, $"tagger_{layer.ToLowerInvariant()}.safetensors");
        model.Instance.LoadCheckpoint(path, new());
        float[] x = [.. GoldenValues.Reals("tagger:x", 72, 2, 0).Select(v => (float)v)];
        var results = model.Call("predict", layer == "Lstm" ? [54, 60, 60] : [54, 60], x);
        foreach (var (expected, actual) in new[] { golden.Scores, golden.Hidden, golden.Cell }.Zip(results))
            for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 2e-6f);

        // A layer that is another one says which names and shapes differ.
        using var other = RunningModel.Of(Model(layer).Replace("layers: 2", "layers: 1", StringComparison.Ordinal));
        var error = Assert.Throws<CheckpointException>(() => other.Instance.LoadCheckpoint(path, new()));
        Assert.Contains(error.Problems, p => p.Contains("layer.weight_ih_l1_reverse", StringComparison.Ordinal));
    }
}
