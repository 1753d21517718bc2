using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Graph.Data;
using Graph.Ui;

namespace Graph.Examples.Digits;

/// <summary>
/// Trains a small convolutional network to read handwritten digits, shows how well it does, saves it, loads it and checks that it still says the same. A run that was stopped goes on with --resume.
/// </summary>
static class Program
{
    const int BatchSize = 64;

    static Task<int> Main(string[] args) => ExampleOptions.RunAsync(
        args, "Trains a convolutional network to read handwritten digits.",
        "A folder with MNIST's four IDX files (gz or not) instead of the 1797 digits of 8×8 pixels that come with the example.", "out/digits", Run);

    static async Task Run(ExampleOptions options, CancellationToken cancel)
    {
        var data = options.Data is { } folder ? DigitData.Mnist(folder) : DigitData.Included(options.Seed);
        var epochs = options.Epochs ?? (data.Side == 8 ? 30 : 5);
        var batches = new BatchLoader(data.Training, BatchSize, new() { Seed = options.Seed, DropLast = true });
        var steps = options.Steps ?? (long)epochs * batches.Batches;
        var (model, report) = (options.File("digits.safetensors"), options.File("report.html"));
        if (options.Memory)
        {
            Console.Write(Reader.Memory(data.Side, BatchSize, options.Precision, options.Threads));
            return;
        }
        using var reader = Reader.Create(data.Side, options.Device, options.Seed, options.Threads, options.Precision);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{data.Training.Count:N0} images to train on, {data.HeldOut.Count:N0} held out; {reader.Model.Parameters.ParameterCount:N0} parameters; {steps:N0} steps of {BatchSize}"));

        var display = new TrainingDisplay("images");
        var result = await display.RunAsync(progress => reader.FitAsync(
            batches,
            new()
            {
                Steps = steps,
                Schedule = Schedule.WarmupCosine(peak: 2e-3f, warmup: 50),
                Validation = new BatchLoader(data.HeldOut, 256, new() { Order = BatchOrder.Sequential }),
                Metrics = [new("accuracy", stop => Reader.Accuracy(reader.Confusion(data.HeldOut, stop)), "0.00 %")],
                EvalEvery = (int)Math.Clamp(steps / 5, 1, 5 * batches.Batches),
                CheckpointPath = options.File("checkpoint.safetensors"),
                Resume = options.Resume,
                AcceptChanges = options.Accept,
            },
            progress, cancel));

        var confusion = reader.Confusion(data.HeldOut, cancel);
        var accuracy = Reader.Accuracy(confusion);
        reader.Model.Save(model, weightsOnly: true);
        Verify(model, data, reader, options);

        var plan = reader.Plan(BatchSize);
        new ReportPage("Handwritten digits", $"A convolutional network on {data.Training.Count:N0} images of {data.Side}×{data.Side} pixels; figures are of {data.HeldOut.Count:N0} images that it never saw.")
            .Figures(
                ("accuracy, held out", accuracy.ToString("0.00 %", CultureInfo.InvariantCulture)),
                ("loss, held out", (result.ValidationLoss ?? double.NaN).ToString("0.0000", CultureInfo.InvariantCulture)),
                ("training", result.History.Elapsed.TotalSeconds.ToString("0.0 s", CultureInfo.InvariantCulture)),
                ("parameters", reader.Model.Parameters.ParameterCount.ToString("N0", CultureInfo.InvariantCulture)),
                ("memory of a step", (plan.ArenaBytes / 1048576.0).ToString("0.0 MB", CultureInfo.InvariantCulture)))
            .History(result.History)
            .Memory("Memory of a training step", Reader.Memory(data.Side, BatchSize, options.Precision, options.Threads)["train_step"])
            .ConfusionMatrix("What it took each digit for", [.. Enumerable.Range(0, 10).Select(i => i.ToString(CultureInfo.InvariantCulture))], confusion)
            .Facts("This run", [.. RunFacts.Of(options, $"{options.Data ?? "the digits that come with the example"}, {data.Training.Count:N0} images", options.File("checkpoint.safetensors")), ("steps", result.Steps.ToString("N0", CultureInfo.InvariantCulture))])
            .Write(report);

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"held-out accuracy {accuracy:0.00%} after {result.Steps:N0} steps in {result.History.Elapsed.TotalSeconds:0.0} s"));
        Console.WriteLine($"model  {Path.GetRelativePath(Environment.CurrentDirectory, model)} (reloaded: predicts the same)");
        Console.WriteLine($"report {Path.GetRelativePath(Environment.CurrentDirectory, report)}");
        Metrics.Write(
            options.Metrics, ("test_accuracy", accuracy), ("validation_loss", result.ValidationLoss ?? double.NaN), ("steps", result.Steps), ("seconds", result.History.Elapsed.TotalSeconds),
            ("parameters", reader.Model.Parameters.ParameterCount), ("arena_bytes", plan.ArenaBytes), ("arena_lower_bound", plan.LowerBound),
            ("loss_scale", reader.Model.Training().LossScale), ("skipped_steps", reader.Model.Training().SkippedSteps));
    }

    // The saved file makes another model say the same, bit for bit.
    static void Verify(string path, DigitData data, Reader trained, ExampleOptions options)
    {
        using var loaded = Reader.Create(data.Side, options.Device, seed: 0, options.Threads, options.Precision);
        loaded.Model.Load(path);
        using var batch = new BatchLoader(data.HeldOut, 256, new() { Order = BatchOrder.Sequential }).Open(0);
        batch.Next();
        var before = new float[batch.Count * 10];
        var after = new float[batch.Count * 10];
        trained.Predict(batch.Values<float>("image"), before);
        loaded.Predict(batch.Values<float>("image"), after);
        if (!before.AsSpan().SequenceEqual(after)) throw new InvalidDataException($"{path} does not give back the model that was saved.");
    }
}
