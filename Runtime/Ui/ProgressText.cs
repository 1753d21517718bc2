using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Graph.Ui;

/// <summary>Progress of training in words, for consoles of any width.</summary>
/// <param name="Unit">What is counted a second.</param>
/// <param name="UnitsPerSample">How many of them a row of a batch holds.</param>
sealed record ProgressText(string Unit, double UnitsPerSample)
{
    const int LeastBar = 10, MostBar = 60;
    const string Gap = "  ";

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A loss with about four digits that mean something.</summary>
    public static string Loss(double value) => Math.Abs(value) is (< 0.001 and > 0) or >= 100_000 ? value.ToString("0.00e0", CultureInfo.InvariantCulture) : value.ToString("0.0000", CultureInfo.InvariantCulture);

    /// <summary>The step, the losses and the metrics, the speed: each a phrase of its own.</summary>
    /// <param name="loss">The loss of training batches, smoothed.</param>
    /// <param name="evaluation">The last evaluation; null before the first.</param>
    public IEnumerable<string> Figures(FitProgress progress, double loss, FitEvaluation? evaluation)
    {
        yield return "loss " + Loss(loss);
        if (evaluation?.ValidationLoss is { } held) yield return "held out " + Loss(held);
        if (evaluation is not null)
            foreach (var metric in evaluation.Metrics) yield return metric.ToString();
        if (progress.LossScale is not (0 or 1)) yield return Text($"loss scale {progress.LossScale:0.####}{(progress.SkippedSteps > 0 ? $", {progress.SkippedSteps:N0} skipped" : "")}");
        if (progress.SamplesPerSecond > 0) yield return Text($"{progress.SamplesPerSecond * UnitsPerSample:N0} {Unit}/s");
    }

    /// <summary>One line for a file.</summary>
    public string Line(FitProgress progress, double loss, FitEvaluation? evaluation) => string.Join(Gap, Figures(progress, loss, evaluation).Prepend(Text($"step {progress.Step}/{progress.TotalSteps}")));

    /// <summary>What stands beside the bar, and how long the bar is: everything that leaves it <see cref="LeastBar"/> characters.</summary>
    /// <param name="left">How long it will still take; null when nobody knows.</param>
    public static (int Bar, string Text) Head(FitProgress progress, TimeSpan? left, int width)
    {
        var percent = Text($"{Math.Floor(100.0 * progress.Step / Math.Max(1, progress.TotalSteps)),3:0} %");
        var time = progress.Step >= progress.TotalSteps ? Time(progress.Elapsed) : left is { } known ? Time(known) + " left" : "";
        string[][] choices = [[percent, Text($"step {progress.Step:N0}/{progress.TotalSteps:N0}"), time], [percent, time], [percent]];
        foreach (var choice in choices)
        {
            var text = string.Join(Gap, choice.Where(c => c.Length > 0));
            var bar = Math.Min(MostBar, width - text.Length - Gap.Length);
            if (bar >= LeastBar) return (bar, Gap + text);
        }
        return (Math.Max(1, width - percent.Length - 1), " " + percent);
    }

    static string Time(TimeSpan time) => time.TotalHours >= 1 ? Text($"{(long)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}") : Text($"{time.Minutes}:{time.Seconds:00}");

    /// <summary>Phrases in lines of at most <paramref name="width"/> characters; one that is longer is cut.</summary>
    public static IEnumerable<string> Wrap(IEnumerable<string> phrases, int width)
    {
        var line = "";
        foreach (var phrase in phrases.Select(p => p.Length <= width ? p : p[..Math.Max(0, width - 1)] + "…"))
        {
            if (line.Length > 0 && line.Length + Gap.Length + phrase.Length > width)
            {
                yield return line;
                line = "";
            }
            line += line.Length > 0 ? Gap + phrase : phrase;
        }
        if (line.Length > 0) yield return line;
    }
}
