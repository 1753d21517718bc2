using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
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
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(start =>
        {
            if (start.Compilation.GetTypeByMetadataName("Graph.ModuleAttribute") is null) return;
            var folder = ModelGenerator.ProjectFolder(start.Options.AnalyzerConfigOptionsProvider.GlobalOptions);
            start.RegisterSymbolAction(symbol => Report(symbol, folder), SymbolKind.NamedType);
        });
    }

    static void Report(SymbolAnalysisContext context, string folder)
    {
        if (context.Symbol is not INamedTypeSymbol { TypeKind: TypeKind.Class } type || !KnownTypes.IsModule(type)) return;
        var modules = ModuleCatalog.Modules(context.Compilation, folder, context.CancellationToken);
        var name = SymbolNames.FullName(type);
        foreach (var info in modules.FirstOrDefault(m => m.Name == name)?.Diagnostics ?? []) context.ReportDiagnostic(info.ToRoslyn(context.Compilation, folder, context.CancellationToken));
        if (!KnownTypes.Has(type, KnownTypes.Model)) return;

        var published = PublishedModules.Of(context.Compilation, context.CancellationToken);
        foreach (var target in ModelInputs.Assemble(modules, published, context.CancellationToken))
        {
            if (target.Name != name) continue;
            var problems = target.Diagnostics.AddRange(target.Input is { } input ? EmissionCache.Emit(input, context.CancellationToken).Diagnostics : []);
            foreach (var info in problems) context.ReportDiagnostic(info.ToRoslyn(context.Compilation, folder, context.CancellationToken));
        }
    }
}
