using System;
using System.Collections.Generic;

namespace Graph.Runtime.Parameters;

/// <summary>Which of some names was probably meant.</summary>
static class NearestName
{
    const int MostCandidates = 10_000, MostCharacters = 200;

    /// <summary>The name that the fewest slips make of <paramref name="name"/>; null when even they are too many.</summary>
    public static string? Of(string name, IEnumerable<string> candidates)
    {
        if (name.Length > MostCharacters) return null;
        var (best, most) = ((string?)null, Math.Max(1, name.Length / 4));
        var looked = 0;
        foreach (var candidate in candidates)
        {
            if (looked++ == MostCandidates) break;
            if (candidate.Length > MostCharacters || Math.Abs(candidate.Length - name.Length) > most || candidate == name) continue;
            var slips = Slips(name, candidate);
            if (slips > most || (slips == most && best is not null)) continue;
            (best, most) = (candidate, slips);
        }
        return best;
    }

    // Damerau's distance in its common restricted form: a character more, less, changed, or in its neighbour's place, each of them once. Three rows of its table; small and capital letters are one.
    static int Slips(string from, string to)
    {
        var width = to.Length + 1;
        Span<int> before = stackalloc int[width], last = stackalloc int[width], row = stackalloc int[width];
        for (var j = 0; j < width; j++) last[j] = j;
        for (var i = 1; i <= from.Length; i++)
        {
            row[0] = i;
            for (var j = 1; j < width; j++)
            {
                var changed = Same(from[i - 1], to[j - 1]) ? 0 : 1;
                row[j] = Math.Min(Math.Min(last[j], row[j - 1]) + 1, last[j - 1] + changed);
                if (i > 1 && j > 1 && Same(from[i - 1], to[j - 2]) && Same(from[i - 2], to[j - 1])) row[j] = Math.Min(row[j], before[j - 2] + 1);
            }
            var oldest = before;
            before = last;
            last = row;
            row = oldest;
        }
        return last[to.Length];
    }

    static bool Same(char a, char b) => char.ToLowerInvariant(a) == char.ToLowerInvariant(b);
}
