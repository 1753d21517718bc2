using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Threading;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Binding;
using Microsoft.CodeAnalysis;

namespace Graph.Generators.Caching;

/// <summary>A module that a referenced assembly publishes, unread.</summary>
/// <param name="Name">The class as definitions know it: <see cref="DefinitionName"/>.</param>
/// <param name="Version">The version of the text's format.</param>
/// <param name="Text">The definition.</param>
/// <param name="Assembly">The assembly's name.</param>
public sealed record PublishedModule(string Name, int Version, string Text, string Assembly);

/// <summary>The modules of referenced assemblies, looked up once for each reference.</summary>
static class PublishedModules
{
    static readonly ConditionalWeakTable<MetadataReference, StrongBox<EquatableArray<PublishedModule>>> Known = new();

    public static EquatableArray<PublishedModule> Of(Compilation compilation, CancellationToken cancellation)
    {
        var result = new List<PublishedModule>();
        foreach (var reference in compilation.References)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!Known.TryGetValue(reference, out var box)) box = Known.GetValue(reference, r => new(Read(compilation, r)));
            foreach (var module in box.Value) result.Add(module);
        }
        return new EquatableArray<PublishedModule>(result);
    }

    static EquatableArray<PublishedModule> Read(Compilation compilation, MetadataReference reference)
    {
        if (compilation.GetAssemblyOrModuleSymbol(reference) is not IAssemblySymbol assembly || !UsesGraph(assembly)) return [];
        var result = new List<PublishedModule>();
        foreach (var attribute in assembly.GetAttributes())
            if (KnownTypes.IsGraph(attribute.AttributeClass, KnownTypes.ModuleDefinition) && attribute.ConstructorArguments is { Length: 3 } arguments
                && arguments[0].Value is int version && arguments[1].Value is string name && arguments[2].Value is string text)
                result.Add(new PublishedModule(DefinitionName.Of(assembly.Name, name), version, text, assembly.Name));
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
