using System.Linq;
using Graph.Compiler;
using Graph.Generators.Caching;
using Microsoft.CodeAnalysis;
using Location = Graph.Compiler.Modules.Location;
using RoslynLocation = Microsoft.CodeAnalysis.Location;

namespace Graph.Generators.Diagnostics;

/// <summary>Diagnostics as data → diagnostics of Roslyn, with files and lines.</summary>
static class Reporter
{
    /// <summary>A diagnostic at its span. Places in its message become file and line; those of libraries file, member and line within it.</summary>
    public static Diagnostic ToRoslyn(this DiagnosticInfo info, Compilation compilation, Catalog catalog, EquatableArray<PublishedModule> published, DiagnosticSeverity? severity = null)
    {
        var arguments = info.Arguments.Select(a => (object)Words(a, catalog, published));
        return Diagnostic.Create(info.Descriptor, catalog.Find(info.Location, compilation) ?? RoslynLocation.None, severity ?? info.Descriptor.DefaultSeverity, additionalLocations: null, properties: null, arguments.ToArray());
    }

    /// <summary>A message with files and lines for its places.</summary>
    public static string Words(string message, Catalog catalog, EquatableArray<PublishedModule> published) =>
        Location.Resolve(message, place => catalog.Describe(place) ?? PublishedModules.Describe(published, place));
}
