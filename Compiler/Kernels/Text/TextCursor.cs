using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;

namespace Graph.Compiler.Kernels.Text;

/// <summary>A cursor over a whole text of lines, for readers that run when a model starts: nothing is split beforehand, and sizes that were read once are the same objects when they come again.</summary>
/// <param name="text">The text.</param>
/// <param name="start">Where its lines begin.</param>
/// <param name="end">Where they end.</param>
sealed class TextCursor(string text, int start, int end)
{
    Dictionary<string, Dim>? dims;
    Dim?[]? small;
    int position = start;

    // Sizes below it are looked up by number.
    const int Small = 1024;

    public bool AtEnd => position >= end;

    /// <summary>Where it stands in the text.</summary>
    public int Position => position;

    /// <summary>A cursor over a part of the text.</summary>
    public TextCursor Part(int from, int to) => new(text, from, to);

    /// <summary>The next character, a newline too; a NUL at the end.</summary>
    public char Peek => position < end ? text[position] : '\0';

    /// <summary>The line of the cursor, from 1.</summary>
    public int Line
    {
        get
        {
            var line = 1;
            for (var i = 0; i < position && i < text.Length; i++)
                if (text[i] == '\n') line++;
            return line;
        }
    }

    /// <summary>How many blanks the line begins with; the cursor stays.</summary>
    public int Indent
    {
        get
        {
            var at = position;
            while (at < end && text[at] == ' ') at++;
            return at - position;
        }
    }

    /// <summary>Goes over blanks.</summary>
    public void Skip()
    {
        while (position < end && text[position] == ' ') position++;
    }

    /// <summary>Goes over the end of the line.</summary>
    public void EndLine()
    {
        Skip();
        if (Peek != '\n') throw new FormatException($"expected the end of the line, not '{Rest()}'");
        position++;
    }

    /// <summary>The rest of the line, which the cursor then is behind.</summary>
    public string RestOfLine()
    {
        Skip();
        var rest = Rest();
        position += rest.Length;
        EndLine();
        return rest;
    }

    /// <summary>Goes over the rest of the line and the lines behind it that are indented.</summary>
    public void SkipBlock()
    {
        do
        {
            position = Math.Min(LineEnd(position) + 1, end);
        }
        while (position < end && text[position] == ' ');
    }

    string Rest() => text.Substring(position, LineEnd(position) - position);

    // By hand, as all of a start's reading: the framework's searches are over vectors, whose types take longer to load than a start's text takes to read.
    int LineEnd(int from)
    {
        while (from < end && text[from] != '\n') from++;
        return from;
    }

    public bool Try(char c)
    {
        Skip();
        if (Peek != c) return false;
        position++;
        return true;
    }

    public void Expect(char c)
    {
        if (!Try(c)) throw new FormatException($"expected '{c}', not '{Rest()}'");
    }

    /// <summary>Goes over a word when it is the next one.</summary>
    public bool TryWord(string word)
    {
        Skip();
        var after = position + word.Length;
        if (after > end) return false;
        for (var i = 0; i < word.Length; i++)
            if (text[position + i] != word[i]) return false;
        if (after < end && text[after] is not (' ' or '\n')) return false;
        position = after;
        return true;
    }

    public void ExpectWord(string word)
    {
        if (!TryWord(word)) throw new FormatException($"expected '{word}', not '{Rest()}'");
    }

    /// <summary>Everything up to a blank, a separator or the end of the line.</summary>
    public string Word()
    {
        Skip();
        var start = position;
        while (position < end && text[position] is not (' ' or '\n' or ',' or '(' or ')' or '[' or ']')) position++;
        return position > start ? text.Substring(start, position - start) : throw new FormatException($"expected a word, not '{Rest()}'");
    }

    /// <summary>A whole number; what stands behind it is the caller's.</summary>
    public long Integer()
    {
        Skip();
        var start = position;
        var negative = Peek == '-';
        if (negative) position++;
        long value = 0;
        var digits = position;
        for (; position < end && text[position] is >= '0' and <= '9'; position++) value = checked(value * 10 + (text[position] - '0'));
        if (position > digits) return negative ? -value : value;
        position = start;
        throw new FormatException($"expected a number, not '{Rest()}'");
    }

