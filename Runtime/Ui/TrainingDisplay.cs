using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading.Tasks;
using Spectre.Console;

namespace Graph.Ui;

/// <summary>
/// Shows training on the console: a progress bar with loss and speed on a terminal, plain lines at every evaluation where the output goes to a file. Keeps the curves for a report.
/// </summary>
public sealed class TrainingDisplay
{
    readonly IAnsiConsole console;
    readonly string unit;
    readonly double unitsPerSample;
    readonly List<(double Step, double Value)> loss = [];
    readonly List<(double Step, double Value)> validation = [];
    double smoothed = double.NaN;

    /// <param name="unit">What is counted a second, such as <c>images</c> or <c>tokens</c>.</param>
    /// <param name="unitsPerSample">How many of them a row of a batch holds.</param>
    /// <param name="console">Where to write; the process's console when left out.</param>
    public TrainingDisplay(string unit = "samples", double unitsPerSample = 1, IAnsiConsole? console = null)
    {
        this.unit = unit;
        this.unitsPerSample = unitsPerSample;
        this.console = console ?? AnsiConsole.Console;
    }

    /// <summary>The loss of training batches by step, at most a few thousand points.</summary>
    public IReadOnlyList<(double Step, double Value)> Loss => loss;

    /// <summary>The validation losses by step.</summary>
    public IReadOnlyList<(double Step, double Value)> Validation => validation;

    /// <summary>Shows what <paramref name="train"/> reports until it is done.</summary>
    /// <param name="train">Starts the training with the progress it is given.</param>
    public async Task<FitResult> RunAsync(Func<IProgress<FitProgress>, Task<FitResult>> train)
    {
        if (!console.Profile.Capabilities.Interactive || !console.Profile.Out.IsTerminal)
            return await train(new Reporter(progress => Lines(progress)));
        return await console.Progress().HideCompleted(false).AutoClear(false)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                var task = context.AddTask("training", maxValue: 1);
                var result = await train(new Reporter(progress =>
                {
                    Record(progress);
                    task.MaxValue = Math.Max(1, progress.TotalSteps);
                    task.Value = progress.Step;
                    task.Description = Markup.Escape(Describe(progress));
                }));
                return result;
            });
    }

    // Progress<T> would post to the thread pool and let reports overtake each other.
    sealed class Reporter(Action<FitProgress> report) : IProgress<FitProgress>
    {
        public void Report(FitProgress value) => report(value);
    }

    void Lines(FitProgress progress)
    {
        Record(progress);
        if (progress.ValidationLoss is not null || progress.Metrics.Count > 0 || progress.Step == 1) console.WriteLine(Describe(progress));
    }

    void Record(FitProgress progress)
    {
        if (progress.ValidationLoss is { } measured) validation.Add((progress.Step, measured));
        if (loss.Count > 0 && loss[^1].Step >= progress.Step) return;
        smoothed = double.IsNaN(smoothed) ? progress.Loss : 0.95 * smoothed + 0.05 * progress.Loss;
        var every = Math.Max(1, progress.TotalSteps / 2000);
        if (progress.Step % every == 0 || progress.Step <= 1) loss.Add((progress.Step, progress.Loss));
    }

    string Describe(FitProgress progress)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"step {progress.Step}/{progress.TotalSteps}  loss {smoothed:0.000}");
        if (validation.Count > 0) text += string.Create(CultureInfo.InvariantCulture, $"  held out {validation[^1].Value:0.000}");
        foreach (var metric in progress.Metrics) text += $"  {metric}";
        return text + string.Create(CultureInfo.InvariantCulture, $"  {progress.SamplesPerSecond * unitsPerSample:N0} {unit}/s");
    }
}
