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
/// <param name="Step">Draws a batch and gives the step on it.</param>
sealed record Yardstick(string Name, Func<ModelIr> Ir, Func<ModelInstance, IModel> Over, Func<IModel, Func<StepResult>> Step)
{
    /// <summary>A model for so many threads.</summary>
    public IModel Create(int threads) => Over(new(Ir().Embedded, seed: 1, threads));

    public static readonly Yardstick[] All =
    [
        new("mlp", () => Mlp.Ir, ModelInstance.Wrap<Mlp>, m => { var x = Normal(128 * 784); var y = Labels(128, 10); return () => ((Mlp)m).TrainStep(x, y); }),
        new("cnn", () => Cnn.Ir, ModelInstance.Wrap<Cnn>, m => { var x = Normal(64 * 784); var y = Labels(64, 10); return () => ((Cnn)m).TrainStep(x, y); }),
        new("nanogpt", () => NanoGpt.Ir, ModelInstance.Wrap<NanoGpt>, m => { var x = Labels(12 * 64, 65); var y = Labels(12 * 64, 65); return () => ((NanoGpt)m).TrainStep(x, y, 12); }),
        new("resnet18", () => ResNet18.Ir, ModelInstance.Wrap<ResNet18>, m => { var x = Normal(32 * 3 * 32 * 32); var y = Labels(32, 10); return () => ((ResNet18)m).TrainStep(x, y); }),
        new("nanogpt1024", () => LongNanoGpt.Ir, ModelInstance.Wrap<LongNanoGpt>, m => { var x = Labels(4 * 1024, 65); var y = Labels(4 * 1024, 65); return () => ((LongNanoGpt)m).TrainStep(x, y, 4); }),
        new("gpt2", () => Gpt2.Ir, ModelInstance.Wrap<Gpt2>, m => { var x = Labels(4 * 64, 50257); var y = Labels(4 * 64, 50257); return () => ((Gpt2)m).TrainStep(x, y, 4); }),
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