    /// <summary>How many numbers the rest of the line has; the cursor stays.</summary>
    public int CountNumbers()
    {
        var count = 0;
        for (var at = position; at < end && text[at] != '\n'; at++)
            if (text[at] == ' ' && at + 1 < end && text[at + 1] is not (' ' or '\n')) count++;
        return count;
    }

    /// <summary>How many of the next lines begin so; the cursor stays.</summary>
    public int Count(string beginning)
    {
        var count = 0;
        for (var at = position; at + beginning.Length <= end && SealedText.Stands(beginning, text, at); count++)
        {
            var newline = LineEnd(at);
            if (newline == end) return count + 1;
            at = newline + 1;
        }
        return count;
    }

    /// <summary>How many axes the type that comes next has, when all of its sizes are numbers; −1 otherwise. The cursor stays.</summary>
    public int ConstantRank()
    {
        var at = position;
        while (at < end && text[at] == ' ') at++;
        while (at < end && text[at] is not ('[' or ' ' or '\n')) at++;
        if (at >= end || text[at] != '[') return -1;
        var rank = text[at + 1] == ']' ? 0 : 1;
        for (at++; at < end && text[at] != ']'; at++)
            if (text[at] == ',') rank++;
            else if (text[at] is < '0' or > '9') return -1;
        return rank;
    }

    /// <summary>A number that indexes something of which there are <paramref name="count"/>.</summary>
    public int Index(int count, string what)
    {
        var value = Integer();
        return value >= 0 && value < count ? (int)value : throw new FormatException($"there is no {what} {value}");
    }

    public double Real() => RealText.Parse(Word());

    /// <summary>A polynomial, such as <c>2*B*T-1</c>.</summary>
    public Dim Dim()
    {
        Skip();
        var start = position;
        var isNumber = true;
        long number = 0;
        while (position < end && text[position] is not (' ' or '\n' or ',' or '(' or ')' or '[' or ']'))
        {
            var digit = text[position++] - '0';
            isNumber &= digit is >= 0 and <= 9 && position - start < 19;
            if (isNumber) number = number * 10 + digit;
        }
        if (isNumber && position > start) return number < Small ? (small ??= new Dim?[Small])[number] ??= number : number;
        if (position == start) throw new FormatException($"expected a size, not '{Rest()}'");
        var word = text.Substring(start, position - start);
        dims ??= new(StringComparer.Ordinal);
        if (!dims.TryGetValue(word, out var dim)) dims.Add(word, dim = Ir.Dim.Parse(word));
        return dim;
    }

    /// <summary>Sizes in brackets.</summary>
    public ImmutableArray<Dim> Dims()
    {
        Expect('[');
        if (Try(']')) return [];
        var list = ImmutableArray.CreateBuilder<Dim>();
        do list.Add(Dim()); while (Try(','));
        Expect(']');
        return list.ToImmutable();
    }

    /// <summary>An element type.</summary>
    public DType DType() => Word() is var name && DTypes.TryParse(name, out var type) ? type : throw new FormatException($"'{name}' is no element type");

    /// <summary>Such as <c>f32[B,10]</c>.</summary>
    public TensorType Type() => new(DType(), new(Dims()));

    /// <summary>A text in quotes.</summary>
    public string Quoted()
    {
        Expect('"');
        var result = new StringBuilder();
        for (; position < end && text[position] != '"'; position++)
        {
            var escaped = text[position] == '\\' && position + 1 < end;
            if (escaped) position++;
            result.Append(escaped && text[position] == 'n' ? '\n' : text[position]);
        }
        Expect('"');
        return result.ToString();
    }

    /// <summary>Attributes in braces.</summary>
    public AttributeMap Attributes()
    {
        Skip();
        if (Peek != '{') return AttributeMap.Empty;
        var tokens = new Tokens(Rest());
        var map = tokens.Attributes();
        position += tokens.Position;
        return map;
    }
}
