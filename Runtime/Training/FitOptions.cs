using System;
using System.Buffers;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Text;
using Graph.Data;

namespace Graph;

/// <summary>How long and how to train, what to measure, and where to keep what was reached.</summary>
public sealed record FitOptions
{
    /// <summary>How often to go through the data; 1 when neither this nor <see cref="Steps"/> is given.</summary>
    public int? Epochs { get; init; }

    /// <summary>After how many steps to stop, those before a resumed checkpoint included.</summary>
    public long? Steps { get; init; }

    /// <summary>Which training program: the name of its [Train] method. Not needed where the model has only one.</summary>
    public string? Program { get; init; }

    /// <summary>The learning rate of each step; the model's own when left out.</summary>
    public Schedule? Schedule { get; init; }

    /// <summary>Batches that are not trained on: their mean loss, in evaluation mode, is <see cref="FitProgress.ValidationLoss"/>.</summary>
    public IBatchSource? Validation { get; init; }

    /// <summary>Other figures to measure at every evaluation, such as an accuracy.</summary>
    public IReadOnlyList<Metric> Metrics { get; init; } = [];

    /// <summary>Evaluates after every so many steps; after every epoch when left out. At the end in any case.</summary>
    public int? EvalEvery { get; init; }

    /// <summary>
    /// Where to write checkpoints, as safetensors; nowhere when left out. Each replaces the one before, atomically. While training lasts, no other run gets this file.
    /// A file of another run that is there already is kept as <c>NAME.previous.EXT</c>.
    /// </summary>
    public string? CheckpointPath { get; init; }

    /// <summary>Writes a checkpoint after every so many steps; after every epoch when left out. At the end in any case, however that comes.</summary>
    public int? CheckpointEvery { get; init; }

    /// <summary>
    /// Whether to go on from the file at <see cref="CheckpointPath"/>, as if training had never stopped: the same bits. A file of another run (another model, seed, data, batch size,
    /// schedule …) is refused; more <see cref="Steps"/> or <see cref="Epochs"/> are the same run.
    /// </summary>
    public ResumeMode Resume { get; init; }

    /// <summary>In what a run that resumes may differ from the one that the checkpoint is of. What this run says holds from then on.</summary>
    public RunChanges AcceptChanges { get; init; }

    /// <summary>
    /// What else decides this run, by name, such as a vocabulary (at most eight texts of a million characters each): kept in its checkpoints, where <see cref="RunDescription.Read"/> finds it again, and compared when the run is resumed.
    /// </summary>
    public IReadOnlyDictionary<string, string> Facts { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>
    /// Reports progress after every so many steps, and at every evaluation. When left out, after each step; on a card, where that would wait for the step, after every eight, with what the card has done by then.
    /// </summary>
    public int? ReportEvery { get; init; }

    internal void Check()
    {
        Positive(Epochs, nameof(Epochs));
        Positive(Steps, nameof(Steps));
        Positive(EvalEvery, nameof(EvalEvery));
        Positive(CheckpointEvery, nameof(CheckpointEvery));
        Positive(ReportEvery, nameof(ReportEvery));
        CheckMetrics();
        CheckFacts();
        if ((Resume != ResumeMode.Never || CheckpointEvery is not null) && CheckpointPath is null) throw new ArgumentException("Resuming and writing checkpoints need a CheckpointPath.", nameof(CheckpointPath));
    }

    void CheckMetrics()
    {
        ArgumentNullException.ThrowIfNull(Metrics);
        foreach (var metric in Metrics) ArgumentNullException.ThrowIfNull(metric, nameof(Metrics));
        if (Metrics.GroupBy(m => m.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice) throw new ArgumentException($"Two metrics are called {twice.Key}.", nameof(Metrics));
    }

    const int MostFactLength = 1 << 20, MostFacts = 8;

    void CheckFacts()
    {
        ArgumentNullException.ThrowIfNull(Facts);
        if (Facts.Count > MostFacts) throw new ArgumentException($"There are {Facts.Count} facts, expected at most {MostFacts}.", nameof(Facts));
        foreach (var (name, text) in Facts)
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(name, nameof(Facts));
            ArgumentNullException.ThrowIfNull(text, nameof(Facts));
            // A checkpoint is UTF-8: found out now, and not when it is written.
            if (name.Length + text.Length >= MostFactLength) throw new ArgumentException($"The fact {name} has {text.Length} characters, expected less than {MostFactLength}.", nameof(Facts));
            if (!IsText(name) || !IsText(text)) throw new ArgumentException($"The fact {name} holds half of a surrogate pair.", nameof(Facts));
        }
    }

    static bool IsText(string text)
    {
        for (var rest = text.AsSpan(); !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf16(rest, out _, out var length) != OperationStatus.Done) return false;
            rest = rest[length..];
        }
        return true;
    }

    static void Positive(long? value, string name)
    {
        if (value <= 0) throw new ArgumentOutOfRangeException(name, value, $"{name} must be at least 1.");
    }
}
