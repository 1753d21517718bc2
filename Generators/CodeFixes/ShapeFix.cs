using System;
using System.Composition;
using System.Linq;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Editing;

namespace Graph.CodeFixes;

/// <summary>Gives an argument of an entry or loss a shape of one dimension, the first that its model declares, to be completed.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
public sealed class ShapeFix() : Fix("GR1017")
{
    /// <inheritdoc/>
    protected override (SyntaxNode Declaration, string Title, Func<SyntaxGenerator, SyntaxNode, SyntaxNode> Change)? Find(SyntaxNode at, SemanticModel model, CancellationToken cancellation)
    {
        if (at.FirstAncestorOrSelf<ParameterSyntax>() is not { } parameter || parameter.FirstAncestorOrSelf<TypeDeclarationSyntax>() is not { } type) return null;
        var declared = (model.GetDeclaredSymbol(type, cancellation) as INamedTypeSymbol)?.GetAttributes()
            .Where(a => a.AttributeClass?.Name == "DimAttribute" && a.ConstructorArguments.Length == 1).Select(a => a.ConstructorArguments[0].Value as string).FirstOrDefault(name => name is not null);
        var dim = declared ?? "B";
        return (parameter, $"Add [Shape(\"{dim}\")]", (generator, node) => generator.AddAttributes(node, generator.Attribute("Shape", generator.LiteralExpression(dim))));
    }
}
