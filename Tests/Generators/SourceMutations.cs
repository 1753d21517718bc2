using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace Graph.Tests.Generators;

/// <summary>Changes C# token by token, as typing and mistakes do. The tests of the generator and the <c>fuzz sources</c> command share it.</summary>
static class SourceMutations
{
    const int MostChanges = 3;

    static readonly string[] numbers = ["0", "1", "-1", "2", "3", "int.MaxValue", "int.MinValue", "2147483648", "1e39", "1e-46f", "double.NaN", "0.5f", "65536", "4294967296L", "0x7fffffffffffffff", "'a'", "\"text\"", "default", "null", "true"];

    static readonly string[] operators = ["+", "-", "*", "/", "%", "<", ">", "<=", ">=", "==", "!=", "&&", "||", "&", "|", "<<"];

    static readonly string[] words = ["(", ")", "[", "]", "{", "}", ";", ",", ".", "=", "==", "=>", "+", "-", "*", "/", "%", "!", "?", ":", "??", "<", ">", "..", "^", "ref", "out", "static", "async", "await", "new", "this", "base",
        "return", "if", "else", "for", "foreach", "while", "do", "break", "continue", "goto", "switch", "case", "is", "as", "with", "in", "yield", "throw", "try", "catch", "using", "var", "int", "float", "long", "Tensor", "Tensor<int>",
        "params", "partial", "readonly", "const", "abstract", "virtual", "override", "unsafe", "stackalloc", "lock", "checked", "typeof", "nameof", "@class", "extern", "required", "record", "struct", "enum", "operator"];

    /// <summary>The places of all tokens.</summary>
    public static List<TextSpan> Tokens(string text, CSharpParseOptions options) =>
        [.. CSharpSyntaxTree.ParseText(text, options).GetRoot().DescendantTokens().Select(t => t.Span).Where(s => s.Length > 0)];

    /// <summary>The text up to each <paramref name="step"/>-th token.</summary>
    public static IEnumerable<string> Cuts(string text, CSharpParseOptions options, int step) => Tokens(text, options).Where((_, i) => i % step == 0).Select(span => text[..span.End]);

    /// <summary>The text without each <paramref name="step"/>-th token.</summary>
    public static IEnumerable<string> Without(string text, CSharpParseOptions options, int step) => Tokens(text, options).Where((_, i) => i % step == 0).Select(span => text.Remove(span.Start, span.Length));

    /// <summary>The text with two tokens exchanged.</summary>
    public static string Exchange(string text, IReadOnlyList<TextSpan> tokens, Random random)
    {
        var (a, b) = (random.Next(tokens.Count), random.Next(tokens.Count));
        var (first, second) = a < b ? (tokens[a], tokens[b]) : (tokens[b], tokens[a]);
        return first == second ? text : text[..first.Start] + text[second.Start..second.End] + text[first.End..second.Start] + text[first.Start..first.End] + text[second.End..];
    }

    /// <summary>The text after one to three changes; tokens and statements may come from <paramref name="other"/>.</summary>
    public static string Mutate(string text, string other, CSharpParseOptions options, Random random)
    {
        for (var changes = random.Next(1, MostChanges + 1); changes > 0; changes--)
        {
            var tokens = Tokens(text, options);
            if (tokens.Count == 0) return text;
            text = Change(text, tokens, other, options, random);
        }
        return text;
    }

    static string Change(string text, List<TextSpan> tokens, string other, CSharpParseOptions options, Random random)
    {
        var token = tokens[random.Next(tokens.Count)];
        switch (random.Next(20))
        {
            case 0: return text[..token.End];
            case 1: return text.Remove(token.Start, token.Length);
            case 2: return Exchange(text, tokens, random);
            case 3: return text.Insert(token.End, " " + text.Substring(token.Start, token.Length));
            case 4: return text.Insert(token.Start, words[random.Next(words.Length)] + " ");
            case 5: return Replace(text, token, words[random.Next(words.Length)]);
            case 6:
                // A run of tokens said twice, such as a whole statement.
                var from = random.Next(tokens.Count);
                var to = Math.Min(tokens.Count - 1, from + random.Next(1, 30));
                return text.Insert(tokens[to].End, " " + text[tokens[from].Start..tokens[to].End]);
            case 7:
                var foreign = Tokens(other, options);
                var first = random.Next(foreign.Count);
                var last = Math.Min(foreign.Count - 1, first + random.Next(0, 12));
                return text.Insert(token.End, " " + other[foreign[first].Start..foreign[last].End] + " ");
            // What stays C# goes furthest: a number, an operator or a name becomes another one.
            case < 14: return ReplaceOne(text, tokens, random, t => char.IsAsciiDigit(text[t.Start]), numbers);
            case < 17: return ReplaceOne(text, tokens, random, t => operators.Contains(text.Substring(t.Start, t.Length)), operators);
            default:
                bool IsName(TextSpan span) => char.IsLetter(text[span.Start]);
                return ReplaceOne(text, tokens, random, IsName, [.. tokens.Where(IsName).Select(t => text.Substring(t.Start, t.Length))]);
        }
    }

    static string ReplaceOne(string text, List<TextSpan> tokens, Random random, Func<TextSpan, bool> which, string[] by)
    {
        var fitting = tokens.Where(which).ToList();
        return fitting.Count == 0 ? text : Replace(text, fitting[random.Next(fitting.Count)], by[random.Next(by.Length)]);
    }

    static string Replace(string text, TextSpan span, string by) => text[..span.Start] + by + text[span.End..];
}
