using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>Where a node came from: a place in the user's source and the module path that was being evaluated. Takes no part in any equality of programs.</summary>
/// <param name="Place">File and line, <c>Digits.cs:22</c>; or <c>@5</c>, an entry of a table that has them, so that a program's text does not change with its source's lines.</param>
/// <param name="Path">The module's path.</param>
public sealed record Origin(string Place, string Path)
{
    /// <summary>A reference to an entry of a table.</summary>
    public static string Reference(int entry) => "@" + entry.ToString(CultureInfo.InvariantCulture);

    /// <summary>The entry that <paramref name="place"/> refers to; null for a file and line.</summary>
    public static int? Entry(string place) =>
        place.Length > 1 && place[0] == '@' && int.TryParse(place.Substring(1), NumberStyles.None, CultureInfo.InvariantCulture, out var entry) ? entry : null;

    public override string ToString() => Place + (Path.Length > 0 ? (Place.Length > 0 ? " " : "") + Path : "");

    /// <summary>What a called function's origin is at a call of it: a callee's paths begin at the module that it is called on.</summary>
    /// <param name="path">The path of that module.</param>
    public Origin Under(string path) => path.Length == 0 ? this : this with { Path = Path.Length == 0 ? path : path + "." + Path };

    /// <summary>The distinct origins of several nodes, in order, at most eight: enough to find the code, small enough to print.</summary>
    public static ImmutableArray<Origin> Merge(IEnumerable<ImmutableArray<Origin>> lists) => [.. lists.SelectMany(l => l).Distinct().Take(8)];
}
