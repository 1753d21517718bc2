using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Passes;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Targets;
using Graph.Nn;
using Graph.Tests.Elaboration;
using Graph.Tests.Goldens;
using Graph.Tests.Models;
using Xunit;

namespace Graph.Tests.Loops;

/// <summary><see cref="Rnn"/>, <see cref="Lstm"/> and <see cref="Gru"/>: PyTorch's names and numbers.</summary>
public sealed class RecurrentTests
{
    static string Model(string layer, string options = "layers: 2, batchFirst: true, bidirectional: true", string time = "\"T\"", int directions = 2, string lengths = "") => $$"""
        [Model]
        [Dim("B", Max = 8, Typical = 3)]
        [Dim("T", Max = 16, Typical = 7)]
        public partial class M
        {
            readonly {{layer}} layer = new(4, 6{{(options.Length > 0 ? ", " + options : "")}});
            readonly Linear head = new({{6 * directions}}, 3);

            [Entry]
            public (Tensor Output, Tensor Scores) Predict([Shape("B", {{time}}, 4)] Tensor sequence{{(lengths.Length > 0 ? ", [Shape(\"B\")] Tensor<int> lengths" : "")}})
            {
                {{(layer == "Lstm" ? "var (output, h, c) = " : "var (output, h) = ")}}layer.Forward(sequence{{lengths}});
                output = output + h.Sum(2).Sum(0).Unsqueeze(1).Unsqueeze(2);
                {{(layer == "Lstm" ? "output = output + c.Sum(2).Sum(0).Unsqueeze(1).Unsqueeze(2);" : "")}}
                return (output, head.Forward(output.Mean(1)));
            }

            [Loss]
            public Tensor Loss([Shape("B", {{time}}, 4)] Tensor sequence, [Shape("B")] Tensor<int> label{{(lengths.Length > 0 ? ", [Shape(\"B\")] Tensor<int> lengths" : "")}})
                => Predict(sequence{{(lengths.Length > 0 ? ", lengths" : "")}}).Scores.CrossEntropy(label);

            [Train] static AdamW Optimizer() => new(learningRate: 1e-3);
        }
        """;

    [Theory]
    [InlineData("Rnn", "rnn")]
    [InlineData("Lstm", "lstm")]
    [InlineData("Gru", "gru")]
    public void Steps_are_those_of_PyTorch(string layer, string name)
    {
        var golden = Golden.Training(name);
        var model = Elaborate.Model(Model(layer));
        var program = CompilerPipeline.Run(model.Program, KnownTargets.Cpu, verify: true).Final;
        var run = TrainingRun.Make(program, golden, golden.Steps, float64: true, (step, states) =>
        {
            foreach (var row in golden.Digests.Where(digest => digest.Step == step).SelectMany(digest => digest.Rows))
                Assert.True(row.Difference(states[row.Name].Real) <= 1e-8, $"After step {step}, {row.Name} differs by {row.Difference(states[row.Name].Real):E1} of its norm.");
        });
        for (var i = 0; i < run.Losses.Length; i++) Assert.Equal(golden.Losses[i], run.Losses[i], 1e-8);
    }

    [Theory]
    [InlineData("Rnn")]
    [InlineData("Lstm")]
    [InlineData("Gru")]
    public void Compiled_steps_are_those_of_the_reference(string layer) => Assert.InRange(SourceModel.Lower(Model(layer)).Train(3), 0, 1e-4);

    [Fact]
    public void Rows_of_several_lengths_train() => Assert.InRange(SourceModel.Lower(Model("Lstm", lengths: ", lengths: lengths")).Train(3), 0, 1e-4);

    [Theory]
    [InlineData("Rnn", "activation: RnnActivation.Relu, bias: false, batchFirst: true")]
    [InlineData("Gru", "layers: 3, dropout: 0.2, batchFirst: true")]
    public void Options_are_PyTorchs(string layer, string options) => Assert.InRange(SourceModel.Lower(Model(layer, options, directions: 1)).Train(2), 0, 1e-4);

    [Fact]
    public void Parameters_have_the_names_of_PyTorch()
    {
        var model = Elaborate.Model(Model("Gru"));
        Assert.Equal(
            from number in (int[])[0, 1] from reverse in (string[])["", "_reverse"] from kind in (string[])["weight_ih", "weight_hh", "bias_ih", "bias_hh"] select $"layer.{kind}_l{number}{reverse}",
            model.Program.States.Select(s => s.Path).Where(path => path.StartsWith("layer.", StringComparison.Ordinal)));
        Assert.Equal("[18, 12]", model.Program.FindState("layer.weight_ih_l1")!.Type.Shape.ToString());
    }

    [Fact]
    public void Two_hundred_steps_are_as_many_launches_as_ten()
    {
        SourceModel Lower(int time) => SourceModel.Lower(Model("Lstm", "batchFirst: true", time.ToString(System.Globalization.CultureInfo.InvariantCulture), 1));
        var (small, large) = (Lower(10), Lower(200));
        Assert.Equal(ProgramPrinter.Print(small.Stages.Final).Split('\n').Length, ProgramPrinter.Print(large.Stages.Final).Split('\n').Length);
        Assert.Equal(small.Lowered.Kernels.Length, large.Lowered.Kernels.Length);
        for (var f = 0; f < small.Lowered.Functions.Length; f++)
            Assert.Equal(small.Lowered.Functions[f].Launches.Length, large.Lowered.Functions[f].Launches.Length);
    }
}
