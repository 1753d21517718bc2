using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Binding;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Location = Graph.Compiler.Modules.Location;
using RoslynLocation = Microsoft.CodeAnalysis.Location;

namespace Graph.Generators.Caching;

/// <summary>One compilation as its analysis sees it: what is bound is bound once, and models are assembled once for all of them.</summary>
/// <param name="compilation">The compilation, generated files included.</param>
/// <param name="folder">The project's folder.</param>
/// <param name="choice">What the project compiles its models for.</param>
public sealed class Analysis(Compilation compilation, string folder, TargetChoice choice)
{
    readonly object gate = new();
    readonly ProjectMemory memory = ProjectMemory.Of(compilation, folder);
    Catalog? catalog;
    EquatableArray<PublishedModule> published;
    Dictionary<string, BoundModule>? modules;
    HashSet<string>? names;
    Dictionary<string, ModelTarget>? models;
    HashSet<(string Id, Location At)>? reached;
    Dictionary<(string Id, RoslynLocation At, string Message), string>? speakers;

    /// <summary>The modules and their spans, once a module was found.</summary>
    public Catalog Catalog => catalog ?? throw new InvalidOperationException("Nothing was found yet.");

    /// <summary>The modules of references, once a module was found.</summary>
    public EquatableArray<PublishedModule> Published => published;

    void Bind(CancellationToken cancellation)
    {
        lock (gate)
        {
            if (models is not null) return;
            catalog = ModuleCatalog.Of(compilation, folder, cancellation);
            published = PublishedModules.Of(compilation, memory, cancellation);
            modules = new(StringComparer.Ordinal);
            foreach (var module in catalog.Modules) modules[module.Name] = module;
            names = new(catalog.Modules.Select(m => DefinitionName.Short(m.Name)), StringComparer.Ordinal);
            models = new(StringComparer.Ordinal);
            foreach (var target in memory.Assemble(catalog.Modules, published, choice, cancellation)) models[target.Name] = target;
        }
    }

    /// <summary>What binding a class gave; null for one that is no module.</summary>
    public BoundModule? Find(INamedTypeSymbol type, CancellationToken cancellation)
    {
        Bind(cancellation);
        return names!.Contains(type.MetadataName) && modules!.TryGetValue(SymbolNames.FullName(type), out var module) ? module : null;
    }

    /// <summary>What is wrong with a model beyond its own definition.</summary>
    public EquatableArray<DiagnosticInfo> OfModel(string name, CancellationToken cancellation)
    {
        if (!models!.TryGetValue(name, out var target)) return [];
        return target.Diagnostics.AddRange(target.Input is { } input ? memory.Emit(input, cancellation).Diagnostics : []);
    }

    /// <summary>What is wrong with a module and, where it is a model, beyond its own definition: as the user reads it, once for all modules that it is wrong with.</summary>
    public IEnumerable<(DiagnosticInfo Info, Diagnostic Diagnostic)> Of(BoundModule module, CancellationToken cancellation)
    {
        var own = All(module, cancellation).ToList();
        if (own.Count == 0) yield break;
        lock (gate)
            if (speakers is null)
            {
                var all = new Dictionary<(string, RoslynLocation, string), string>();
                foreach (var other in Catalog.Modules)
                    foreach (var (_, said) in All(other, cancellation))
                        if (!all.ContainsKey(Words(said))) all.Add(Words(said), other.Name);
                speakers = all;
            }
        var once = new HashSet<(string, RoslynLocation, string)>();
        foreach (var (info, said) in own)
            if (speakers[Words(said)] == module.Name && once.Add(Words(said))) yield return (info, said);

        static (string, RoslynLocation, string) Words(Diagnostic said) => (said.Id, said.Location, said.GetMessage(CultureInfo.InvariantCulture));
    }

    IEnumerable<(DiagnosticInfo Info, Diagnostic Diagnostic)> All(BoundModule module, CancellationToken cancellation)
    {
        foreach (var info in module.Diagnostics.Concat(OfModel(module.Name, cancellation))) yield return (info, info.ToRoslyn(compilation, Catalog, Published));
        if (module.Hints.IsEmpty) yield break;
        // What a model reaches is an error already.
        var known = Reached(cancellation);
        foreach (var hint in module.Hints)
            if (!known.Contains((hint.Id, hint.Location))) yield return (hint, hint.Hint().ToRoslyn(compilation, Catalog, Published, DiagnosticSeverity.Info));
    }

    /// <summary>The mistakes that models reached, which are errors for that.</summary>
    public HashSet<(string Id, Location At)> Reached(CancellationToken cancellation)
    {
        lock (gate)
            return reached ??= new(models!.Keys.SelectMany(name => OfModel(name, cancellation)).Select(info => (info.Id, info.Location)));
    }
}
