using System.IO;

namespace Graph.Data;

/// <summary>A data file is not what it should be. The message names the file, what was expected and what stands there.</summary>
public sealed class DataFormatException(string file, string expected, string found)
    : IOException($"{file}: expected {expected}, but found {found}.")
{
    /// <summary>The file.</summary>
    public string File { get; } = file;
}
