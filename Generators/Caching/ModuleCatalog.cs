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
        var bound = 0;
        foreach (var tree in compilation.SyntaxTrees)
        {
            cancellation.ThrowIfCancellationRequested();
            var table = DeclarationTable.Of(tree);
            if (table.Candidates == 0) continue;
            var slots = Results.GetValue(tree, t => new Slots(table.Candidates));
            for (var i = 0; i < table.Candidates; i++)
            {
                var result = slots.Get(i, compilation, environment, projectFolder, index =>
                {
                    if (Moved(compilation, environment, tree, index, projectFolder) is { } moved) return moved;
                    bound++;
                    return Bind(compilation, environment, table.Candidate(tree, index), projectFolder, cancellation);
                });
                if (result.Module is not { } module) continue;
                modules.Add(module);
                spans.Add(result.Spans);
            }
        }
        var all = new Catalog(memory.Remember(HintNames.Distinct(modules)), spans.ToImmutable(), bound);
        lock (known) known[projectFolder] = all;
        return all;
    }

    // Analyzers see what is generated, the generator does not. Both bind what the user wrote, so whoever comes first makes what the other one would.
    static Compilation UsersOwn(Compilation compilation)
    {
        var ours = compilation.SyntaxTrees.Where(GeneratedCode.IsOurs).ToList();
        return ours.Count == 0 ? compilation : compilation.RemoveSyntaxTrees(ours);
    }

    static BindingResult Bind(Compilation compilation, DeclarationEnvironment environment, TypeDeclarationSyntax declaration, string projectFolder, CancellationToken cancellation)
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
        return new BindingResult(module, context, environment, projectFolder);
    }

    /// <summary>What binding would give for a file that is one bound before with other white space; null where only binding can tell.</summary>
    static BindingResult? Moved(Compilation compilation, DeclarationEnvironment environment, SyntaxTree tree, int index, string projectFolder)
    {
        if (Results.TryGetValue(tree, out var own) && own.Moved(index, compilation, environment, projectFolder) is { } same) return same;
        return TreeMove.To(tree)?.Before is { } before && Results.TryGetValue(before, out var slots) ? slots.Moved(index, compilation, environment, projectFolder) : null;
    }

    /// <summary>True when this declaration, among the parts of the class, is the one that carries the mark.</summary>
    static bool Marks(TypeDeclarationSyntax declaration, INamedTypeSymbol type, CancellationToken cancellation)
    {
        var mark = KnownTypes.Attribute(type, KnownTypes.Model) ?? KnownTypes.Attribute(type, KnownTypes.Module);
        return mark?.ApplicationSyntaxReference?.GetSyntax(cancellation) is AttributeSyntax { Parent.Parent: { } owner } && owner == declaration;
    }

    /// <summary>The last two results for each candidate of a file: the generator and the analyzer may see different compilations in turn.</summary>
    sealed class Slots(int count)
    {
        readonly (BindingResult? Recent, BindingResult? Older)[] slots = new (BindingResult?, BindingResult?)[count];

        public BindingResult Get(int index, Compilation compilation, DeclarationEnvironment environment, string projectFolder, Func<int, BindingResult> bind)
        {
            var (recent, older) = Read(index);
            if (recent?.IsGood(compilation, environment, projectFolder) == true) return recent;
            if (older?.IsGood(compilation, environment, projectFolder) == true) return older;
            var result = bind(index);
            lock (slots) slots[index] = (result, recent);
            return result;
        }

        /// <summary>One of these results, as it is after files that it is about got other white space; null when there is none that still holds.</summary>
        public BindingResult? Moved(int index, Compilation compilation, DeclarationEnvironment environment, string projectFolder)
        {
            var (recent, older) = Read(index);
            return recent?.Moved(compilation, environment, projectFolder) ?? older?.Moved(compilation, environment, projectFolder);
        }

        (BindingResult? Recent, BindingResult? Older) Read(int index)
        {
            lock (slots) return slots[index];
        }
    }
}
