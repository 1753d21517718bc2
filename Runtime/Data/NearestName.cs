using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Data;

/// <summary>Finds what a mistyped name may have meant.</summary>
static class NearestName
{
    /// <summary>The candidate with the fewest changed letters, case ignored; null when none is near enough to be meant.</summary>
    public static string? Of(string name, IEnumerable<string> candidates)
    {
        var best = candidates.Select(candidate => (candidate, Distance: Distance(name, candidate))).OrderBy(p => p.Distance).ThenBy(p => p.candidate, StringComparer.Ordinal).FirstOrDefault();
        return best.candidate is not null && best.Distance <= Math.Max(1, Math.Min(name.Length, best.candidate.Length) / 2) ? best.candidate : null;
    }

    // Levenshtein's distance, by rows.
    static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var change = char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1;
                (row[j], diagonal) = (Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + change), row[j]);
            }
        }
        return row[^1];
    }
}
