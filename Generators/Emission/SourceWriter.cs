using System.Text;

namespace Graph.Generators.Emission;

/// <summary>Indented lines of C#.</summary>
sealed class SourceWriter
{
    readonly StringBuilder text = new();
    int depth;

    /// <summary>An empty line.</summary>
    public void Line() => text.Append('\n');

    public void Line(string line, int extraIndent = 0) => text.Append(' ', 4 * (depth + extraIndent)).Append(line).Append('\n');

    /// <summary>A line and an opening brace.</summary>
    public void Open(string line)
    {
        Line(line);
        Line("{");
        depth++;
    }

    public void Close(string after = "")
    {
        depth--;
        Line("}" + after);
    }

    public override string ToString() => text.ToString();
}
