using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Threading;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Binding;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Location = Graph.Compiler.Modules.Location;
using RoslynLocation = Microsoft.CodeAnalysis.Location;

namespace Graph.Generators.Caching;

/// <summary>
/// The modules of a compilation, and beside them where their nodes stand. Models are compiled from <see cref="Modules"/> alone, which a moved line leaves equal; the spans feed
/// diagnostics and the files of origins.
/// </summary>
/// <param name="modules">The modules, in the order of their files.</param>
/// <param name="spans">The spans of each.</param>
/// <param name="bound">How many classes were bound for it; the others are remembered.</param>
public sealed class Catalog(EquatableArray<BoundModule> modules, ImmutableArray<SpanTable> spans, int bound)
{
    /// <summary>How many classes were bound for it; the others are remembered.</summary>
    public int Bound => bound;

    /// <summary>The modules, in the order of their files.</summary>
    public EquatableArray<BoundModule> Modules => modules;

    Dictionary<string, List<SpanTable>>? members;

    // A function that several modules call is bound, and has its spans, with each of them.
    List<SpanTable> Tables(string member)
    {
        if (Volatile.Read(ref members) is not { } known)
        {
            known = new(StringComparer.Ordinal);
            foreach (var table in spans)
                foreach (var name in table.Members)
                {
                    if (!known.TryGetValue(name, out var list)) known.Add(name, list = []);
                    list.Add(table);
                }
            Volatile.Write(ref members, known);
        }
        return known.TryGetValue(member, out var tables) ? tables : [];
    }

    SpanTable? Table(Location location) => Tables(location.Member).Find(table => table.Line(location) is not null);

    /// <summary>File and line as people read them; null for a place outside of this compilation.</summary>
    public string? Describe(Location location) => Table(location)?.Describe(location);

    /// <summary>The path of the file and the line; null for a place outside of this compilation.</summary>
    public (string Path, int Line)? Line(Location location) => Table(location)?.Line(location);

    /// <summary>The span itself; null for a place outside of <paramref name="compilation"/>.</summary>
    public RoslynLocation? Find(Location location, Compilation compilation)
    {
        foreach (var table in Tables(location.Member))
            if (table.Find(location, compilation) is { } found) return found;
        return null;
    }
}
