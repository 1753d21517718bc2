using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Runtime.Execution;
using Graph.Tests.Generators;
using Graph.Tests.Models;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Loops;

/// <summary>A recurrent model as a user has it: through the generator, in one assembly, on several threads.</summary>
public sealed unsafe class GeneratedLoopTests
{
    const string Source = """
        using Graph.Nn;

        [Model]
        [Dim("B", Max = 8, Typical = 4)]
        [Dim("T", Max = 40, Typical = 12)]
        public partial class Tagger
        {
            readonly Lstm lstm = new(3, 16, batchFirst: true);
            readonly Linear head = new(16, 4);

            Tensor Scores(Tensor x)
            {
                var (output, _, _) = lstm.Forward(x);
                return head.Forward(output);
            }

            [Entry] public Tensor Predict([Shape("B", "T", 3)] Tensor x) => Scores(x);

            [Entry] public Tensor Gated([Shape("B", "T", 3)] Tensor x)
            {
                Tensor h = Tensor.Zeros(x.Shape[0], 3);
                for (var t = 0; t < x.Shape[1]; t++) h = Tensor.If(h.Sum() > 0.5f, () => h * 0.5f - x.Select(1, t), () => (h + x.Select(1, t)).Tanh());
                return h;
            }

            [Loss] public Tensor Loss([Shape("B", "T", 3)] Tensor x, [Shape("B", "T")] Tensor<int> tag) => Scores(x).Reshape(x.Shape[0] * x.Shape[1], 4).CrossEntropy(tag.Reshape(x.Shape[0] * x.Shape[1]));

            [Train] public static AdamW Optimizer() => new(learningRate: 2e-2f);
        }
        """;

    static float[] Sequence(int batch, int time) => [.. Enumerable.Range(0, batch * time * 3).Select(i => MathF.Sin(i / 3 % time * 1.7f + i % 3))];

    static float[] Run(IModel model, string function, int batch, int time, int width)
    {
        var (x, y) = (Sequence(batch, time), new float[batch * width]);
        fixed (float* from = x, to = y) model.Instance.Run(function, [new(from, x.Length), new(to, y.Length)], [batch]);
        return y;
    }

    [Fact]
    public void A_recurrent_model_is_generated_trained_and_called_from_several_threads()
    {
        var compilation = Harness.Compile("Recurrent", [("Tagger.cs", Harness.Usings + Source)], [MetadataReference.CreateFromFile(typeof(Nn.Linear).Assembly.Location)]);
        var (generated, _) = Harness.Generate(compilation);
        Running.With(generated, model =>
        {
            // What a step gives does not depend on the steps behind it.
            var (few, many) = (Run(model, "predict", 1, 7, 7 * 4), Run(model, "predict", 1, 31, 31 * 4));
            Assert.Equal(few, many[..few.Length]);

            var x = Sequence(4, 12);
            int[] tags = [.. Enumerable.Range(0, 48).Select(i => i % 12 % 4)];
            var losses = new List<double>();
            fixed (float* from = x)
                fixed (int* tag = tags)
                    for (var step = 0; step < 40; step++) losses.Add(model.Instance.TrainStep([new(from, x.Length), new(tag, tags.Length)], [4]).Loss);
            Assert.True(losses[^1] < losses[0] / 4, $"{losses[0]} to {losses[^1]}");

            var alone = Enumerable.Range(1, 40).Select(time => (Run(model, "predict", 2, time, time * 4), Run(model, "gated", 2, time, 3))).ToArray();
            Parallel.For(0, 160, i =>
            {
                var time = i % 40 + 1;
                Assert.Equal(alone[time - 1].Item1, Run(model, "predict", 2, time, time * 4));
                Assert.Equal(alone[time - 1].Item2, Run(model, "gated", 2, time, 3));
            });
            return true;
        });
    }

    [Fact]
    public void Bits_do_not_depend_on_the_number_of_threads()
    {
        var compiled = SourceModel.Lower(Source.Replace("class Tagger", "class M", StringComparison.Ordinal).Replace("using Graph.Nn;", "", StringComparison.Ordinal)).Compile();
        StepResult[] Train(int threads)
        {
            using var instance = new ModelInstance(compiled, seed: 3, threads);
            instance.Store.StartTraining();
            var x = Sequence(8, 40);
            int[] tags = [.. Enumerable.Range(0, 320).Select(i => i % 4)];
            var steps = new List<StepResult>();
            fixed (float* from = x)
                fixed (int* tag = tags)
                    for (var step = 0; step < 5; step++) steps.Add(instance.TrainStep([new(from, x.Length), new(tag, tags.Length)], [8]));
            return [.. steps];
        }
        Assert.Equal(Train(1), Train(3));
    }
}
