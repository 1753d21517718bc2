using System;
using System.Globalization;
using System.Text;

namespace Graph.Compiler.Modules;

/// <summary>
/// A place in the source as definitions know it: a member, and the number of a node in it. It says nothing of files and lines, so a definition stays equal when its source
/// moves; where a node stands is in a table beside the definitions (<see cref="PlaceTable"/>).
/// </summary>
/// <param name="Member">The member: the <see cref="DefinitionName"/> of its class, and <c>::</c> with its identity; the class alone for what belongs to no member.</param>
/// <param name="Node">The node's number within the member.</param>
public sealed record Location(string Member, int Node)
{
    const char Open = '⟪';
    const char Close = '⟫';
    const string Separator = "::";

    /// <summary>No place in any source: made by the compiler.</summary>
    public static Location None { get; } = new("", 0);

    /// <summary>The key of a member: of the class <paramref name="owner"/>, with the identity <paramref name="id"/>.</summary>
    public static string MemberOf(string owner, string id) => owner + Separator + id;

    /// <summary>The class of the member.</summary>
    public string Class => Member.IndexOf(Separator, StringComparison.Ordinal) is >= 0 and var end ? Member.Substring(0, end) : Member;

    /// <summary>A reference to the place, for texts: <see cref="Resolve"/> puts file and line there.</summary>
    public override string ToString() => this == None ? "?" : Open + Member + "#" + Node.ToString(CultureInfo.InvariantCulture) + Close;

    /// <summary>A text with each reference replaced by what <paramref name="place"/> gives for it; a reference for which that gives null stays.</summary>
    public static string Resolve(string text, Func<Location, string?> place)
    {
        var start = text.IndexOf(Open);
        if (start < 0) return text;
        var result = new StringBuilder();
        var copied = 0;
        for (; start >= 0; start = text.IndexOf(Open, start + 1))
        {
            var end = text.IndexOf(Close, start);
            if (end < 0) break;
            var mark = text.LastIndexOf('#', end, end - start);
            if (mark < 0 || !int.TryParse(text.Substring(mark + 1, end - mark - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var node)
                || place(new(text.Substring(start + 1, mark - start - 1), node)) is not { } found) continue;
            result.Append(text, copied, start - copied).Append(found);
            copied = end + 1;
        }
        return result.Append(text, copied, text.Length - copied).ToString();
    }
}
