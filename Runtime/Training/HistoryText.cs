using System;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;

namespace Graph.Runtime.Training;

/// <summary>A <see cref="FitHistory"/> as JSON, as a checkpoint's metadata hold it. Reading gives back every bit, so that a resumed run ends with the history of one that never stopped.</summary>
static class HistoryText
{
    public static string Write(FitHistory history)
    {
        var state = history.Snapshot();
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteNumber("stride", state.Stride);
            json.WriteStartArray("losses");
            foreach (var mean in state.Means) Number(json, mean);
            json.WriteEndArray();
            json.WriteNumber("pending", state.Pending);
            json.WritePropertyName("sum");
            Number(json, state.Sum);
            json.WriteNumber("ticks", state.Elapsed.Ticks);
            json.WriteStartArray("evaluations");
            foreach (var evaluation in state.Evaluations) Write(json, evaluation);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    static void Write(Utf8JsonWriter json, FitEvaluation evaluation)
    {
        json.WriteStartObject();
        json.WriteNumber("step", evaluation.Step);
        if (evaluation.ValidationLoss is { } loss)
        {
            json.WritePropertyName("loss");
            Number(json, loss);
        }
        json.WriteStartArray("metrics");
        foreach (var metric in evaluation.Metrics)
        {
            json.WriteStartObject();
            json.WriteString("name", metric.Name);
            json.WritePropertyName("value");
            Number(json, metric.Value);
            json.WriteString("format", metric.Format);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    // JSON has no numbers for what is not finite: null is a NaN, and the infinities are words.
    static void Number(Utf8JsonWriter json, double value)
    {
        if (double.IsFinite(value)) json.WriteNumberValue(value);
        else if (double.IsNaN(value)) json.WriteNullValue();
        else json.WriteStringValue(value > 0 ? "+" : "-");
    }

    static double Number(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Null => double.NaN,
        JsonValueKind.String => json.GetString() == "+" ? double.PositiveInfinity : double.NegativeInfinity,
        _ => json.GetDouble(),
    };

    /// <exception cref="FormatException">The text is no history.</exception>
    public static FitHistory Read(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var root = json.RootElement;
            var state = new FitHistory.State(
                [.. root.GetProperty("losses").EnumerateArray().Select(Number)], root.GetProperty("stride").GetInt64(), Number(root.GetProperty("sum")), root.GetProperty("pending").GetInt64(),
                [.. root.GetProperty("evaluations").EnumerateArray().Select(FitEvaluation)], new(root.GetProperty("ticks").GetInt64()));
            if (state.Means.Length >= FitHistory.MostPoints) throw new FormatException($"The history has {state.Means.Length} points, expected less than {FitHistory.MostPoints}.");
            if (state.Stride is < 1 or > 1L << 40 || state.Pending < 0 || state.Pending >= state.Stride) throw new FormatException($"The history's stride is {state.Stride} with {state.Pending} pending.");
            return new(state);
        }
        catch (Exception e) when (e is JsonException or System.Collections.Generic.KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"The history is damaged: {e.Message}", e);
        }
    }

    static FitEvaluation FitEvaluation(JsonElement json) => new(
        json.GetProperty("step").GetInt64(), json.TryGetProperty("loss", out var loss) ? Number(loss) : null,
        [.. json.GetProperty("metrics").EnumerateArray().Select(m => new MetricValue(m.GetProperty("name").GetString()!, Number(m.GetProperty("value")), m.GetProperty("format").GetString()!))]);
}
