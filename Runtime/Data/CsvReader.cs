using System;
using System.Collections.Immutable;
using System.IO;
using System.Text;

namespace Graph.Data;

/// <summary>
/// Lines and fields of a table in a text, as RFC 4180 has them: a field in quotation marks may hold commas, and a doubled mark stands for one; unlike there it ends with its line.
/// The span of a field holds until the next line.
/// </summary>
sealed class CsvReader(StreamReader text, string path, int mostCharacters)
{
    const int MostShown = 40;

    char[] buffer = new char[1 << 14];

    // [start, end) was read and not yet given.
    int start, end;
    bool afterReturn;

    // The current line is [lineStart, lineEnd), and its fields up to field were given.
    int lineEnd, field;

    /// <summary>The number of the current line, from 1.</summary>
    public long Line { get; private set; }

    /// <summary>The number of the last field in its line, from 1.</summary>
    public int Column { get; private set; }

    /// <summary>Goes to the next line that is not empty; false at the end.</summary>
    public bool NextLine()
    {
        while (FindLine(out var lineStart))
        {
            Line++;
            Column = 0;
            field = lineStart;
            if (!buffer.AsSpan(lineStart, lineEnd - lineStart).IsWhiteSpace())
                return true;
        }
        return false;
    }

    // A line ends with \n, \r or both, or with the file.
    bool FindLine(out int lineStart)
    {
        var searched = start;
        while (true)
        {
            if (afterReturn && start < end)
            {
                afterReturn = false;
                if (buffer[start] == '\n')
                    searched = ++start;
            }
            var at = buffer.AsSpan(searched, end - searched).IndexOfAny('\n', '\r');
            if (at >= 0)
            {
                lineStart = start;
                lineEnd = searched + at;
                afterReturn = buffer[lineEnd] == '\r';
                start = lineEnd + 1;
                Check(lineEnd - lineStart);
                return true;
            }
            searched = end - start;
            if (!Read())
            {
                (lineStart, lineEnd, start) = (start, end, end);
                return lineEnd > lineStart;
            }
        }
    }

    // More characters behind those that are there, which move to the front.
    bool Read()
    {
        buffer.AsSpan(start, end - start).CopyTo(buffer);
        (start, end) = (0, end - start);
        Check(end);
        if (end == buffer.Length)
            Array.Resize(ref buffer, (int)Math.Min(2L * buffer.Length, Math.Max(buffer.Length, mostCharacters) + 1L));
        try
        {
            var got = text.Read(buffer, end, buffer.Length - end);
            end += got;
            return got > 0;
        }
        catch (DecoderFallbackException exception)
        {
            throw DataFile.NoText(path, exception);
        }
    }

    void Check(int characters)
    {
        if (characters > mostCharacters)
            throw new DataFormatException(path, $"at most {mostCharacters} characters in line {Line + 1} (DataLimits.{nameof(DataLimits.LineCharacters)})", "more");
    }

    /// <summary>The next field of the line, without spaces around it and without its quotation marks; false after the last.</summary>
    public bool NextField(out ReadOnlySpan<char> value)
    {
        value = default;
        if (field > lineEnd)
            return false;
        Column++;
        while (field < lineEnd && buffer[field] is ' ' or '\t')
            field++;
        var rest = buffer.AsSpan(field, lineEnd - field);
        if (rest is ['"', ..])
        {
            value = Quoted(rest);
            return true;
        }
        var comma = rest.IndexOf(',');
        value = rest[..(comma < 0 ? rest.Length : comma)].Trim();
        field += (comma < 0 ? rest.Length : comma) + 1;
        return true;
    }

    // The doubled marks of a field are drawn together where it stands.
    ReadOnlySpan<char> Quoted(Span<char> rest)
    {
        var length = 0;
        for (var i = 1; i < rest.Length; i++)
        {
            if (rest[i] != '"')
                rest[length++] = rest[i];
            else if (i + 1 < rest.Length && rest[i + 1] == '"')
                rest[length++] = rest[i++];
            else
            {
                var behind = rest[(i + 1)..].TrimStart(" \t".AsSpan());
                if (behind.Length > 0 && behind[0] != ',')
                    throw new DataFormatException(path, $"a comma after the quotation mark in line {Line}, column {Column}", Shown(behind));
                field += rest.Length - behind.Length + 1;
                return rest[..length];
            }
        }
        throw new DataFormatException(path, $"a closing quotation mark in line {Line}, column {Column}", "the end of the line");
    }

    /// <summary>All fields that the line still has.</summary>
    public ImmutableArray<string> Fields()
    {
        var fields = ImmutableArray.CreateBuilder<string>();
        while (NextField(out var value))
            fields.Add(value.ToString());
        return fields.ToImmutable();
    }

    /// <summary>A field as a message shows it.</summary>
    public static string Shown(ReadOnlySpan<char> value) => value.Length <= MostShown ? $"'{value}'" : $"'{value[..MostShown]}…'";
}
