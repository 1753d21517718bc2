using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Graph.Ui;

/// <summary>
/// Shows training on the console: a bar with losses, metrics and speed on a terminal, plain lines at every evaluation where the output goes to a file. The curves are <see cref="FitResult.History"/>.
/// </summary>
public sealed class TrainingDisplay
{
    static readonly TimeSpan interval = TimeSpan.FromMilliseconds(100);

    readonly IAnsiConsole console;
    readonly ProgressText text;
    readonly Stopwatch sinceShown = new();
    FitEvaluation? evaluation;
    double smoothed = double.NaN;
    bool isGone;
    (long Step, TimeSpan At)? first;

    /// <param name="unit">What is counted a second, such as <c>images</c> or <c>tokens</c>.</param>
    /// <param name="unitsPerSample">How many of them a row of a batch holds.</param>
    /// <param name="console">Where to write; the process's console when left out.</param>
    public TrainingDisplay(string unit = "samples", double unitsPerSample = 1, IAnsiConsole? console = null)
    {
        text = new(unit, unitsPerSample);
        this.console = console ?? AnsiConsole.Console;
    }

    /// <summary>Shows what <paramref name="train"/> reports until it is done.</summary>
    /// <param name="train">Starts the training with the progress it is given.</param>
    public async Task<FitResult> RunAsync(Func<IProgress<FitProgress>, Task<FitResult>> train)
    {
        if (!console.Profile.Capabilities.Interactive || !console.Profile.Out.IsTerminal) return await train(new Reporter(WriteLine));
        Task<FitResult>? training = null;
        try
        {
            return await console.Live(new Text("")).AutoClear(false).StartAsync(live => training = train(new Reporter(progress => Show(progress, live))));
        }
        catch (IOException) when (training is null || training.IsCompleted)
        {
            // The terminal is gone; what was trained, or why it failed, is not.
            return await (training ?? train(new Reporter(progress => Take(progress))));
        }
    }

    // Progress<T> would post to the thread pool and let reports overtake each other.
    sealed class Reporter(Action<FitProgress> report) : IProgress<FitProgress>
    {
        public void Report(FitProgress value) => report(value);
    }

    void WriteLine(FitProgress progress)
    {
        var isFirst = first is null;
        // Past the console, which would break the line where its screen ended if it had one.
        if (Take(progress) || isFirst) Write(() => console.Profile.Out.Writer.WriteLine(text.Line(progress, smoothed, evaluation)));
    }

    void Show(FitProgress progress, LiveDisplayContext live)
    {
        var isEvaluation = Take(progress);
        if (sinceShown.IsRunning && sinceShown.Elapsed < interval && !isEvaluation && progress.Step < progress.TotalSteps) return;
        sinceShown.Restart();
        Write(() => live.UpdateTarget(Picture(progress, console.Profile.Width - 1, console.Profile.Capabilities.Unicode))); // some terminals break a line that fills the last column
    }

    // Training goes on when the terminal is closed or the disk of a log is full: nobody is left to be told.
    void Write(Action write)
    {
        if (isGone) return;
        try
        {
            write();
        }
        catch (IOException)
        {
            isGone = true;
        }
    }

    // True for an evaluation.
    bool Take(FitProgress progress)
    {
        if (first is null)
        {
            first = (progress.Step, progress.Elapsed);
            // A resumed run goes on with what was known.
            evaluation = progress.History.Evaluations.LastOrDefault();
            if (progress.History.Losses is [.., var (_, before), _]) smoothed = before;
        }
        smoothed = double.IsNaN(smoothed) ? progress.Loss : 0.95 * smoothed + 0.05 * progress.Loss;
        if (progress.ValidationLoss is null && progress.Metrics.Count == 0) return false;
        evaluation = new(progress.Step, progress.ValidationLoss, [.. progress.Metrics]);
        return true;
    }

    TimeSpan? Left(FitProgress progress)
    {
        var (step, at) = first!.Value;
        if (progress.Step <= step) return null;
        return (progress.Elapsed - at) / (progress.Step - step) * (progress.TotalSteps - progress.Step);
    }

    /// <summary>The bar and what is known, in lines of at most <paramref name="width"/> characters.</summary>
    internal IRenderable Picture(FitProgress progress, int width, bool unicode)
    {
        var (bar, head) = ProgressText.Head(progress, Left(progress), width);
        var done = (int)Math.Round(bar * Math.Clamp((double)progress.Step / Math.Max(1, progress.TotalSteps), 0, 1));
        var line = new Paragraph()
            .Append(new string(unicode ? '━' : '#', done), new Style(Color.DodgerBlue1))
            .Append(new string(unicode ? '━' : '-', bar - done), new Style(Color.Grey35))
            .Append(head);
        var figures = ProgressText.Wrap(text.Figures(progress, smoothed, evaluation), width).Select(l => (IRenderable)new Text(l));
        return new Rows(figures.Prepend(line));
    }
}
