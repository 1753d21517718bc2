using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Data;
using Graph.Ui;

namespace Graph.Examples.Gpt;

/// <summary>Trains a character-level transformer on a text, samples from it, and goes on from its checkpoint when called again with --resume.</summary>
static class Program
{
    const int Context = 64, BatchSize = 12, Vocabulary = 256;
    const string VocabularyFact = "vocabulary";

    static readonly Option<int> sample = new("--sample") { Description = "How many characters to write at the end.", DefaultValueFactory = _ => 500 };
    static readonly Option<float> temperature = new("--temperature") { Description = "Below 1 the text is more likely, above 1 more varied.", DefaultValueFactory = _ => 0.8f };
    static readonly Option<bool> readAgain = new("--read-again") { Description = "Write by reading all of the context for each character instead of keeping keys and values: the same text, slower." };

    static Program()
    {
        ExampleOptions.Require(sample, n => n >= 0, "a number of at least 0");
        ExampleOptions.Require(temperature, t => t > 0 && float.IsFinite(t), "a number above 0");
    }

    static Task<int> Main(string[] args) => ExampleOptions.RunAsync(
        args, "Trains a character-level transformer (nanoGPT's CPU configuration) and samples text from it.",
        "A text file, or a folder whose C# sources are read; this repository's own sources when left out.", "out/gpt", Run, sample, temperature, readAgain);

    static async Task Run(ExampleOptions options, CancellationToken cancel)
    {
        if (options.Memory)
        {
            Console.Write(CharacterGpt.Memory(B: BatchSize, precision: options.Precision, threads: options.Threads));
            return;
        }
        var text = Corpus.Read(options.Data, Vocabulary);
        var (checkpoint, report) = (options.File("gpt.safetensors"), options.File("report.html"));
        // A token means to the model what it meant when it was trained, whatever characters the text has now.
        var trained = options.Resume == ResumeMode.Never || !File.Exists(checkpoint) ? null : RunDescription.Read(checkpoint)?.Facts.GetValueOrDefault(VocabularyFact);
        var vocabulary = new CharacterVocabulary(trained ?? text);
        var (training, heldOut) = new TokenWindows(vocabulary.Encode(text), Context, "text", "next").SplitText(0.1);
        if (options.Epochs is not null) Console.WriteLine("note: texts are sampled at random; an epoch is as many windows as the text has disjoint ones.");
        var perEpoch = Math.Max(1, training.Count / Context / BatchSize);
        var steps = options.Steps ?? (options.Epochs is { } epochs ? (long)epochs * perEpoch : 2000);

        using var model = CharacterGpt.Create(options.Precision, options.Device, options.Seed, options.Threads);
        var plan = ((IModel)model).Instance.Plan("train_step", new DimBinding([new("B", BatchSize)]));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{text.Length:N0} characters, {vocabulary.Count} different ones; {model.Parameters.ParameterCount:N0} parameters; {steps:N0} steps of {BatchSize}×{Context} characters"));

        var display = new TrainingDisplay("characters", Context);
        var batches = new BatchLoader(training, BatchSize, new() { Order = BatchOrder.Sampled, Seed = options.Seed, BatchesPerEpoch = perEpoch });
        var validation = new BatchLoader(heldOut, BatchSize, new() { Order = BatchOrder.Sampled, Seed = 1, BatchesPerEpoch = Math.Min(200, Math.Max(1, heldOut.Count / BatchSize)) });
        var result = await display.RunAsync(progress => model.FitAsync(
            batches,
            new()
            {
                Steps = steps,
                Schedule = Schedule.WarmupCosine(peak: 1e-3f, warmup: 100, floor: 1e-4f),
                Validation = validation,
                EvalEvery = (int)Math.Clamp(steps / 8, 1, 1000),
                CheckpointPath = checkpoint,
                CheckpointEvery = (int)Math.Clamp(steps / 8, 1, 1000),
                Resume = options.Resume,
                AcceptChanges = options.Accept,
                Facts = new Dictionary<string, string> { [VocabularyFact] = vocabulary.Characters },
            },
            progress, cancel));

        var (count, began) = (ExampleOptions.Parsed.GetValue(sample), Stopwatch.GetTimestamp());
        var written = new Sampler(model, vocabulary, options.Seed, ExampleOptions.Parsed.GetValue(temperature), ExampleOptions.Parsed.GetValue(readAgain)).Write("\n", count, cancel);
        var perSecond = count / Stopwatch.GetElapsedTime(began).TotalSeconds;
        new ReportPage("A small language model", $"A transformer of {model.Parameters.ParameterCount:N0} parameters on {text.Length:N0} characters, {Context} at a time.")
            .Figures(
                ("loss, held out", (result.ValidationLoss ?? double.NaN).ToString("0.000", CultureInfo.InvariantCulture)),
                ("steps", result.Steps.ToString("N0", CultureInfo.InvariantCulture)),
                ("training", result.History.Elapsed.TotalSeconds.ToString("0 s", CultureInfo.InvariantCulture)),
                ("memory of a step", (plan.ArenaBytes / 1048576.0).ToString("0.0 MB", CultureInfo.InvariantCulture)))
            .History(result.History, "loss (nats a character)")
            .Memory("Memory of a training step", CharacterGpt.Memory(B: BatchSize, precision: options.Precision, threads: options.Threads)["train_step"])
            .Text("What it writes", written)
            .Facts("This run", [.. RunFacts.Of(options, options.Data ?? "the sources of this repository", checkpoint), ("context", $"{Context} characters"), ("vocabulary", $"{vocabulary.Count} characters")])
            .Write(report);

        Console.WriteLine(written);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"wrote {count:N0} characters, {perSecond:N0} a second"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"held-out loss {result.ValidationLoss:0.000} after {result.Steps:N0} steps in {result.History.Elapsed.TotalSeconds:0} s"));
        Console.WriteLine($"checkpoint {Path.GetRelativePath(Environment.CurrentDirectory, checkpoint)}   report {Path.GetRelativePath(Environment.CurrentDirectory, report)}");
        Metrics.Write(
            options.Metrics, ("validation_loss", result.ValidationLoss ?? double.NaN), ("steps", result.Steps), ("seconds", result.History.Elapsed.TotalSeconds),
            ("parameters", model.Parameters.ParameterCount), ("arena_bytes", plan.ArenaBytes), ("arena_lower_bound", plan.LowerBound),
            ("characters_per_second", perSecond), ("loss_scale", model.Training().LossScale), ("skipped_steps", model.Training().SkippedSteps));
    }
}
