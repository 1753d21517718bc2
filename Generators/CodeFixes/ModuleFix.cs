using System;
using System.Composition;
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
        if (at.FirstAncestorOrSelf<ClassDeclarationSyntax>() is not { } declaration) return null;
        return (declaration, $"Mark {declaration.Identifier.ValueText} [Module]", (generator, node) =>
            generator.AddAttributes(generator.WithModifiers(node, generator.GetModifiers(node).WithPartial(true)), generator.Attribute("Module")));
    }
}
