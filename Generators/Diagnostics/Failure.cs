using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Binding;
using Graph.Generators.Caching;
using Graph.Generators.Emission;
using Microsoft.CodeAnalysis;
using Location = Graph.Compiler.Modules.Location;
using RoslynLocation = Microsoft.CodeAnalysis.Location;

namespace Graph.Generators.Diagnostics;

/// <summary>
/// A module or model that could not be compiled. Its file stops the build by itself, whatever becomes of the analyzer's report: a build may run without analyzers, and a user
/// may silence them.
/// </summary>
/// <param name="Name">The class as definitions know it.</param>
/// <param name="HintName">The start of the names of its generated files.</param>
/// <param name="Outline">The members that its users see; empty for what is no model, and where none can be written.</param>
/// <param name="Message">Its first mistake.</param>
/// <param name="At">The place of that; none when it is the class itself.</param>
public sealed record Failure(string Name, string HintName, string Outline, string Message, Location At)
{
    /// <summary>Every failure of a compilation: modules without a definition, and models without kernels.</summary>
    public static IEnumerable<Failure> All(EquatableArray<BoundModule> modules, IEnumerable<(ModelTarget Target, EmittedModel Model)> models)
    {
        var names = new HintNames(modules);
        var outlined = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (target, model) in models)
        {
            if (model.Kernels is not null) continue;
            outlined.Add(target.Name);
            var own = modules.FirstOrDefault(m => m.Name == target.Name)?.Diagnostics ?? [];
            yield return Of(target.Name, target.Class.HintName, OutlineSource.Write(target.Class, target.Outline, target.Docs), own.Concat(target.Diagnostics).Concat(model.Diagnostics));
        }
        foreach (var module in modules)
            if (module.Definition is null && outlined.Add(module.Name)) yield return Of(module.Name, module.Class?.HintName ?? names.Make(module.Name), "", module.Diagnostics);
    }

    static Failure Of(string name, string hintName, string outline, IEnumerable<DiagnosticInfo> diagnostics)
    {
        // What C# most likely reports itself comes last.
        var first = diagnostics.Where(d => d.Descriptor.DefaultSeverity == DiagnosticSeverity.Error).OrderBy(d => d.Id == Descriptors.NoMeaning.Id).FirstOrDefault();
        return first is null
            ? new(name, hintName, outline, DefinitionName.FullName(name) + " cannot be compiled, because a module that it uses has errors.", Location.None)
            : new(name, hintName, outline, first.Id + ": " + first.Message, first.Location);
    }

    /// <summary>The text of its file: the error as C# finds it at the user's code, and the outline.</summary>
    public string Source(Compilation compilation, Catalog catalog, EquatableArray<PublishedModule> published)
    {
        var place = catalog.Find(At, compilation) ?? RoslynLocation.None;
        if (place == RoslynLocation.None) place = compilation.Assembly.GetTypeByMetadataName(DefinitionName.FullName(Name))?.Locations.FirstOrDefault(l => l.IsInSource && !GeneratedCode.IsOurs(l.SourceTree!)) ?? place;
        return ErrorDirective.Write(place, Reporter.Words(Message, catalog, published)) + Outline;
    }
}
