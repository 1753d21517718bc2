using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.IO;
using System.Linq;
using Graph.Runtime.Checkpoints;
using Graph.Runtime.Training;

namespace Graph;

/// <summary>All that decides the numbers of a training run beside its length. A checkpoint holds it, and a run that resumes is compared with it.</summary>
public sealed record RunDescription
{
    internal RunDescription()
    {
    }

    /// <summary>The model's name.</summary>
    public required string Model { get; init; }

    /// <summary>The fingerprint of the compiled program.</summary>
    public required string Plan { get; init; }

    /// <summary>The model's seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The rows of a full batch.</summary>
    public required int BatchSize { get; init; }

    /// <summary>The batches of an epoch.</summary>
    public required int Batches { get; init; }

    /// <summary>The learning rate's schedule in words; null when the model's own rate was used.</summary>
    public string? Schedule { get; init; }

    /// <summary>The fingerprint that the data gave; null when it gave none.</summary>
    public string? Data { get; init; }

    /// <summary>What <see cref="FitOptions.Facts"/> said, by name.</summary>
    public ImmutableSortedDictionary<string, string> Facts { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Reads what a checkpoint is of, and nothing else of it: a program that needs its vocabulary before it can make a model's data, for instance.</summary>
    /// <returns>Null when the file does not say: weights alone, or those of another library.</returns>
    /// <exception cref="CheckpointException">The file is damaged.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static RunDescription? Read(string path) => RunMetadata.Read(Checkpoint.ReadInfo(path).Metadata, path)?.Run;

    /// <summary>In what this run differs from the one that was stored, as lines of <c>what: was …, is …</c>.</summary>
    internal IEnumerable<(RunChanges Kind, string Text)> Differences(RunDescription stored)
    {
        if (Model != stored.Model) yield return (RunChanges.Model, Line("model", stored.Model, Model));
        if (Plan != stored.Plan) yield return (RunChanges.Plan, Line("plan", stored.Plan, Plan));
        if (Seed != stored.Seed) yield return (RunChanges.Seed, Line("seed", Text(stored.Seed), Text(Seed)));
        if (BatchSize != stored.BatchSize) yield return (RunChanges.Batches, Line("rows of a batch", Text(stored.BatchSize), Text(BatchSize)));
        if (Batches != stored.Batches) yield return (RunChanges.Batches, Line("batches of an epoch", Text(stored.Batches), Text(Batches)));
        if (Schedule != stored.Schedule) yield return (RunChanges.Schedule, Line("schedule", stored.Schedule ?? "the model's own rate", Schedule ?? "the model's own rate"));
        if (Data != stored.Data) yield return (RunChanges.Data, Line("data", stored.Data ?? "without a fingerprint", Data ?? "without a fingerprint"));
        foreach (var name in Facts.Keys.Union(stored.Facts.Keys).Order(StringComparer.Ordinal))
        {
            var (was, now) = (stored.Facts.GetValueOrDefault(name), Facts.GetValueOrDefault(name));
            if (was != now) yield return (RunChanges.Facts, Line(name, Fact(was), Fact(now)));
        }
    }

    static string Line(string what, string was, string now) => $"{what}: was {was}, is {now}";

    static string Text<T>(T number)
        where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);

    // A vocabulary of thousands would hide the other lines.
    static string Fact(string? text) => text switch
    {
        null => "not given",
        { Length: > 60 } => string.Create(CultureInfo.InvariantCulture, $"{text.Length} characters ({Graph.Data.DataFingerprint.Of(text.AsSpan())})"),
        _ => $"\"{text}\"",
    };
}
