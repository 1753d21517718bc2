using System;
using System.Composition;
using System.Linq;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Editing;

namespace Graph.CodeFixes;

/// <summary>Makes a static field read-only, and takes the setter from a static property.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
public sealed class ReadOnlyFix() : Fix("GR1020")
{
    /// <inheritdoc/>
    protected override (SyntaxNode Declaration, string Title, Func<SyntaxGenerator, SyntaxNode, SyntaxNode> Change)? Find(SyntaxNode at, SemanticModel model, CancellationToken cancellation)
    {
        var symbol = model.GetDeclaredSymbol(at, cancellation) ?? model.GetSymbolInfo(at, cancellation).Symbol;
        return symbol?.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cancellation) switch
        {
            VariableDeclaratorSyntax { Parent.Parent: FieldDeclarationSyntax field } => (field, $"Make {symbol.Name} readonly", (generator, node) => generator.WithModifiers(node, generator.GetModifiers(node).WithIsReadOnly(true))),
            PropertyDeclarationSyntax { AccessorList: { } } property => (property, $"Remove the setter of {symbol.Name}", (_, node) => WithoutSetter((PropertyDeclarationSyntax)node)),
            _ => null,
        };
    }

    static PropertyDeclarationSyntax WithoutSetter(PropertyDeclarationSyntax property) =>
        property.WithAccessorList(property.AccessorList!.WithAccessors(SyntaxFactory.List(property.AccessorList.Accessors.Where(a => a.IsKind(SyntaxKind.GetAccessorDeclaration)))));
}
