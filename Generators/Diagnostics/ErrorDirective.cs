using System;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace Graph.Generators.Diagnostics;

/// <summary>An error in generated source that C# reports at a user's code: no pragma, option, attribute or missing analyzer takes it away.</summary>
static class ErrorDirective
{
    // What stands before this column of the directive's line is shown as the whole span; nothing stands behind it.
    const int Offset = 60000;

    // Every character that ends a line of C#.
    static readonly char[] LineEnds = ['\r', '\n', '\u0085', '\u2028', '\u2029'];

    /// <summary>The directives, each on a line.</summary>
    /// <param name="place">What is wrong in the user's code; none leaves the error in the generated file.</param>
    /// <param name="message">What is wrong.</param>
    public static string Write(Location place, string message)
    {
        var error = "#error " + string.Concat(message.Select(c => Array.IndexOf(LineEnds, c) < 0 ? c : ' ')) + "\n";
        if (place.SourceTree?.FilePath is not { Length: > 0 } path || path.IndexOf('"') >= 0 || path.IndexOfAny(LineEnds) >= 0) return error;
        var span = place.GetLineSpan().Span;
        return FormattableString.Invariant($"#line ({span.Start.Line + 1}, {span.Start.Character + 1}) - ({span.End.Line + 1}, {Math.Max(span.End.Character, span.Start.Character + 1)}) {Offset} \"{path}\"\n") + error + "#line default\n";
    }
}
