using System;
using System.Composition;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Editing;

namespace Graph.CodeFixes;

/// <summary>Makes a module, or the class around one, partial.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
public sealed class PartialFix() : Fix("GR1001", "GR1008")
{
    /// <inheritdoc/>
    protected override (SyntaxNode Declaration, string Title, Func<SyntaxGenerator, SyntaxNode, SyntaxNode> Change)? Find(SyntaxNode at, SemanticModel model, CancellationToken cancellation) =>
        at.FirstAncestorOrSelf<TypeDeclarationSyntax>() is { } type
            ? (type, $"Make {type.Identifier.ValueText} partial", (generator, node) => generator.WithModifiers(node, generator.GetModifiers(node).WithPartial(true))) : null;
}
