using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text;
using Graph.Data;

namespace Graph.Examples.Gpt;

/// <summary>Where the text comes from.</summary>
static class Corpus
{
    /// <summary>A file, the C# sources of a folder, or those of this repository. Characters beyond the <paramref name="most"/> − 1 commonest become '�'.</summary>
    /// <exception cref="IOException">There is no such file or folder, or nothing in it.</exception>
    public static string Read(string? path, int most)
    {
        var text = path switch
        {
            null => Sources(Repository()),
            _ when File.Exists(path) => DataFile.ReadText(path),
            _ when Directory.Exists(path) => Sources(path),
            _ => throw new FileNotFoundException($"--data {path}: there is no such file or folder."),
        };
        if (text.Length < 10_000) throw new InvalidDataException($"--data {path}: {text.Length} characters are too few to learn from; 10,000 are the least.");
        return Limit(text, most);
    }

    static string Sources(string folder)
    {
        var files = Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Where(f => !Path.GetRelativePath(folder, f).Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" || part.StartsWith('.')))
            .Order(StringComparer.Ordinal).ToList();
        if (files.Count == 0) throw new FileNotFoundException($"--data {folder}: it holds no C# sources.");
        return string.Join("\n", files.Select(f => DataFile.ReadText(f).Replace("\r\n", "\n")));
    }

    // The folder of the solution, upwards from where the program runs or was built.
    static string Repository()
    {
        foreach (var start in new[] { Environment.CurrentDirectory, AppContext.BaseDirectory })
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
                if (File.Exists(Path.Combine(folder.FullName, "Graph.sln"))) return folder.FullName;
        throw new FileNotFoundException("The repository's sources are not here; name a text with --data FILE.");
    }

    static string Limit(string text, int most)
    {
        var counts = new Dictionary<Rune, int>();
        foreach (var rune in text.EnumerateRunes()) counts[rune] = counts.GetValueOrDefault(rune) + 1;
        if (counts.Count <= most) return text;
        var kept = counts.OrderByDescending(p => p.Value).ThenBy(p => p.Key).Take(most - 1).Select(p => p.Key).ToHashSet();
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes()) result.Append((kept.Contains(rune) ? rune : Rune.ReplacementChar).ToString());
        return result.ToString();
    }
}
