using System.Text;

namespace Graph.Compiler.Targets.CSharp;

/// <summary>Indented lines with LF ends.</summary>
public sealed class CodeText
{
    readonly StringBuilder text = new();
    int indent, declared;

    public CodeText Line(string line)
    {
        if (line.Length > 0) text.Append(' ', indent * 4).Append(line);
        text.Append('\n');
        return this;
    }

    /// <summary>Declares a variable of a name that no other has; gives back the name.</summary>
    public string Declare(string prefix, string value)
    {
        var name = prefix + ScalarText.Number(declared++);
        Line($"var {name} = {value};");
        return name;
    }

    /// <summary>Opens a block, after a head when there is one.</summary>
    public CodeText Open(string head = "")
    {
        if (head.Length > 0) Line(head);
        Line("{");
        indent++;
        return this;
    }

    /// <summary>Closes the block, with what follows the brace.</summary>
    public CodeText Close(string after = "")
    {
        indent--;
        return Line("}" + after);
    }

    public override string ToString() => text.ToString();
}
