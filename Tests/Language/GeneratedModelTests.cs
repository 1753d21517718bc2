using System;
using System.Linq;
using Graph.Nn;
using Graph.Tests.Generators;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Language;

/// <summary>What the language has beyond layers, through the generator: members as callers see them, and a created model that runs.</summary>
public sealed class GeneratedModelTests
{
    const string Source = """
        [Model] [Dim("B", Max = 8, Typical = 2)] public partial class M
        {
            readonly Linear layer = new(4, 2);
            readonly Tensor mask = Tensor.From(new[] { 1f, 0, 1, 0 });
            readonly State last = new([4], Init.Values(new float[] { 1, 2, 3, 4 }), lifetime: StateLifetime.Session);
            [Entry] public Tensor Noisy([Shape("B", 4)] Tensor x) => x * mask + Tensor.Normal(x.Shape);
            [Entry(Training = true)] public Tensor Sample([Shape("B", 4)] Tensor x) => layer.Forward(x.Dropout(0.5));
            [Entry] public Tensor Slope([Shape("B", 4)] Tensor x) => Tensor.Gradient(layer.Forward(x).Square().Sum(), x);
            [Entry] public Tensor Next([Shape(1)] Tensor x) { last.AssignAt(x, 2); return last * 2; }
            [Loss] public Tensor Loss([Shape("B", 4)] Tensor x) => (layer.Forward(x + Tensor.Normal(x.Shape, 0, 0.1)) - layer.Forward(x).Detach()).Square().Mean();
            [Train] public static Sgd Optimizer() => new(learningRate: 0.1);
        }
        """;

    [Fact]
    public void Members_show_no_seed_and_a_model_runs()
    {
        var compilation = Harness.Compile("Test", [("Model.cs", Harness.Usings + "using Graph.Nn;\n" + Source)], [MetadataReference.CreateFromFile(typeof(Linear).Assembly.Location)]);
        var (generated, _) = Harness.Generate(compilation);
        Assert.Empty(Harness.Analyze(generated));
        Assert.Equal(1, Running.All(generated));
        var seen = Running.With(generated, model =>
        {
            // The author's own method takes tensors, the compiled one spans.
            int Parameters(string method) => model.GetType().GetMethods().Single(m => m.Name == method && m.GetParameters().All(p => p.ParameterType.IsByRefLike)).GetParameters().Length;
            Assert.Equal((2, 2, 2, 2, 1, 1), (Parameters("Noisy"), Parameters("Sample"), Parameters("Slope"), Parameters("Next"), Parameters("Loss"), Parameters("TrainStep")));
            Assert.Equal(["layer.weight", "layer.bias", "last"], model.Parameters.Select(t => t.Path));
            model.Draws = 3;
            return model.Draws;
        });
        Assert.Equal([3L], seen);
    }
}
