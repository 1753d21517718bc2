using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using Graph.Runtime.Checkpoints;

namespace Graph.Examples;

/// <summary>The final figures of an example, for scripts.</summary>
static class Metrics
{
    /// <summary>Writes them as one JSON object; nothing without a file.</summary>
    public static void Write(FileInfo? file, params (string Name, object Value)[] figures)
    {
        if (file is null) return;
        var values = new Dictionary<string, object>();
        foreach (var (name, value) in figures) values[name] = value;
        AtomicFile.Write(file.FullName, JsonSerializer.Serialize(values, new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }
}
