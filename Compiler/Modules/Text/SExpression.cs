using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Graph.Compiler.Modules.Text;

/// <summary>A piece of text with structure: a word, a quoted text, or a list of pieces in parentheses.</summary>
sealed class SExpression
{
    SExpression(string? word, bool isQuoted, List<SExpression>? items, int position)
    {
        Word = word;
        IsQuoted = isQuoted;
        Items = items;
        Position = position;
    }

    /// <summary>The word or the quoted text; null for a list.</summary>
    public string? Word { get; }

    public bool IsQuoted { get; }

    /// <summary>The elements of a list; null for a word.</summary>
    public List<SExpression>? Items { get; }

    /// <summary>Where it starts in the text that it was read from.</summary>
    public int Position { get; }

    public static SExpression Atom(string word, int position = 0) => new(word, false, null, position);

    public static SExpression Quoted(string text, int position = 0) => new(text, true, null, position);

    public static SExpression List(List<SExpression> items, int position = 0) => new(null, false, items, position);

    /// <summary>Reads the pieces from <paramref name="position"/> to the end of the text.</summary>
    /// <exception cref="FormatException">A parenthesis or quote is not closed, or one closes that was not open.</exception>
    public static List<SExpression> ReadAll(string text, int position)
    {
        var open = new Stack<(List<SExpression> Items, int Position)>();
        var items = new List<SExpression>();
        while (true)
        {
            while (position < text.Length && char.IsWhiteSpace(text[position])) position++;
            if (position >= text.Length) break;
            var start = position;
            switch (text[position])
            {
                case '(':
                    open.Push((items, start));
                    items = [];
                    position++;
                    break;
                case ')':
                    if (open.Count == 0) throw Error("a parenthesis closes that was not open", start);
                    var (outer, at) = open.Pop();
                    outer.Add(List(items, at));
                    items = outer;
                    position++;
                    break;
                case '"':
                    items.Add(Quoted(ReadQuoted(text, ref position), start));
                    break;
                default:
                    while (position < text.Length && !char.IsWhiteSpace(text[position]) && text[position] is not ('(' or ')' or '"')) position++;
                    items.Add(Atom(text.Substring(start, position - start), start));
                    break;
            }
        }
        return open.Count == 0 ? items : throw Error("a parenthesis is not closed", open.Peek().Position);
    }

    static string ReadQuoted(string text, ref int position)
    {
        var start = position++;
        var result = new StringBuilder();
        while (position < text.Length && text[position] != '"')
        {
            if (text[position] == '\\' && position + 1 < text.Length)
            {
                position++;
                switch (text[position])
                {
                    case 'n': result.Append('\n'); break;
                    case 'r': result.Append('\r'); break;
                    case 'u' when position + 4 < text.Length && ushort.TryParse(text.Substring(position + 1, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var code):
                        result.Append((char)code);
                        position += 4;
                        break;
                    default: result.Append(text[position]); break;
                }
            }
            else
            {
                result.Append(text[position]);
            }
            position++;
        }
        if (position >= text.Length) throw Error("a quote is not closed", start);
        position++;
        return result.ToString();
    }

    internal static FormatException Error(string what, int position) =>
        new(string.Format(CultureInfo.InvariantCulture, "Not a module definition: {0} at character {1}.", what, position));

    /// <summary>Writes it: on one line if it fits, else its lists below it, indented.</summary>
    public void Write(StringBuilder output, int indent, int width)
    {
        if (Items is null)
        {
            if (IsQuoted) WriteQuoted(output, Word!);
            else output.Append(Word);
            return;
        }
        var start = output.Length;
        if (WriteFlat(output, start + width - indent)) return;
        output.Length = start;
        output.Append('(');
        var first = true;
        foreach (var item in Items)
        {
            if (item.Items is { Count: > 0 } && !first) output.Append('\n').Append(' ', indent + 2);
            else if (!first) output.Append(' ');
            item.Write(output, indent + 2, width);
            first = false;
        }
        output.Append(')');
    }

    bool WriteFlat(StringBuilder output, int limit)
    {
        if (Items is null)
        {
            Write(output, 0, 0);
        }
        else
        {
            output.Append('(');
            for (var i = 0; i < Items.Count; i++)
            {
                if (i > 0) output.Append(' ');
                if (!Items[i].WriteFlat(output, limit)) return false;
            }
            output.Append(')');
        }
        return output.Length <= limit;
    }

    static void WriteQuoted(StringBuilder output, string text)
    {
        output.Append('"');
        foreach (var c in text)
            _ = c switch
            {
                '"' or '\\' => output.Append('\\').Append(c),
                '\n' => output.Append("\\n"),
                '\r' => output.Append("\\r"),
                // Lone surrogates and control characters would not survive the encodings that the text passes through.
                < ' ' or (>= '\u007f' and < '\u00a0') or (>= '\ud800' and <= '\udfff') or '\u2028' or '\u2029' => output.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture)),
                _ => output.Append(c),
            };
        output.Append('"');
    }
}
