using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>
/// Picks parameters by their paths, as <c>[Train(Updates = …)]</c> and <c>Parametrize.Register</c> do: <c>head</c> is the module of that name with all in it, or the parameter; <c>*</c> stands for any part of one name, and <c>**</c> for
/// any number of names: <c>**.lora_*</c>.
/// </summary>
public sealed class ParameterPattern(string text)
{
    readonly string[] names = text.Split('.');

    /// <summary>Whether the path, or the path of a module around it, fits.</summary>
    public bool Fits(string path) => Fits(path.Split('.'), 0, 0);

    bool Fits(string[] path, int at, int name)
    {
        if (name == names.Length) return true; // what is left of the path lies in the module
        if (names[name] == "**") return Enumerable.Range(at, path.Length - at + 1).Any(next => Fits(path, next, name + 1) && (name + 1 < names.Length || next < path.Length));
        return at < path.Length && Fits(path[at], names[name]) && Fits(path, at + 1, name + 1);
    }

    // A name with stars, each for any characters.
    static bool Fits(string name, string pattern)
    {
        var parts = pattern.Split('*');
        if (parts.Length == 1) return name == pattern;
        if (name.Length < parts[0].Length + parts[parts.Length - 1].Length || !name.StartsWith(parts[0], StringComparison.Ordinal) || !name.EndsWith(parts[parts.Length - 1], StringComparison.Ordinal)) return false;
        var at = parts[0].Length;
        foreach (var part in parts.Skip(1).Take(parts.Length - 2))
        {
            var found = name.IndexOf(part, at, name.Length - parts[parts.Length - 1].Length - at, StringComparison.Ordinal);
            if (found < 0) return false;
            at = found + part.Length;
        }
        return true;
    }

    /// <summary>What a pattern that fits nothing may have meant: the modules and parameters of the model, outermost first.</summary>
    public static IEnumerable<string> Known(IEnumerable<string> paths) => paths
        .SelectMany(path => Enumerable.Range(1, path.Count(c => c == '.') + 1).Select(count => string.Join(".", path.Split('.').Take(count)))).Distinct().OrderBy(p => p.Count(c => c == '.'));
}
