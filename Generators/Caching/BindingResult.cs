using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Graph.Generators.Binding;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;

namespace Graph.Generators.Caching;

/// <summary>What binding a class gave, and what it is good for. Trees are held weakly: a cache keeps no old compilation alive.</summary>
sealed class BindingResult
{
    // In the order of the compilation.
    readonly WeakReference<SyntaxTree>[] trees;
    readonly KeyValuePair<string, ulong>[] names;
    readonly ReferenceStamp stamp;
    readonly string folder;
    readonly bool knowsLines;
    long verified;

    /// <param name="module">What binding gave; null for a class that is no module.</param>
    /// <param name="context">What it read.</param>
    /// <param name="environment">The declarations that it saw.</param>
    /// <param name="projectFolder">The project's folder.</param>
    public BindingResult(BoundModule? module, BindingContext context, DeclarationEnvironment environment, string projectFolder)
    {
        Module = module;
        Spans = context.Spans;
        trees = context.Trees.OrderBy(environment.Ordinal).Select(t => new WeakReference<SyntaxTree>(t)).ToArray();
        names = environment.Dependencies(context.Trees).ToArray();
        stamp = environment.Stamp;
        folder = projectFolder;
        knowsLines = context.KnowsLines;
        verified = environment.Version;
    }

    BindingResult(BindingResult before, IEnumerable<SyntaxTree> trees, SpanTable spans, DeclarationEnvironment environment)
    {
        Spans = spans;
        var places = spans.Published();
        Module = before.Module is { } module && module.Places != places ? module with { Places = places } : before.Module;
        this.trees = trees.Select(t => new WeakReference<SyntaxTree>(t)).ToArray();
        (names, stamp, folder, knowsLines, verified) = (before.names, before.stamp, before.folder, before.knowsLines, environment.Version);
    }

    /// <summary>The module; null for a class that is none.</summary>
    public BoundModule? Module { get; }

    /// <summary>Where its nodes stand.</summary>
    public SpanTable Spans { get; }

    /// <summary>Whether binding again would give the same: the files read are there, and the declarations that their names can come to are the same.</summary>
    public bool IsGood(Compilation compilation, DeclarationEnvironment now, string projectFolder)
    {
        var last = -1;
        foreach (var tree in trees)
            if (!tree.TryGetTarget(out var target) || !IsNext(target, compilation, now, ref last)) return false;
        return MeansTheSame(compilation, now, projectFolder);
    }

    /// <summary>The same for files of which some have other white space now; null where binding again could give something else.</summary>
    public BindingResult? Moved(Compilation compilation, DeclarationEnvironment now, string projectFolder)
    {
        if (knowsLines || !MeansTheSame(compilation, now, projectFolder)) return null;
        var current = new List<SyntaxTree>();
        var last = -1;
        foreach (var tree in trees)
        {
            if (!tree.TryGetTarget(out var target)) return null;
            if (!compilation.ContainsSyntaxTree(target)) target = TreeMove.From(target)?.After;
            if (target is null || !IsNext(target, compilation, now, ref last)) return null;
            current.Add(target);
        }
        var spans = Spans.After(tree => !compilation.ContainsSyntaxTree(tree) && TreeMove.From(tree) is { After: { } after } move ? (after, move.Map) : null);
        return spans is null ? null : new(this, current, spans, now);
    }

    // C# takes the parts of a class in the order of their files.
    bool IsNext(SyntaxTree tree, Compilation compilation, DeclarationEnvironment now, ref int last)
    {
        if (trees.Length == 1) return compilation.ContainsSyntaxTree(tree);
        var ordinal = now.Ordinal(tree);
        var isNext = ordinal > last;
        last = ordinal;
        return isNext;
    }

    bool MeansTheSame(Compilation compilation, DeclarationEnvironment now, string projectFolder)
    {
        if (folder != projectFolder || !(ReferenceEquals(stamp, now.Stamp) || stamp.Fits(compilation))) return false;
        // Mostly nothing was declared anew, or next to nothing.
        var version = Volatile.Read(ref verified);
        if (version == now.Version) return true;
        foreach (var name in names)
            if ((version != now.Before || now.Changed.Contains(name.Key)) && now.Hash(name.Key) != name.Value) return false;
        Volatile.Write(ref verified, now.Version);
        return true;
    }
}
