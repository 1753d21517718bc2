using System;
using System.Collections.Generic;

namespace Graph.Runtime.Parameters;

/// <summary>Which of some names was probably meant.</summary>
static class NearestName
{
    const int MostCandidates = 10_000, MostCharacters = 200;

    /// <summary>The name that the fewest changes of a character make of <paramref name="name"/>; null when even they are too many for a slip.</summary>
    public static string? Of(string name, IEnumerable<string> candidates)
    {
        if (name.Length > MostCharacters) return null;
        var (best, most) = ((string?)null, Math.Max(1, name.Length / 4));
        var looked = 0;
        foreach (var candidate in candidates)
        {
            if (looked++ == MostCandidates) break;
            if (candidate.Length > MostCharacters || Math.Abs(candidate.Length - name.Length) > most || candidate == name) continue;
            var changes = Changes(name, candidate);
            if (changes > most || (changes == most && best is not null)) continue;
            (best, most) = (candidate, changes);
        }
        return best;
    }

    // Levenshtein's distance, one row of its table at a time.
    static int Changes(string from, string to)
    {
        Span<int> row = stackalloc int[to.Length + 1];
        for (var j = 0; j <= to.Length; j++) row[j] = j;
        for (var i = 1; i <= from.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= to.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(above, row[j - 1]) + 1, diagonal + (from[i - 1] == to[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }
        return row[to.Length];
    }
}
