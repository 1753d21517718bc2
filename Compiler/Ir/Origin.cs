using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>Where a node came from: a line of the user's source and the module path that was being evaluated. Takes no part in any equality of programs.</summary>
public sealed record Origin(string File, int Line, string Path)
{
    public override string ToString() => (File.Length > 0 ? File + ":" + Line.ToString(System.Globalization.CultureInfo.InvariantCulture) : "") + (Path.Length > 0 ? " " + Path : "");

    /// <summary>The distinct origins of several nodes, in order, at most eight: enough to find the code, small enough to print.</summary>
    public static ImmutableArray<Origin> Merge(IEnumerable<ImmutableArray<Origin>> lists) => [.. lists.SelectMany(l => l).Distinct().Take(8)];
}
