using System;
using System.Composition;
using System.Linq;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Editing;

namespace Graph.CodeFixes;

/// <summary>Marks a class that holds parameters as a module, and makes it partial.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
public sealed class ModuleFix() : Fix("GR1019")
{
    /// <inheritdoc/>
    protected override (SyntaxNode Declaration, string Title, Func<SyntaxGenerator, SyntaxNode, SyntaxNode> Change)? Find(SyntaxNode at, SemanticModel model, CancellationToken cancellation)
    {
        var type = model.GetDeclaredSymbol(at, cancellation) switch
        {
            IFieldSymbol field => field.Type,
            IPropertySymbol property => property.Type,
            IParameterSymbol parameter => parameter.Type,
            ILocalSymbol local => local.Type,
            _ => model.GetTypeInfo(at, cancellation).Type,
        };
        // Lists and arrays of a layer speak of the layer.
        while (type is IArrayTypeSymbol or INamedTypeSymbol { TypeArguments.Length: 1 }) type = type is IArrayTypeSymbol array ? array.ElementType : ((INamedTypeSymbol)type).TypeArguments[0];
        if (type?.DeclaringSyntaxReferences.Select(r => r.GetSyntax(cancellation)).OfType<ClassDeclarationSyntax>().FirstOrDefault() is not { } declaration) return null;
        return (declaration, $"Mark {type.Name} [Module]", (generator, node) =>
            generator.AddAttributes(generator.WithModifiers(node, generator.GetModifiers(node).WithPartial(true)), generator.Attribute("Module")));
    }
}
