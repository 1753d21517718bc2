using System;
using System.Collections.Generic;

namespace Graph.Compiler.Kernels.Text;

/// <summary>
/// A lowered program as text that reads back equal: what a model's class embeds, and reads when what it starts from does not say enough. Its first line has the version, its last a sum over all others, so that a text which was cut off or
/// altered is refused before anything in it is believed.
/// </summary>
public static class LoweredText
{
    /// <summary>Version of the text; a reader refuses another one.</summary>
    public const int Version = 12;

    public static string Write(LoweredProgram program) => SealedText.Seal("lowered", Version, new LoweredWriter(origins: true).Write(program));

    /// <summary>Reads a program.</summary>
    /// <param name="text">What <see cref="Write"/> gave.</param>
    /// <param name="places">The files and lines that origins refer to by number; they stay numbers when left out.</param>
    /// <exception cref="FormatException">The text is of another version, was cut off or altered; the message says which, and names the line of what cannot be read.</exception>
    public static LoweredProgram Read(string text, IReadOnlyList<string>? places = null)
    {
        var (start, end) = SealedText.Range("lowered", Version, text);
        var cursor = new TextCursor(text, start, end);
        return Within(cursor, () => new LoweredReader(cursor, places ?? []).Read());
    }

    /// <summary>Whatever goes wrong in reading a part of a text is said with its line.</summary>
    internal static T Within<T>(TextCursor cursor, Func<T> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is FormatException or ArgumentException or OverflowException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FormatException($"line {cursor.Line} of a lowered program: {e.Message.TrimEnd('.')}.", e);
        }
    }
}
