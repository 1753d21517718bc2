using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Binding;
using Microsoft.CodeAnalysis;
using Location = Graph.Compiler.Modules.Location;

namespace Graph.Generators.Caching;

/// <summary>A module that a referenced assembly publishes, unread.</summary>
/// <param name="Name">The class as definitions know it: <see cref="DefinitionName"/>.</param>
/// <param name="Version">The version of the text's format.</param>
/// <param name="Text">The definition.</param>
/// <param name="Places">The text of its <see cref="PlaceTable"/>.</param>
/// <param name="Assembly">The assembly's name.</param>
public sealed record PublishedModule(string Name, int Version, string Text, string Places, string Assembly);

/// <summary>The modules of referenced assemblies, looked up once for each reference.</summary>
static class PublishedModules
{
    static readonly ConditionalWeakTable<MetadataReference, StrongBox<EquatableArray<PublishedModule>>> Known = new();

    static readonly ConditionalWeakTable<string, PlaceTable> Tables = new();

    public static EquatableArray<PublishedModule> Of(Compilation compilation, ProjectMemory memory, CancellationToken cancellation)
    {
        var result = new List<PublishedModule>();
        foreach (var reference in compilation.References)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!Known.TryGetValue(reference, out var box)) box = Known.GetValue(reference, r => new(Read(compilation, r)));
            foreach (var module in box.Value) result.Add(module);
        }
        return memory.Remember(new EquatableArray<PublishedModule>(result));
    }

    /// <summary>File, member and line of a place in a library; null for one that no reference publishes.</summary>
    public static string? Describe(EquatableArray<PublishedModule> published, Location location)
    {
        var assembly = DefinitionName.Assembly(location.Member);
        foreach (var module in published)
            if (DefinitionName.Assembly(module.Name) == assembly && Tables.GetValue(module.Places, PlaceTable.Parse).Find(location) is { } found) return found;
        return null;
    }

    static EquatableArray<PublishedModule> Read(Compilation compilation, MetadataReference reference)
    {
        if (compilation.GetAssemblyOrModuleSymbol(reference) is not IAssemblySymbol assembly || !UsesGraph(assembly)) return [];
        var result = new List<PublishedModule>();
        foreach (var attribute in assembly.GetAttributes())
            if (KnownTypes.IsGraph(attribute.AttributeClass, KnownTypes.ModuleDefinition) && attribute.ConstructorArguments is { Length: 3 } arguments
                && arguments[0].Value is int version && arguments[1].Value is string name && arguments[2].Value is string text)
                result.Add(new PublishedModule(DefinitionName.Of(assembly.Name, name), version, text, attribute.NamedArguments.FirstOrDefault(n => n.Key == "Places").Value.Value as string ?? "", assembly.Name));
        return new EquatableArray<PublishedModule>(result);
    }

    // Reading the attributes of an assembly costs more than the names of what it references.
    static bool UsesGraph(IAssemblySymbol assembly)
    {
        foreach (var module in assembly.Modules)
            foreach (var reference in module.ReferencedAssemblies)
                if (reference.Name == KnownTypes.Assembly) return true;
        return false;
    }
}
