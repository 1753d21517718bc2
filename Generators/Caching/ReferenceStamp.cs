using System;
using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Graph.Generators.Caching;

/// <summary>The references and options of a compilation: the same object from one compilation to the next while they are the same.</summary>
sealed class ReferenceStamp
{
    readonly ImmutableArray<Reference> references;
    readonly string? assembly;
    readonly OptimizationLevel level;
    readonly bool checkOverflow;
    readonly NullableContextOptions nullable;
    readonly LanguageVersion language;

    public ReferenceStamp(Compilation compilation)
    {
        references = compilation.ExternalReferences.Select(r => new Reference(r)).ToImmutableArray();
        assembly = compilation.AssemblyName;
        level = compilation.Options.OptimizationLevel;
        checkOverflow = compilation.Options.CheckOverflow;
        nullable = compilation.Options.NullableContextOptions;
        language = (compilation as CSharpCompilation)?.LanguageVersion ?? LanguageVersion.Default;
    }

    /// <summary>Whether a compilation has these references and options.</summary>
    public bool Fits(Compilation compilation)
    {
        var now = compilation.ExternalReferences;
        if (now.Length != references.Length || assembly != compilation.AssemblyName || level != compilation.Options.OptimizationLevel || checkOverflow != compilation.Options.CheckOverflow
            || nullable != compilation.Options.NullableContextOptions || language != ((compilation as CSharpCompilation)?.LanguageVersion ?? LanguageVersion.Default))
            return false;
        for (var i = 0; i < references.Length; i++)
            if (!references[i].Is(now[i])) return false;
        return true;
    }

    /// <summary>
    /// A reference: a file by identity; a project, of which an editor makes a new object at every key press in it, by its declarations. References are held weakly: a cache
    /// keeps no old compilation alive.
    /// </summary>
    sealed class Reference
    {
        readonly WeakReference<MetadataReference> last;
        readonly (long Version, ReferenceStamp Stamp, MetadataReferenceProperties Properties)? project;

        public Reference(MetadataReference reference)
        {
            last = new(reference);
            project = Project(reference);
        }

        public bool Is(MetadataReference now)
        {
            if (last.TryGetTarget(out var known) && ReferenceEquals(known, now)) return true;
            if (project is not { } before || Project(now) is not { } after || before.Version != after.Version || before.Stamp != after.Stamp || !before.Properties.Equals(after.Properties)) return false;
            last.SetTarget(now);
            return true;
        }

        static (long Version, ReferenceStamp Stamp, MetadataReferenceProperties Properties)? Project(MetadataReference reference)
        {
            if (reference is not CompilationReference { Compilation: { } compilation }) return null;
            var environment = DeclarationEnvironment.Of(compilation, ProjectMemory.Of(compilation, ""));
            return (environment.Version, environment.Stamp, reference.Properties);
        }
    }
}
