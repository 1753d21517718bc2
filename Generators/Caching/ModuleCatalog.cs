using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using Graph.Compiler;
using Graph.Generators.Binding;
using Graph.Generators.Diagnostics;
using Graph.Generators.Emission;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Graph.Generators.Caching;

/// <summary>
/// The modules of a compilation. Binding one costs milliseconds, and every keystroke makes a new compilation, so results stay with the syntax tree of the class that
/// they are about and are used again while the files read are the same and the declarations that their names can come to are.
/// </summary>
static class ModuleCatalog
{
    static readonly ConditionalWeakTable<SyntaxTree, Slots> Results = new();
    static readonly ConditionalWeakTable<Compilation, Dictionary<string, Catalog>> Catalogs = new();
    static readonly ConditionalWeakTable<Compilation, Compilation> Sources = new();

    /// <summary>All modules, in the order of their files; the generator and the analyzer share the result.</summary>
    public static Catalog Of(Compilation compilation, string projectFolder, CancellationToken cancellation)
    {
        var known = Catalogs.GetOrCreateValue(compilation);
        lock (known)
            if (known.TryGetValue(projectFolder, out var done)) return done;
        var memory = ProjectMemory.Of(compilation, projectFolder);
        var environment = DeclarationEnvironment.Of(compilation, memory);
        var modules = new List<BoundModule>();
        var spans = ImmutableArray.CreateBuilder<SpanTable>();
        foreach (var tree in compilation.SyntaxTrees)
        {
            cancellation.ThrowIfCancellationRequested();
            var table = DeclarationTable.Of(tree);
            if (table.Candidates == 0) continue;
            var slots = Results.GetValue(tree, t => new Slots(table.Candidates));
            for (var i = 0; i < table.Candidates; i++)
            {
                var result = slots.Get(i, compilation, environment, projectFolder, index => Bind(compilation, environment, table.Candidate(tree, index), projectFolder, cancellation));
                if (result.Module is not { } module) continue;
                modules.Add(module);
                spans.Add(result.Spans);
            }
        }
        var all = new Catalog(memory.Remember(HintNames.Distinct(modules)), spans.ToImmutable());
        lock (known) known[projectFolder] = all;
        return all;
    }

    // Analyzers see what is generated, the generator does not. Both bind what the user wrote, so whoever comes first makes what the other one would.
    static Compilation UsersOwn(Compilation compilation)
    {
        var ours = compilation.SyntaxTrees.Where(GeneratedCode.IsOurs).ToList();
        return ours.Count == 0 ? compilation : compilation.RemoveSyntaxTrees(ours);
    }

    static Result Bind(Compilation compilation, DeclarationEnvironment environment, TypeDeclarationSyntax declaration, string projectFolder, CancellationToken cancellation)
    {
        var tree = declaration.SyntaxTree;
        var context = new BindingContext(Sources.GetValue(compilation, UsersOwn), projectFolder, cancellation);
        BoundModule? module = null;
        if (context.Model(tree).GetDeclaredSymbol(declaration, cancellation) is INamedTypeSymbol type && Marks(declaration, type, cancellation))
        {
            foreach (var reference in type.DeclaringSyntaxReferences)
                if (!GeneratedCode.IsOurs(reference.SyntaxTree)) context.Touch(reference.SyntaxTree);
            module = ModuleBinder.Bind(context, type);
        }
        return new Result(module, context.Spans, context.Trees, environment, projectFolder, tree);
    }

    /// <summary>True when this declaration, among the parts of the class, is the one that carries the mark.</summary>
    static bool Marks(TypeDeclarationSyntax declaration, INamedTypeSymbol type, CancellationToken cancellation)
    {
        var mark = KnownTypes.Attribute(type, KnownTypes.Model) ?? KnownTypes.Attribute(type, KnownTypes.Module);
        return mark?.ApplicationSyntaxReference?.GetSyntax(cancellation) is AttributeSyntax { Parent.Parent: { } owner } && owner == declaration;
    }

    /// <summary>A result and what it is good for. Trees are held weakly: a cache keeps no old compilation alive.</summary>
    sealed class Result(BoundModule? module, SpanTable spans, IEnumerable<SyntaxTree> trees, DeclarationEnvironment environment, string projectFolder, SyntaxTree own)
    {
        readonly WeakReference<SyntaxTree>[] trees = trees.Where(t => t != own).Select(t => new WeakReference<SyntaxTree>(t)).ToArray();
        readonly KeyValuePair<string, ulong>[] names = environment.Dependencies(trees).ToArray();
        readonly ReferenceStamp stamp = environment.Stamp;
        readonly string folder = projectFolder;
        long verified = environment.Version;

        public BoundModule? Module { get; } = module;

        public SpanTable Spans { get; } = spans;

        public bool IsGood(Compilation compilation, DeclarationEnvironment now, string projectFolder)
        {
            if (folder != projectFolder || !(ReferenceEquals(stamp, now.Stamp) || stamp.Fits(compilation))) return false;
            foreach (var tree in trees)
                if (!tree.TryGetTarget(out var target) || !compilation.ContainsSyntaxTree(target)) return false;
            // Mostly nothing was declared anew, or next to nothing.
            var version = Volatile.Read(ref verified);
            if (version == now.Version) return true;
            foreach (var name in names)
                if ((version != now.Before || now.Changed.Contains(name.Key)) && now.Hash(name.Key) != name.Value) return false;
            Volatile.Write(ref verified, now.Version);
            return true;
        }
    }

    /// <summary>The last two results for each candidate of a file: the generator and the analyzer may see different compilations in turn.</summary>
    sealed class Slots(int count)
    {
        readonly (Result? Recent, Result? Older)[] slots = new (Result?, Result?)[count];

        public Result Get(int index, Compilation compilation, DeclarationEnvironment environment, string projectFolder, Func<int, Result> bind)
        {
            var (recent, older) = Read(index);
            if (recent?.IsGood(compilation, environment, projectFolder) == true) return recent;
            if (older?.IsGood(compilation, environment, projectFolder) == true) return older;
            var result = bind(index);
            lock (slots) slots[index] = (result, recent);
            return result;
        }

        (Result? Recent, Result? Older) Read(int index)
        {
            lock (slots) return slots[index];
        }
    }
}
