using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using Location = Graph.Compiler.Modules.Location;

namespace Graph.Generators.Binding;

/// <summary>What the binding of one definition shares: the compilation, what was reached on the way, and what was wrong.</summary>
sealed class BindingContext(Compilation compilation, string projectFolder, CancellationToken cancellation)
{
    readonly Dictionary<SyntaxTree, SemanticModel> models = [];
    readonly HashSet<SyntaxTree> trees = [];
    readonly HashSet<ISymbol> reached = new(SymbolEqualityComparer.Default);
    readonly List<ISymbol> pending = [];
    HashSet<DiagnosticInfo> reported = [];
    HashSet<ISymbol> met = new(SymbolEqualityComparer.Default);
    int bound;
    string member = "";

    public Compilation Compilation => compilation;

    public CancellationToken Cancellation => cancellation;

    /// <summary>What was wrong, in the order found.</summary>
    public List<DiagnosticInfo> Diagnostics { get; private set; } = [];

    /// <summary>True when the code has errors, ours or C#'s own: there is no definition then.</summary>
    public bool HasErrors { get; private set; }

    /// <summary>What is wrong in modelling code that does not have to bind until a model reaches it.</summary>
    public List<DiagnosticInfo> Hints { get; } = [];

    /// <summary>The full names of what is defined elsewhere.</summary>
    public SortedSet<string> References { get; } = new(System.StringComparer.Ordinal);

    /// <summary>The parameters of primary constructors that methods use.</summary>
    public HashSet<IParameterSymbol> Captured { get; } = new(SymbolEqualityComparer.Default);

    /// <summary>The code cannot be read because of another module's error, which is reported there.</summary>
    public void FailElsewhere() => HasErrors = true;

    /// <summary>True when the result holds a line, or the text of an expression with its white space (<c>[CallerLineNumber]</c> and its like).</summary>
    public bool KnowsLines { get; set; }

    /// <summary>The files that were read: bodies, and names whose places the definition holds.</summary>
    public IReadOnlyCollection<SyntaxTree> Trees => trees;

    /// <summary>The result depends on this file.</summary>
    public void Touch(SyntaxTree tree) => trees.Add(tree);

    /// <summary>True for what is declared in this compilation. (A referenced project's declarations have syntax too, but bodies cannot be read through it.)</summary>
    public bool IsHere(ISymbol symbol) => SymbolEqualityComparer.Default.Equals(symbol.ContainingAssembly, compilation.Assembly);

    public SemanticModel Model(SyntaxTree tree)
    {
        cancellation.ThrowIfCancellationRequested();
        Touch(tree);
        if (!models.TryGetValue(tree, out var model))
        {
#pragma warning disable RS1030 // Bodies are reached from other files; each file's model is asked for once.
            models.Add(tree, model = compilation.GetSemanticModel(tree));
#pragma warning restore RS1030
        }
        return model;
    }

    /// <summary>Puts a declaration on the list of those that travel with the definition: records, enums, functions and fields outside of the module.</summary>
    public void Reach(ISymbol symbol)
    {
        if (reached.Add(symbol.OriginalDefinition)) pending.Add(symbol.OriginalDefinition);
    }

    /// <summary>The next declaration on that list; null when there is none left.</summary>
    public ISymbol? Next() => bound < pending.Count ? pending[bound++] : null;

    /// <summary>
    /// Binds a member that has to bind only if a model reaches it. Mistakes are no errors of the definition then, but the reasons that the member's own definition gives; what
    /// it reached is forgotten.
    /// </summary>
    /// <param name="bind">Binds it.</param>
    /// <param name="at">The member.</param>
    /// <param name="isModelling">Whether it is plainly meant for models: its mistakes are hints, before any model reaches it.</param>
    /// <returns>What binding gave, or default where a mistake kept it from giving anything; and the reasons, none for a member that binds.</returns>
    public (T? Definition, EquatableArray<Reason> Failure) Attempt<T>(System.Func<T> bind, Location at, bool isModelling)
        where T : class
    {
        var (outerDiagnostics, outerReported, outerMet, outerErrors) = (Diagnostics, reported, met, HasErrors);
        var references = References.ToArray();
        var mark = pending.Count;
        // A member's reasons are whole: what another member that nobody reaches has met counts for nothing here.
        (Diagnostics, reported, met, HasErrors) = ([], [], new(outerMet, SymbolEqualityComparer.Default), false);
        T? definition = null;
        try
        {
            definition = bind();
        }
        catch (System.InsufficientExecutionStackException)
        {
            Report(Descriptors.TooDeep, at, "This member");
        }
        var found = Diagnostics;
        var hasErrors = HasErrors;
        (Diagnostics, reported, met, HasErrors) = (outerDiagnostics, outerReported, outerMet, outerErrors);
        if (hasErrors && found.Count == 0 && !outerErrors) found.Add(new(Descriptors.NoMeaning.Id, at, []));
        if (!hasErrors) return (definition, []);
        foreach (var symbol in pending.Skip(mark)) reached.Remove(symbol);
        pending.RemoveRange(mark, pending.Count - mark);
        References.Clear();
        References.UnionWith(references);
        if (isModelling) Hints.AddRange(found.Where(info => info.Id != Descriptors.NoMeaning.Id));
        return (definition, found.Select(info => new Reason(info.Id, info.Message, info.Location)).ToEquatableArray());
    }

    /// <summary>Where the definition's nodes stand.</summary>
    public SpanTable Spans { get; } = new();

    /// <summary>Places belong to the member <paramref name="key"/> until the result is disposed: each member numbers its own.</summary>
    public Membership Within(string key)
    {
        var scope = new Membership(this, member);
        member = key;
        return scope;
    }

    /// <summary>Restores the member that was being bound before.</summary>
    public readonly struct Membership(BindingContext context, string before) : System.IDisposable
    {
        public void Dispose() => context.member = before;
    }

    public Location At(SyntaxNode node) => At(node.SyntaxTree, node.Span);

    public Location At(SyntaxTree tree, TextSpan span)
    {
        Touch(tree);
        return Spans.Add(member, tree, span, projectFolder);
    }

    /// <summary>The name of a declaration.</summary>
    public Location At(ISymbol symbol)
    {
        if (!IsHere(symbol)) return Location.None;
        foreach (var location in symbol.Locations)
            if (location.SourceTree is { } tree) return At(tree, location.SourceSpan);
        return Location.None;
    }

    public void Report(DiagnosticDescriptor descriptor, Location at, params string[] arguments)
    {
        HasErrors = true;
        var info = new DiagnosticInfo(descriptor.Id, at, new EquatableArray<string>(arguments));
        // A type that is wrong is met again and again; say it once a place.
        if (reported.Add(info)) Diagnostics.Add(info);
    }

    /// <summary>Reports what is met again and again, an unmarked class or a type parameter, where it is met first.</summary>
    public void ReportOnce(ISymbol symbol, DiagnosticDescriptor descriptor, Location at, params string[] arguments)
    {
        HasErrors = true;
        if (met.Add(symbol.OriginalDefinition)) Report(descriptor, at, arguments);
    }

    /// <summary>
    /// C# gives the code no meaning, and most likely reports that itself. Where it turns out not to (what is generated gives the code its meaning), the place is reported as
    /// <see cref="Descriptors.NoMeaning"/>: nothing is given up without a place and a reason.
    /// </summary>
    public void Invalid(Location at) => Report(Descriptors.NoMeaning, at);
}
