using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>Leaves out instructions whose result nobody reads: parameters that a kernel does not need, places that turned out constant. What is left is what a reader has to understand.</summary>
static class PtxUnused
{
    static readonly Regex register = new(@"%(?:p|h|r|rd|f|d)\d+", RegexOptions.CultureInvariant);

    // One result, and nothing else that they do.
    static readonly Regex pure = new(@"^    (?:ld\.param|mov|cvt|add|sub|mul|mad|fma|div|rem|min|max|neg|abs|and|or|xor|not|shl|shr|selp|setp)\.\S+ (%(?:p|h|r|rd|f|d)\d+), ", RegexOptions.CultureInvariant);

    /// <summary>The lines of a function without those that are not needed.</summary>
    public static IEnumerable<string> Without(IReadOnlyList<string> lines)
    {
        var result = new string?[lines.Count];
        var operands = new List<string>[lines.Count];
        var makers = new Dictionary<string, List<int>>(StringComparer.Ordinal);
        var readers = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < lines.Count; i++)
        {
            var match = pure.Match(lines[i]);
            var all = register.Matches(lines[i]).Cast<Match>().Select(m => m.Value).ToList();
            if (match.Success)
            {
                result[i] = match.Groups[1].Value;
                all.RemoveAt(0);
                if (!makers.TryGetValue(result[i]!, out var known)) makers[result[i]!] = known = [];
                known.Add(i);
            }
            operands[i] = all;
            foreach (var name in all) readers[name] = (readers.TryGetValue(name, out var count) ? count : 0) + 1;
        }
        var gone = new bool[lines.Count];
        var open = new Stack<string>(makers.Keys.Where(name => !readers.ContainsKey(name)));
        while (open.Count > 0)
            foreach (var i in makers[open.Pop()])
            {
                gone[i] = true;
                foreach (var name in operands[i])
                    if (--readers[name] == 0 && makers.ContainsKey(name)) open.Push(name);
            }
        return lines.Where((_, i) => !gone[i]);
    }
}
