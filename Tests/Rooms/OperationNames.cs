using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Graph.Tests.Rooms;

/// <summary>Finds where a source compares something with an operation's name. Making an operation of a name (<c>b.Emit("add", …)</c>) is no comparison.</summary>
sealed class OperationNames(IEnumerable<string> names)
{
    static readonly string[] Comparing =
        ["Is", "Equals", "Contains", "ContainsKey", "TryGetValue", "GetValueOrDefault", "StartsWith", "EndsWith", "Compare", "CompareOrdinal", "IndexOf", "SequenceEqual", "TryGet"];

    readonly HashSet<string> names = names.ToHashSet(StringComparer.Ordinal);

    /// <summary>The comparisons of a source, as <c>line: text</c>.</summary>
    public IEnumerable<string> In(string source)
    {
        foreach (var literal in CSharpSyntaxTree.ParseText(source).GetRoot().DescendantNodes().OfType<LiteralExpressionSyntax>())
            if (literal.IsKind(SyntaxKind.StringLiteralExpression) && names.Contains(literal.Token.ValueText) && Compared(literal) is { } compared && !IsOtherWord(compared))
                yield return $"{literal.GetLocation().GetLineSpan().StartLinePosition.Line + 1}: {literal.Parent!.ToString().ReplaceLineEndings(" ")}";
    }

    // What the literal is compared with, or held ready to be compared with; null when it is neither.
    string? Compared(LiteralExpressionSyntax literal)
    {
        for (SyntaxNode? node = literal; node is not null; node = node.Parent)
            switch (node)
            {
                case BinaryExpressionSyntax { RawKind: (int)SyntaxKind.EqualsExpression or (int)SyntaxKind.NotEqualsExpression } equality:
                    return equality.Left.Span.Contains(literal.Span) ? equality.Right.ToString() : equality.Left.ToString();
                case IsPatternExpressionSyntax pattern:
                    return pattern.Expression.ToString();
                case SwitchExpressionArmSyntax arm:
                    return arm.Pattern.Span.Contains(literal.Span) ? ((SwitchExpressionSyntax)arm.Parent!).GoverningExpression.ToString() : null;
                case SwitchLabelSyntax label:
                    return ((SwitchStatementSyntax)label.Parent!.Parent!).Expression.ToString();
                case InvocationExpressionSyntax invocation:
                    var called = invocation.Expression is MemberAccessExpressionSyntax member ? member.Name : invocation.Expression;
                    return Comparing.Contains(called.ToString().Split('<')[0]) ? invocation.Expression.ToString() : null;
                case ElementAccessExpressionSyntax access:
                    return access.Expression.ToString();
                case CollectionExpressionSyntax or InitializerExpressionSyntax:
                    // A set of operations' names and nothing else is there to be asked for one.
                    return node.DescendantNodes().OfType<LiteralExpressionSyntax>().All(l => names.Contains(l.Token.ValueText) || !l.IsKind(SyntaxKind.StringLiteralExpression)) ? "a collection" : null;
                case VariableDeclaratorSyntax:
                    return literal.Parent is EqualsValueClauseSyntax ? "a constant" : null;
                case StatementSyntax or MemberDeclarationSyntax or LambdaExpressionSyntax or TupleExpressionSyntax or BaseObjectCreationExpressionSyntax:
                    return null;
            }
        return null;
    }

    // Words of other vocabularies: the kind of an initializer, the value of an attribute.
    static bool IsOtherWord(string compared) => compared.EndsWith("Kind", StringComparison.OrdinalIgnoreCase) || compared.Contains("Attributes.Text(", StringComparison.Ordinal);
}
