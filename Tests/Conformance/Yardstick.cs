using System;
using System.Linq;
using Graph.Tests.Goldens;
using Graph.Yardsticks;

namespace Graph.Tests.Conformance;

/// <summary>A compiled yardstick model and the batches of its golden.</summary>
sealed class Yardstick : IDisposable
{
    readonly Func<TrainingGolden, int, StepResult> run;

    Yardstick(IModel model, TrainingGolden golden, Func<TrainingGolden, int, StepResult> run)
    {
        (Model, Golden, this.run) = (model, golden, run);
        model.LearningRate = (float)golden.Optimizer.LearningRate;
        var weights = golden.Parameters.ToDictionary(p => p.Name);
        foreach (var tensor in model.Parameters.Where(t => t.Kind == Compiler.Ir.StateKind.Parameter).ToList())
        {
            var values = weights[tensor.Path].Reals();
            tensor.Write<float>([.. values.Select(v => (float)v)]);
        }
    }

    public IModel Model { get; }

    public TrainingGolden Golden { get; }

    /// <summary>The model with PyTorch's weights. That of gpt2 has two layers.</summary>
    public static Yardstick Create(string name, int threads)
    {
        var golden = Goldens.Golden.Training(name);
        switch (name)
        {
            case "mlp":
                var mlp = Mlp.Create(threads: threads);
                return new(mlp, golden, (batch, step) => mlp.TrainStep(Reals(batch, 0, step), Integers(batch, 1, step)));
            case "cnn":
                var cnn = CnnWithoutDropout.Create(threads: threads);
                return new(cnn, golden, (batch, step) => cnn.TrainStep(Reals(batch, 0, step), Integers(batch, 1, step)));
            case "nanogpt":
                var nano = NanoGpt.Create(threads: threads);
                return new(nano, golden, (batch, step) => nano.TrainStep(Integers(batch, 0, step), Integers(batch, 1, step), batch.Inputs[0].Shape[0]));
            case "resnet18":
                var residual = ResNet18.Create(threads: threads);
                return new(residual, golden, (batch, step) => residual.TrainStep(Reals(batch, 0, step), Integers(batch, 1, step)));
            case "gpt2":
                var gpt = Gpt2Short.Create(threads: threads);
                return new(gpt, golden, (batch, step) => gpt.TrainStep(Integers(batch, 0, step), Integers(batch, 1, step), batch.Inputs[0].Shape[0]));
            default:
                throw new ArgumentOutOfRangeException(nameof(name), name, "No yardstick has this name.");
        }
    }

    /// <summary>One step on the golden's batch of that step (the first is 1).</summary>
    public StepResult Step(int step) => run(Golden, step);

    /// <summary>One step on a larger batch made in the same way.</summary>
    public StepResult Step(int step, int batch) => run(
        Golden with { Inputs = [.. Golden.Inputs.Select(input => input with { Shape = input.Shape.SetItem(0, batch) })] }, step);

    static float[] Reals(TrainingGolden golden, int input, int step) => [.. golden.Inputs[input].Reals(golden.BatchSeed(golden.Inputs[input], step)).Select(v => (float)v)];

    static int[] Integers(TrainingGolden golden, int input, int step) => [.. golden.Inputs[input].Integers(golden.BatchSeed(golden.Inputs[input], step)).Select(v => (int)v)];

    public void Dispose() => Model.Dispose();
}
