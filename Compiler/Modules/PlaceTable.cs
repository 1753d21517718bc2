using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Graph.Compiler.Modules;

/// <summary>
/// Where the nodes of published definitions stand: the file of each member, and for each node the line within it. Lines count from the member's own first line, so a
/// published table stays as it is when the member moves as a whole.
/// </summary>
public sealed class PlaceTable
{
    readonly Dictionary<string, (string File, int[] Lines)> members = new(StringComparer.Ordinal);

    /// <summary>A member's lines: the first line is 1.</summary>
    public void Add(string member, string file, IEnumerable<int> lines) => members[member] = (file, lines.ToArray());

    /// <summary>The place of a node as people read it: <c>Linear.cs:Forward:2</c>, the second line of Forward in Linear.cs; null for one that the table does not hold.</summary>
    public string? Find(Location location)
    {
        if (!members.TryGetValue(location.Member, out var member) || location.Node >= member.Lines.Length) return null;
        return string.Format(CultureInfo.InvariantCulture, "{0}:{1}:{2}", member.File.Substring(member.File.LastIndexOf('/') + 1), Name(location), member.Lines[location.Node]);
    }

    // A member by its name, a class by its own.
    static string Name(Location location)
    {
        var type = location.Class;
        if (type.Length == location.Member.Length) return DefinitionName.Short(type);
        var id = location.Member.Substring(type.Length + 2);
        if (id.StartsWith(".ctor", StringComparison.Ordinal)) return DefinitionName.Short(type);
        if (id.IndexOf('(') is >= 0 and var end) id = id.Substring(0, end);
        return id.StartsWith("get_", StringComparison.Ordinal) ? id.Substring(4) : id;
    }

    /// <summary>One line a member: its key, its file and the lines of its nodes, separated by tabs.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var pair in members.OrderBy(m => m.Key, StringComparer.Ordinal))
            text.Append(pair.Key).Append('\t').Append(pair.Value.File).Append('\t').Append(string.Join(" ", pair.Value.Lines.Select(l => l.ToString(CultureInfo.InvariantCulture)))).Append('\n');
        return text.ToString();
    }

    /// <summary>Reads what <see cref="ToString"/> wrote; what is no line of a table says nothing about any place and is left out.</summary>
    public static PlaceTable Parse(string text)
    {
        var table = new PlaceTable();
        foreach (var line in text.Split('\n'))
        {
            var parts = line.Split('\t');
            if (parts.Length != 3) continue;
            var lines = parts[2].Split([' '], StringSplitOptions.RemoveEmptyEntries);
            var numbers = new int[lines.Length];
            for (var i = 0; i < lines.Length; i++) int.TryParse(lines[i], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]);
            table.Add(parts[0], parts[1], numbers);
        }
        return table;
    }
}
