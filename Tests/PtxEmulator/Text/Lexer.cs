using System.Collections.Generic;

namespace Graph.PtxEmulator;

enum TokenKind { Identifier, Directive, Number, String, Punctuation, End }

readonly record struct Token(TokenKind Kind, string Text, Position Position)
{
    public int End => Position.Offset + Text.Length;
    public bool Is(string punctuation) => Kind == TokenKind.Punctuation && Text == punctuation;
}

/// <summary>A comment of the text, without its marks: what the emitter said about the lines below.</summary>
public sealed record Comment(Position Position, string Text);

/// <summary>Cuts PTX text into tokens and keeps the comments aside.</summary>
sealed class Lexer(string text)
{
    int at, line = 1, lineStart;
    public List<Token> Tokens { get; } = [];
    public List<Comment> Comments { get; } = [];

    Position Here => new(line, at - lineStart + 1, at);
    char Peek(int ahead = 0) => at + ahead < text.Length ? text[at + ahead] : '\0';

    public Lexer Run()
    {
        while (SkipBlank())
        {
            var start = Here;
            var kind = Next();
            Tokens.Add(new Token(kind, text[start.Offset..at], start));
        }
        Tokens.Add(new Token(TokenKind.End, "", Here));
        return this;
    }

    bool SkipBlank()
    {
        while (at < text.Length)
        {
            if (Peek() == '\n') { at++; line++; lineStart = at; }
            else if (char.IsWhiteSpace(Peek())) at++;
            else if (Peek() == '/' && Peek(1) == '/')
            {
                var start = Here;
                while (at < text.Length && Peek() != '\n') at++;
                Comments.Add(new Comment(start, text[(start.Offset + 2)..at].Trim()));
            }
            else if (Peek() == '/' && Peek(1) == '*')
            {
                var start = Here;
                at += 2;
                while (!(Peek() == '*' && Peek(1) == '/'))
                {
                    if (at >= text.Length) throw new PtxSyntaxException(start, "this comment has no end.");
                    if (Peek() == '\n') { line++; lineStart = at + 1; }
                    at++;
                }
                at += 2;
                Comments.Add(new Comment(start, text[(start.Offset + 2)..(at - 2)].Trim()));
            }
            else return true;
        }
        return false;
    }

    TokenKind Next()
    {
        var c = Peek();
        if (char.IsAsciiLetter(c) || c is '_' or '$' or '%')
        {
            at++;
            while (IsWord(Peek())) at++;
            return TokenKind.Identifier;
        }
        if (c == '.' && (IsWord(Peek(1))))
        {
            at++;
            while (IsWord(Peek()) || Peek() == ':' && Peek(1) == ':' || Peek() == ':' && text[at - 1] == ':') at++;
            return TokenKind.Directive;
        }
        if (char.IsAsciiDigit(c)) return Number();
        if (c == '"')
        {
            var start = Here;
            at++;
            while (Peek() != '"') { if (at >= text.Length || Peek() == '\n') throw new PtxSyntaxException(start, "this string has no end."); at++; }
            at++;
            return TokenKind.String;
        }
        if ("{}[]()<>,;:@!|=+-*".Contains(c)) { at++; return TokenKind.Punctuation; }
        throw new PtxSyntaxException(Here, $"a character '{c}' (U+{(int)c:X4}) has no meaning here.");
    }

    TokenKind Number()
    {
        // 12, 0x1F, 0b1, 017, 12U, 0f3F800000, 0d…, 1.5, 1e-3, 1.5e3
        if (Peek() == '0' && Peek(1) is 'f' or 'F' or 'd' or 'D' or 'x' or 'X')
        {
            at += 2;
            while (char.IsAsciiHexDigit(Peek())) at++;
        }
        else
        {
            while (char.IsAsciiDigit(Peek())) at++;
            if (Peek() == 'b' && text[at - 1] == '0') { at++; while (Peek() is '0' or '1') at++; }
            if (Peek() == '.' && char.IsAsciiDigit(Peek(1))) { at++; while (char.IsAsciiDigit(Peek())) at++; }
            if (Peek() is 'e' or 'E') { at++; if (Peek() is '+' or '-') at++; while (char.IsAsciiDigit(Peek())) at++; }
        }
        if (Peek() == 'U') at++;
        if (IsWord(Peek())) throw new PtxSyntaxException(Here, $"'{Peek()}' cannot follow a number.");
        return TokenKind.Number;
    }

    static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$';
}
