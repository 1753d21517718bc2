using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Graph.Compiler.Ir.Text;

/// <summary>A cursor over one line of the text form.</summary>
sealed class Tokens(string text)
{
    public int Position { get; set; }

    void Space()
    {
        while (Position < text.Length && text[Position] == ' ') Position++;
    }

    public bool AtEnd
    {
        get
        {
            Space();
            return Position >= text.Length;
        }
    }

    /// <summary>The next character that is no space; a NUL at the end.</summary>
    public char Peek => AtEnd ? '\0' : text[Position];

    public bool Try(string token)
    {
        Space();
        if (string.CompareOrdinal(text, Position, token, 0, token.Length) != 0) return false;
        Position += token.Length;
        return true;
    }

    public void Expect(string token)
    {
        if (!Try(token)) throw new FormatException($"expected '{token}' at column {Position + 1}");
    }

    static bool IsWord(char c) => char.IsLetterOrDigit(c) || c is '_' or '.' or '#' or '/';

    /// <summary>Letters, digits, dots and underscores.</summary>
    public string Word()
    {
        Space();
        var start = Position;
        while (Position < text.Length && IsWord(text[Position])) Position++;
        return Position > start ? text.Substring(start, Position - start) : throw new FormatException($"expected a name at column {start + 1}");
    }

    public bool TryWord(string word)
    {
        var mark = Position;
        if (!AtEnd && IsWord(text[Position]) && Word() == word) return true;
        Position = mark;
        return false;
    }

    public string ResultName()
    {
        Space();
        Expect("%");
        return "%" + Word();
    }

    public string Operand()
    {
        if (Try("%")) return "%" + Word();
        return Try("@") ? "@" + Word() : Word();
    }

    public long Integer() => long.Parse(Word(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    public double Real()
    {
        Space();
        var start = Position;
        while (Position < text.Length && text[Position] is not (' ' or ',' or ')' or ']' or '}')) Position++;
        return RealText.Parse(text.Substring(start, Position - start));
    }

    /// <summary>Such as <c>f32[B,10]</c>.</summary>
    public TensorType Type()
    {
        var name = Word();
        if (!DTypes.TryParse(name, out var element)) throw new FormatException($"'{name}' is no element type");
        var type = new TensorType(element, new(List()));
        if (TryWord("sharding"))
        {
            var axes = new List<string>();
            Expect("(");
            while (!Try(")"))
            {
                axes.Add(Try("-") ? "-" : Word());
                Try(",");
            }
            type = axes.Count == type.Shape.Rank ? type with { Sharding = new(new EquatableArray<string>(axes)) } : throw new FormatException($"the sharding of {type} names {axes.Count} axes");
        }
        if (TryWord("scale"))
        {
            Expect("(");
            var step = Real();
            Expect(",");
            type = type with { Scale = new(step, Try("-") ? -Integer() : Integer()) };
            Expect(")");
        }
        return type;
    }

    /// <summary>Dimensions in brackets.</summary>
    public ImmutableArray<Dim> List()
    {
        Expect("[");
        var end = text.IndexOf(']', Position);
        if (end < 0) throw new FormatException("a list has no ']'");
        var inside = text.Substring(Position, end - Position).Trim();
        Position = end + 1;
        if (inside.Length == 0) return [];
        var dims = ImmutableArray.CreateBuilder<Dim>();
        foreach (var part in inside.Split(',')) dims.Add(Dim.Parse(part.Trim()));
        return dims.ToImmutable();
    }

    /// <summary>Attributes in braces.</summary>
    public AttributeMap Attributes()
    {
        var map = AttributeMap.Empty;
        Expect("{");
        while (!Try("}"))
        {
            var name = Word();
            Expect("=");
            map = map.With(name, Attribute());
            Try(",");
        }
        return map;
    }

    Attr Attribute()
    {
        if (Peek == '"') return Text();
        if (Peek == '[') return new Attr.List(List());
        var start = Position;
        while (Position < text.Length && text[Position] is not (',' or '}' or ' ')) Position++;
        var token = text.Substring(start, Position - start);
        if (token is "true" or "false") return token == "true";
        if (long.TryParse(token, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer)) return integer;
        return RealText.Parse(token);
    }

    Attr Text()
    {
        var result = new StringBuilder();
        for (Position++; Position < text.Length && text[Position] != '"'; Position++)
        {
            if (text[Position] != '\\') { result.Append(text[Position]); continue; }
            Position++;
            result.Append(text[Position] == 'n' ? '\n' : text[Position]);
        }
        Position++;
        return result.ToString();
    }
}
