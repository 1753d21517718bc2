using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Graph.Runtime.Execution;
using Graph.Yardsticks;

namespace Graph.Benchmarks;

/// <summary>A yardstick model with a training step on a random batch.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Ir">What its class embeds.</param>
/// <param name="Over">The model over an instance.</param>
/// <param name="Batch">Rows of a batch.</param>
/// <param name="At">Draws a batch of so many rows and gives the step on it.</param>
sealed record Yardstick(string Name, Func<ModelIr> Ir, Func<ModelInstance, IModel> Over, int Batch, Func<IModel, int, Func<StepResult>> At)
{
    /// <summary>Draws a batch and gives the step on it.</summary>
    public Func<StepResult> Step(IModel model) => At(model, Batch);

    /// <summary>A model for so many threads.</summary>
    public IModel Create(int threads) => Over(new(Ir().Embedded, seed: 1, threads));

    public static readonly Yardstick[] All =
    [
        new("mlp", () => Mlp.Ir, ModelInstance.Wrap<Mlp>, 128, (m, rows) => { var x = Normal(rows * 784); var y = Labels(rows, 10); return () => ((Mlp)m).TrainStep(x, y); }),
        new("cnn", () => Cnn.Ir, ModelInstance.Wrap<Cnn>, 64, (m, rows) => { var x = Normal(rows * 784); var y = Labels(rows, 10); return () => ((Cnn)m).TrainStep(x, y); }),
        new("nanogpt", () => NanoGpt.Ir, ModelInstance.Wrap<NanoGpt>, 12, (m, rows) => { var x = Labels(rows * 64, 65); var y = Labels(rows * 64, 65); return () => ((NanoGpt)m).TrainStep(x, y, rows); }),
        new("resnet18", () => ResNet18.Ir, ModelInstance.Wrap<ResNet18>, 32, (m, rows) => { var x = Normal(rows * 3 * 32 * 32); var y = Labels(rows, 10); return () => ((ResNet18)m).TrainStep(x, y); }),
        new("nanogpt1024", () => LongNanoGpt.Ir, ModelInstance.Wrap<LongNanoGpt>, 4, (m, rows) => { var x = Labels(rows * 1024, 65); var y = Labels(rows * 1024, 65); return () => ((LongNanoGpt)m).TrainStep(x, y, rows); }),
        new("gpt2", () => Gpt2.Ir, ModelInstance.Wrap<Gpt2>, 4, (m, rows) => { var x = Labels(rows * 64, 50257); var y = Labels(rows * 64, 50257); return () => ((Gpt2)m).TrainStep(x, y, rows); }),
    ];

    /// <summary>What a command line of the form <c>[--threads N] [--seconds S] [MODEL…]</c> asks for; null when it names what there is not, and standard error says so.</summary>
    public static (int Threads, double Seconds, IReadOnlyList<Yardstick> Models)? Parse(string[] args)
    {
        int threads = Math.Min(2, Environment.ProcessorCount);
        double seconds = 5;
        var names = new List<string>();
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--threads" && i + 1 < args.Length) threads = int.Parse(args[++i], CultureInfo.InvariantCulture);
            else if (args[i] == "--seconds" && i + 1 < args.Length) seconds = double.Parse(args[++i], CultureInfo.InvariantCulture);
            else names.Add(args[i]);
        }
        foreach (var name in names)
        {
            if (All.Any(y => y.Name == name)) continue;
            Console.Error.WriteLine($"unknown model {name}; there are {string.Join(", ", All.Select(y => y.Name))}");
            return null;
        }
        return (threads, seconds, [.. All.Where(y => names.Count == 0 || names.Contains(y.Name))]);
    }

    internal static float[] Normal(int count)
    {
        var random = new Random(1);
        // Box and Muller.
        return [.. Enumerable.Range(0, count).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }

    internal static int[] Labels(int count, int classes)
    {
        var random = new Random(2);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(classes))];
    }
}
