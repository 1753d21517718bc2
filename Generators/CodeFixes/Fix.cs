using System;
using System.Collections.Immutable;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Editing;

namespace Graph.CodeFixes;

/// <summary>A fix that changes one declaration, wherever it is.</summary>
public abstract class Fix(params string[] ids) : CodeFixProvider
{
    /// <inheritdoc/>
    public sealed override ImmutableArray<string> FixableDiagnosticIds { get; } = [.. ids];

    /// <inheritdoc/>
    public sealed override FixAllProvider? GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    /// <inheritdoc/>
    public sealed override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        if (await context.Document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false) is not { } root) return;
        if (await context.Document.GetSemanticModelAsync(context.CancellationToken).ConfigureAwait(false) is not { } model) return;
        if (Find(root.FindNode(context.Span, getInnermostNodeForTie: true), model, context.CancellationToken) is not var (declaration, title, change)) return;
        var document = context.Document.Project.Solution.GetDocument(declaration.SyntaxTree) ?? context.Document;
        context.RegisterCodeFix(CodeAction.Create(title, cancellation => Apply(document, declaration, change, cancellation), equivalenceKey: GetType().Name), context.Diagnostics);
    }

    /// <summary>The declaration to change, what to call the change, and the change; null when there is nothing to offer.</summary>
    /// <param name="at">The node that the diagnostic marks.</param>
    /// <param name="model">The meaning of its file.</param>
    /// <param name="cancellation">Ends the search.</param>
    protected abstract (SyntaxNode Declaration, string Title, Func<SyntaxGenerator, SyntaxNode, SyntaxNode> Change)? Find(SyntaxNode at, SemanticModel model, CancellationToken cancellation);

    static async Task<Document> Apply(Document document, SyntaxNode declaration, Func<SyntaxGenerator, SyntaxNode, SyntaxNode> change, CancellationToken cancellation)
    {
        var editor = await DocumentEditor.CreateAsync(document, cancellation).ConfigureAwait(false);
        editor.ReplaceNode(declaration, (node, generator) => change(generator, node));
        return editor.GetChangedDocument();
    }
}
