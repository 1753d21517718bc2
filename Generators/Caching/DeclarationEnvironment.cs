using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using Graph.Generators.Binding;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Graph.Generators.Caching;

/// <summary>The declarations of a whole compilation by name, and what else decides the meaning of bodies: references and options.</summary>
sealed class DeclarationEnvironment
{
    static readonly ConditionalWeakTable<Compilation, DeclarationEnvironment> Environments = new();

    readonly Dictionary<string, ulong> hashes = new(StringComparer.Ordinal);
    readonly Dictionary<string, List<HashSet<string>>> mentions = new(StringComparer.Ordinal);

    DeclarationEnvironment(Compilation compilation)
    {
        foreach (var tree in compilation.SyntaxTrees)
        {
            if (GeneratedCode.IsOurs(tree)) continue;
            foreach (var pair in DeclarationTable.Of(tree).Entries)
            {
                hashes.TryGetValue(pair.Key, out var hash);
                hashes[pair.Key] = unchecked(hash + pair.Value.Hash);
                if (pair.Value.Mentions.Count == 0) continue;
                if (!mentions.TryGetValue(pair.Key, out var list)) mentions.Add(pair.Key, list = []);
                list.Add(pair.Value.Mentions);
            }
        }
        Stamp = ReferenceStamp.Of(compilation);
    }

    /// <summary>The environment of a compilation, made once.</summary>
    public static DeclarationEnvironment Of(Compilation compilation) => Environments.GetValue(compilation, static c => new DeclarationEnvironment(c));

    public ReferenceStamp Stamp { get; }

    /// <summary>The hash of the declarations of a name; 0 for a name that is not declared here.</summary>
    public ulong Hash(string name) => hashes.TryGetValue(name, out var hash) ? hash : 0;

    /// <summary>The names that binding the given files can come to: theirs, and those of the declarations met on the way.</summary>
    public Dictionary<string, ulong> Dependencies(IEnumerable<SyntaxTree> trees)
    {
        var result = new Dictionary<string, ulong>(StringComparer.Ordinal);
        var work = new Stack<string>();
        void Visit(string name)
        {
            if (result.ContainsKey(name)) return;
            result.Add(name, Hash(name));
            work.Push(name);
        }
        Visit(DeclarationTable.Everywhere);
        foreach (var tree in trees)
            foreach (var name in DeclarationTable.Of(tree).Identifiers(tree)) Visit(name);
        while (work.Count > 0)
            if (mentions.TryGetValue(work.Pop(), out var sets))
                foreach (var set in sets)
                    foreach (var name in set) Visit(name);
        return result;
    }
}

/// <summary>The references and options of a compilation: the same object while they are the same.</summary>
sealed class ReferenceStamp
{
    static readonly object Gate = new();
    static readonly List<ReferenceStamp> Recent = [];

    readonly WeakReference<MetadataReference>[] references;
    readonly string? assembly;
    readonly OptimizationLevel level;
    readonly bool checkOverflow;
    readonly NullableContextOptions nullable;
    readonly LanguageVersion language;

    ReferenceStamp(Compilation compilation)
    {
        references = compilation.ExternalReferences.Select(r => new WeakReference<MetadataReference>(r)).ToArray();
        assembly = compilation.AssemblyName;
        level = compilation.Options.OptimizationLevel;
        checkOverflow = compilation.Options.CheckOverflow;
        nullable = compilation.Options.NullableContextOptions;
        language = (compilation as CSharpCompilation)?.LanguageVersion ?? LanguageVersion.Default;
    }

    public static ReferenceStamp Of(Compilation compilation)
    {
        lock (Gate)
        {
            foreach (var known in Recent)
                if (known.Fits(compilation)) return known;
            var stamp = new ReferenceStamp(compilation);
            Recent.Add(stamp);
            if (Recent.Count > 16) Recent.RemoveAt(0);
            return stamp;
        }
    }

    bool Fits(Compilation compilation)
    {
        var now = compilation.ExternalReferences;
        if (now.Length != references.Length || assembly != compilation.AssemblyName || level != compilation.Options.OptimizationLevel || checkOverflow != compilation.Options.CheckOverflow
            || nullable != compilation.Options.NullableContextOptions || language != ((compilation as CSharpCompilation)?.LanguageVersion ?? LanguageVersion.Default))
            return false;
        for (var i = 0; i < references.Length; i++)
            if (!references[i].TryGetTarget(out var reference) || !ReferenceEquals(reference, now[i])) return false;
        return true;
    }
}
