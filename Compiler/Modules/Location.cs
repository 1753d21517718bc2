namespace Graph.Compiler.Modules;

/// <summary>A span of user source: line and column count from 1, the length counts characters and may run over line ends.</summary>
/// <param name="File">The path below the project folder with forward slashes, or the bare file name outside of it; never an absolute path.</param>
/// <param name="Line">The line.</param>
/// <param name="Column">The column.</param>
/// <param name="Length">The number of characters.</param>
public sealed record Location(string File, int Line, int Column, int Length)
{
    /// <summary>No place in any source: made by the compiler.</summary>
    public static Location None { get; } = new("", 0, 0, 0);

    /// <summary>The file's name without its folders.</summary>
    public string FileName => File.Substring(File.LastIndexOf('/') + 1);

    /// <inheritdoc/>
    public override string ToString() => Line == 0 ? "?" : System.FormattableString.Invariant($"{FileName}:{Line}");
}
