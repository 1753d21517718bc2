using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;

namespace Graph.Runtime.Training;

/// <summary>What a fit adds to the metadata of its checkpoints, beside its place in the data: what run it is, how many steps it made, its last step, its history.</summary>
/// <param name="Run">What run it is.</param>
/// <param name="Steps">Steps made with this data. The model may have seen more, in runs before.</param>
/// <param name="Loss">The last step's loss.</param>
/// <param name="GradientNorm">The norm of the last step's gradients.</param>
/// <param name="History">How it went.</param>
sealed record RunMetadata(RunDescription Run, long Steps, double Loss, double GradientNorm, FitHistory History)
{
    const string RunKey = "run", StepsKey = "run.steps", LossKey = "run.loss", NormKey = "run.gradient_norm", HistoryKey = "run.history";

    public ImmutableDictionary<string, string> Write() => ImmutableDictionary<string, string>.Empty
        .Add(RunKey, Write(Run)).Add(StepsKey, Steps.ToString(CultureInfo.InvariantCulture)).Add(HistoryKey, HistoryText.Write(History))
        .Add(LossKey, Loss.ToString("R", CultureInfo.InvariantCulture)).Add(NormKey, GradientNorm.ToString("R", CultureInfo.InvariantCulture));

    /// <returns>Null when the file does not say what run it is of.</returns>
    /// <exception cref="CheckpointException">What it says is damaged.</exception>
    public static RunMetadata? Read(ImmutableDictionary<string, string> metadata, string path)
    {
        if (!metadata.TryGetValue(RunKey, out var run)) return null;
        try
        {
            var steps = long.Parse(metadata[StepsKey], NumberStyles.None, CultureInfo.InvariantCulture);
            return new(ReadRun(run), steps, Number(metadata[LossKey]), Number(metadata[NormKey]), HistoryText.Read(metadata[HistoryKey]));
        }
        catch (Exception e) when (e is FormatException or OverflowException or KeyNotFoundException or JsonException or InvalidOperationException or ArgumentException)
        {
            throw new CheckpointException(path, $"has damaged metadata ({e.Message})", e);
        }
    }

    static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture) is var number && double.IsFinite(number) ? number : throw new FormatException($"{text} is no finite number.");

    static string Write(RunDescription run)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("model", run.Model);
            json.WriteString("plan", run.Plan);
            json.WriteNumber("seed", run.Seed);
            json.WriteNumber("batch_size", run.BatchSize);
            json.WriteNumber("batches", run.Batches);
            json.WriteString("schedule", run.Schedule);
            json.WriteString("data", run.Data);
            json.WriteStartObject("facts");
            foreach (var (name, value) in run.Facts) json.WriteString(name, value);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    static RunDescription ReadRun(string text)
    {
        using var json = JsonDocument.Parse(text);
        var root = json.RootElement;
        var run = new RunDescription
        {
            Model = root.GetProperty("model").GetString() ?? "", Plan = root.GetProperty("plan").GetString() ?? "", Seed = root.GetProperty("seed").GetUInt64(),
            BatchSize = root.GetProperty("batch_size").GetInt32(), Batches = root.GetProperty("batches").GetInt32(),
            Schedule = root.GetProperty("schedule").GetString(), Data = root.GetProperty("data").GetString(),
            Facts = root.GetProperty("facts").EnumerateObject().ToImmutableSortedDictionary(p => p.Name, p => p.Value.GetString() ?? "", StringComparer.Ordinal),
        };
        return run is { BatchSize: > 0, Batches: > 0 } ? run : throw new FormatException($"The run has {run.Batches} batches of {run.BatchSize} rows.");
    }
}
