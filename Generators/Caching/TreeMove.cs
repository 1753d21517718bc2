using System;
using System.Linq;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Graph.Generators.Caching;

/// <summary>
/// Two versions of a file that differ by white space between tokens in one place, so that both mean the same and each span of one has a span of the other. Nothing else is let
/// through: what stands in a literal, a comment, a directive or an interpolated string, and what C# could not parse, is another text. Trees are held weakly.
/// </summary>
sealed class TreeMove
{
    static readonly ConditionalWeakTable<SyntaxTree, TreeMove> Leaving = new();
    static readonly ConditionalWeakTable<SyntaxTree, TreeMove> Coming = new();

    readonly WeakReference<SyntaxTree> before;
    readonly WeakReference<SyntaxTree> after;
    readonly TextSpan gone;
    readonly int come;

    TreeMove(SyntaxTree before, SyntaxTree after, TextSpan gone, int come) => (this.before, this.after, this.gone, this.come) = (new(before), new(after), gone, come);

    /// <summary>The file as it was; null when nobody holds it any more.</summary>
    public SyntaxTree? Before => before.TryGetTarget(out var tree) ? tree : null;

    /// <summary>The file as it became; null when nobody holds it any more.</summary>
    public SyntaxTree? After => after.TryGetTarget(out var tree) ? tree : null;

    /// <summary>Compares a file with what it became, for <see cref="From"/> and <see cref="To"/>.</summary>
    public static void Note(SyntaxTree before, SyntaxTree after)
    {
        if (Between(before, after) is not { } move) return;
        foreach (var (moves, key) in new[] { (Leaving, before), (Coming, after) })
        {
            moves.Remove(key);
            moves.GetValue(key, _ => move);
        }
    }

    /// <summary>What became of a file, when it became the same with other white space.</summary>
    public static TreeMove? From(SyntaxTree before) => Leaving.TryGetValue(before, out var move) ? move : null;

    /// <summary>What a file was, when it was the same with other white space.</summary>
    public static TreeMove? To(SyntaxTree after) => Coming.TryGetValue(after, out var move) ? move : null;

    /// <summary>Where a span stands now; null for an empty one at the place of the change, which may be on either side of it.</summary>
    public TextSpan? Map(TextSpan span)
    {
        var shift = come - gone.Length;
        if (span.IsEmpty) return span.Start < gone.Start ? span : span.Start > gone.End ? new(span.Start + shift, 0) : null;
        // Both ends of a span are characters of tokens, and these are on one side of the change or the other.
        return TextSpan.FromBounds(span.Start >= gone.End ? span.Start + shift : span.Start, span.End > gone.Start ? span.End + shift : span.End);
    }

    static TreeMove? Between(SyntaxTree before, SyntaxTree after)
    {
        if (before.FilePath != after.FilePath || !before.Options.Equals(after.Options)) return null;
        var (old, now) = (before.GetText().ToString(), after.GetText().ToString());
        var shorter = Math.Min(old.Length, now.Length);
        var start = 0;
        while (start < shorter && old[start] == now[start]) start++;
        var end = 0;
        while (end < shorter - start && old[old.Length - 1 - end] == now[now.Length - 1 - end]) end++;
        var (gone, come) = (TextSpan.FromBounds(start, old.Length - end), TextSpan.FromBounds(start, now.Length - end));
        return IsWhite(old, gone) && IsWhite(now, come) && IsBetweenTokens(before.GetRoot(), gone) && IsBetweenTokens(after.GetRoot(), come) && before.IsEquivalentTo(after)
            ? new(before, after, gone, come.Length) : null;
    }

    static bool IsWhite(string text, TextSpan span)
    {
        for (var i = span.Start; i < span.End; i++)
            if (!char.IsWhiteSpace(text[i])) return false;
        return true;
    }

    static bool IsBetweenTokens(SyntaxNode root, TextSpan span)
    {
        if (root.ContainsDiagnostics) return false;
        bool Cuts(TextSpan other) => other.Start < span.End && span.Start < other.End;
        var token = root.FindToken(Math.Max(0, span.Start - 1));
        // White space in an interpolated string can be part of its text without standing in a token.
        if (token.Parent?.FirstAncestorOrSelf<InterpolatedStringExpressionSyntax>() is not null) return false;
        for (; !token.IsKind(SyntaxKind.None) && token.FullSpan.Start <= span.End; token = token.GetNextToken(includeZeroWidth: true))
        {
            if (Cuts(token.Span) || token.LeadingTrivia.Concat(token.TrailingTrivia).Any(trivia => !(trivia.IsKind(SyntaxKind.WhitespaceTrivia) || trivia.IsKind(SyntaxKind.EndOfLineTrivia)) && Cuts(trivia.FullSpan)))
                return false;
            if (token.IsKind(SyntaxKind.EndOfFileToken)) break;
        }
        return true;
    }
}
