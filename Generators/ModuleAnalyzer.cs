using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler;
using Graph.Generators.Binding;
using Graph.Generators.Caching;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Graph.Generators;

/// <summary>Reports what is wrong with modules and models, as the user types. It shares every result with <see cref="ModelGenerator"/>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ModuleAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics => Descriptors.All;

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        // A model in a file that calls itself generated is a model like any other.
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.Analyze | GeneratedCodeAnalysisFlags.ReportDiagnostics);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(start =>
        {
            if (start.Compilation.GetTypeByMetadataName("Graph.ModuleAttribute") is null) return;
            var options = start.Options.AnalyzerConfigOptionsProvider.GlobalOptions;
            var analysis = new Analysis(start.Compilation, ModelGenerator.ProjectFolder(options), TargetChoice.Of(options));
            start.RegisterSymbolAction(symbol => Report(symbol, analysis), SymbolKind.NamedType);
        });
    }

    static void Report(SymbolAnalysisContext context, Analysis analysis)
    {
        if (context.Symbol is not INamedTypeSymbol { TypeKind: TypeKind.Class } type || analysis.Find(type, context.CancellationToken) is not { } module) return;
        foreach (var (info, said) in analysis.Of(module, context.CancellationToken))
            if (info.Id != Descriptors.NoMeaning.Id || Speaks(context, info, module.Diagnostics, analysis.Catalog) || Speaks(context, info, analysis.OfModel(module.Name, context.CancellationToken), analysis.Catalog))
                context.ReportDiagnostic(said);
    }

    // One place without a meaning makes others.
    static bool Speaks(SymbolAnalysisContext context, DiagnosticInfo info, EquatableArray<DiagnosticInfo> problems, Catalog catalog) =>
        problems.All(p => p.Id == info.Id) && info == problems.FirstOrDefault() && !SpeaksItself(context, info, catalog);

    /// <summary>Whether C# has an error of its own, which explains why a module could not be read: next to it, else anywhere.</summary>
    static bool SpeaksItself(SymbolAnalysisContext context, DiagnosticInfo info, Catalog catalog)
    {
        bool IsError(Diagnostic d) => d.Severity == DiagnosticSeverity.Error && d.Location.SourceTree is { } tree && !GeneratedCode.IsOurs(tree);
        var compilation = context.Compilation;
        var at = catalog.Find(info.Location, compilation)?.SourceTree;
#pragma warning disable RS1030 // Asked for in one file that cannot be compiled.
        return at is not null && compilation.GetSemanticModel(at).GetDiagnostics(null, context.CancellationToken).Any(IsError)
            || compilation.GetDiagnostics(context.CancellationToken).Any(IsError);
#pragma warning restore RS1030
    }
}
