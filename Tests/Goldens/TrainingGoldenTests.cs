using System;
using System.Linq;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler;
using Graph.Tests.Elaboration;
using Graph.Yardsticks;
using Xunit;

namespace Graph.Tests.Goldens;

/// <summary>Training from PyTorch's weights and batches, through every stage of the compiler up to what kernels are made from.</summary>
public class TrainingGoldenTests
{
    // GRAPH_ALL_STEPS=1 makes all ten steps of the large models too, which takes the interpreter minutes.
    static readonly bool allSteps = Environment.GetEnvironmentVariable("GRAPH_ALL_STEPS") == "1";

    [Theory]
    [InlineData(typeof(Mlp), "mlp", 10)]
    [InlineData(typeof(CnnWithoutDropout), "cnn", 10)]
    [InlineData(typeof(NanoGpt), "nanogpt", 10)]
    [InlineData(typeof(ResNet18), "resnet18", 2)]
    [InlineData(typeof(Gpt2Short), "gpt2", 1)]
    public void Steps_in_float64_are_those_of_PyTorch(Type model, string name, int steps)
    {
        var golden = Golden.Training(name);
        var elaborated = Elaborate.Built(model);
        var program = CompilerPipeline.Run(elaborated.Program, KnownTargets.Cpu, verify: true).Final;
        var run = TrainingRun.Make(program, golden, allSteps ? golden.Steps : steps, float64: true, (step, states) =>
        {
            foreach (var row in golden.Digests.Where(digest => digest.Step == step).SelectMany(digest => digest.Rows))
            {
                var difference = row.Difference(states[row.Name].Real);
                Assert.True(difference <= 1e-8, $"After step {step}, {row.Name} differs by {difference:E1} of its norm.");
            }
        });
        for (var i = 0; i < run.Losses.Length; i++)
        {
            var difference = Math.Abs(run.Losses[i] / golden.Losses[i] - 1);
            Assert.True(difference <= 1e-8, $"The loss of step {i + 1} is {run.Losses[i]:R}, but PyTorch's is {golden.Losses[i]:R}: {difference:E1} apart.");
        }
    }
}
