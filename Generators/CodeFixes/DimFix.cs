using System;
using System.Composition;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Editing;

namespace Graph.CodeFixes;

/// <summary>Declares the dimension that a shape names.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
public sealed class DimFix() : Fix("GR1014")
{
    const int Max = 64;

    /// <inheritdoc/>
    protected override (SyntaxNode Declaration, string Title, Func<SyntaxGenerator, SyntaxNode, SyntaxNode> Change)? Find(SyntaxNode at, SemanticModel model, CancellationToken cancellation)
    {
        var value = at is AttributeArgumentSyntax argument ? argument.Expression : at as ExpressionSyntax;
        if (value is null || model.GetConstantValue(value, cancellation).Value is not string name || at.FirstAncestorOrSelf<TypeDeclarationSyntax>() is not { } type) return null;
        return (type, $"Add [Dim(\"{name}\", Max = {Max})] to {type.Identifier.ValueText}", (generator, node) => generator.AddAttributes(
            node, generator.Attribute("Dim", generator.AttributeArgument(generator.LiteralExpression(name)), generator.AttributeArgument("Max", generator.LiteralExpression(Max)))));
    }
}
