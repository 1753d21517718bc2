using System.Collections.Immutable;
using Graph.Generators.Binding;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Graph.Generators;

/// <summary>
/// Silences, within modules and models only, what C# says about hyper-parameters: that a primary constructor's parameter is unread (the generated code reads it), captured
/// and also passed to the base, or captured and also used to initialize a field. A module keeps its hyper-parameters on purpose.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ModuleSuppressor : DiagnosticSuppressor
{
    const string Reason = "Hyper-parameters of a module are read by generated code";

    static readonly ImmutableArray<SuppressionDescriptor> All =
    [
        new("GRS9113", "CS9113", Reason),
        new("GRS9107", "CS9107", Reason),
        new("GRS9124", "CS9124", Reason),
        new("GRS0169", "CS0169", Reason),
        new("GRS0414", "CS0414", Reason),
        new("GRS0649", "CS0649", Reason),
        new("GRS0051", "IDE0051", Reason),
        new("GRS0052", "IDE0052", Reason),
        new("GRS0060", "IDE0060", Reason),
        new("GRS1823", "CA1823", Reason),
        new("GRS1822", "CA1822", Reason),
    ];

    /// <inheritdoc/>
    public override ImmutableArray<SuppressionDescriptor> SupportedSuppressions => All;

    /// <inheritdoc/>
    public override void ReportSuppressions(SuppressionAnalysisContext context)
    {
        foreach (var diagnostic in context.ReportedDiagnostics)
        {
            if (diagnostic.Location.SourceTree is not { } tree) continue;
            var node = tree.GetRoot(context.CancellationToken).FindNode(diagnostic.Location.SourceSpan);
            if (node.FirstAncestorOrSelf<TypeDeclarationSyntax>() is not { } declaration) continue;
            if (context.GetSemanticModel(tree).GetDeclaredSymbol(declaration, context.CancellationToken) is not INamedTypeSymbol type || !KnownTypes.IsModule(type)) continue;
            foreach (var descriptor in All)
                if (descriptor.SuppressedDiagnosticId == diagnostic.Id) context.ReportSuppression(Suppression.Create(descriptor, diagnostic));
        }
    }
}
