using System;
using System.Globalization;
using System.Text;

namespace Graph.Compiler.Kernels.Text;

/// <summary>A text between a line with its version and a line with a sum over it: what an assembly embeds, so that no reader believes one that was cut off or altered.</summary>
public static class SealedText
{
    /// <summary>A body between its version and its sum.</summary>
    public static string Seal(string what, int version, string body) => Seal(what, version, new StringBuilder(body));

    /// <summary>A body, which becomes the whole text, between its version and its sum: a text that may be long becomes a string once.</summary>
    public static string Seal(string what, int version, StringBuilder body)
    {
        var sum = Basis;
        var part = new char[4096];
        for (var at = 0; at < body.Length; at += part.Length)
        {
            var count = Math.Min(part.Length, body.Length - at);
            body.CopyTo(at, part, 0, count);
            for (var i = 0; i < count; i++) sum = (sum ^ part[i]) * Prime;
        }
        return body.Insert(0, what + " version " + version.ToString(CultureInfo.InvariantCulture) + "\n").Append("end ").Append(Hexadecimal(sum)).Append('\n').ToString();
    }

    /// <summary>The body of such a text.</summary>
    /// <exception cref="FormatException">It is of another version, was cut off or altered.</exception>
    public static string Open(string what, int version, string text)
    {
        var (start, end) = Range(what, version, text);
        return text.Substring(start, end - start);
    }

    /// <summary>Where the body begins and ends.</summary>
    /// <exception cref="FormatException">It is of another version, was cut off or altered.</exception>
    internal static (int Start, int End) Range(string what, int version, string text)
    {
        var first = what + " version ";
        var line = 0;
        while (line < text.Length && text[line] != '\n') line++;
        if (line == text.Length || !Stands(first, text, 0)) throw new FormatException($"The text is no {what} program: expected its first line to be '{first}{version}'.");
        var given = text.Substring(first.Length, line - first.Length);
        if (given != version.ToString(CultureInfo.InvariantCulture)) throw new FormatException($"The {what} program has version {given} of its format, but this reader knows version {version}: build the model with the Graph that runs it.");
        const int Last = 4 + 16 + 1;
        var length = text.Length;
        while (length > 0 && text[length - 1] == ' ') length--; // assemblies hold texts of few lengths
        var end = length - Last;
        if (end <= line || !Stands("end ", text, end) || text[end - 1] != '\n' || text[length - 1] != '\n')
            throw new FormatException($"The {what} program was cut off: its last line is not its sum.");
        var sum = Hexadecimal(Sum(text, line + 1, end));
        if (!Stands(sum, text, end + 4)) throw new FormatException($"The {what} program was altered: the sum over its lines is {sum}, but its last line says {text.Substring(end + 4, 16)}.");
        return (line + 1, end);
    }

    /// <summary>The characters of a text in UTF-8, as assemblies embed it.</summary>
    public static string Text(ReadOnlySpan<byte> utf8)
    {
        // By hand where every byte is a character: the framework's decoder is over vectors, whose types a process that starts a model has to load for it alone, milliseconds for some thousand bytes.
        var text = new char[utf8.Length];
        for (var i = 0; i < text.Length; i++)
        {
            if (utf8[i] >= 0x80) return Encoding.UTF8.GetString(utf8.ToArray());
            text[i] = (char)utf8[i];
        }
        return new(text);
    }

    // By hand, as the comparison below: what a model starts with should load as little of the framework as it can.
    static string Hexadecimal(ulong number)
    {
        var digits = new char[16];
        for (var i = 15; i >= 0; i--, number >>= 4) digits[i] = "0123456789abcdef"[(int)(number & 15)];
        return new(digits);
    }

    internal static bool Stands(string word, string text, int at)
    {
        if (at + word.Length > text.Length) return false;
        for (var i = 0; i < word.Length; i++)
            if (text[at + i] != word[i]) return false;
        return true;
    }

    const ulong Basis = 14695981039346656037UL, Prime = 1099511628211UL;

    // FNV-1a over 16-bit units: finds damage, and is no guard against intent.
    static ulong Sum(string text, int start, int end)
    {
        var sum = Basis;
        for (var i = start; i < end; i++) sum = (sum ^ text[i]) * Prime;
        return sum;
    }
}
