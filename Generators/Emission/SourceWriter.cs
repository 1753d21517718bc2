using System.Collections.Generic;
using System.Text;

namespace Graph.Generators.Emission;

/// <summary>Indented lines of C#.</summary>
sealed class SourceWriter
{
    readonly StringBuilder text = new();
    readonly List<string> before = []; // long texts, which are not copied piece by piece, and what stands in front of each
    int depth;

    /// <summary>An empty line.</summary>
    public void Line() => text.Append('\n');

    public void Line(string line, int extraIndent = 0) => text.Append(' ', 4 * (depth + extraIndent)).Append(line).Append('\n');

    /// <summary>A line of several parts.</summary>
    public void Line(IReadOnlyList<string> parts)
    {
        text.Append(' ', 4 * depth);
        foreach (var part in parts) Append(part);
        text.Append('\n');
    }

    /// <summary>A text as it is.</summary>
    public void Append(string part)
    {
        if (part.Length < Long)
        {
            text.Append(part);
            return;
        }
        before.Add(text.ToString());
        before.Add(part);
        text.Clear();
    }

    const int Long = 4096;

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

    public override string ToString() => before.Count == 0 ? text.ToString() : string.Concat([.. before, text.ToString()]);
}
