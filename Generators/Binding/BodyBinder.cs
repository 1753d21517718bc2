using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using Microsoft.CodeAnalysis.Text;
using Location = Graph.Compiler.Modules.Location;

namespace Graph.Generators.Binding;

/// <summary>
/// Operation trees → expressions and statements, for one body: a method, a constructor or an initializer. Each construct has one method; what has none is reported
/// and stands as a null literal, so that one pass finds everything that is wrong.
/// </summary>
/// <param name="context">What the definition shares.</param>
/// <param name="isConstructor">Whether fields may be assigned.</param>
sealed partial class BodyBinder(BindingContext context, bool isConstructor)
{
    readonly TypeBinder types = new(context);
    readonly Dictionary<ISymbol, string> names = new(SymbolEqualityComparer.Default);
    readonly HashSet<string> used = new(System.StringComparer.Ordinal);

    // What `.b` in `a?.b`, and the members of a property pattern, stand on.
    readonly Stack<string> receivers = new();
    readonly Stack<string> inputs = new();

    /// <summary>Parameters keep their names: give them before the body, so that locals make way.</summary>
    public void Declare(IEnumerable<IParameterSymbol> parameters)
    {
        foreach (var parameter in parameters) Name(parameter);
    }

    /// <summary>The parameters of a partial member's implementing part stand for those of its defining part, whose names callers see.</summary>
    public void Declare(IMethodSymbol method, IMethodSymbol implementation)
    {
        Declare(method.Parameters);
        if (SymbolEqualityComparer.Default.Equals(method, implementation)) return;
        foreach (var parameter in implementation.Parameters) names[parameter] = Name(method.Parameters[parameter.Ordinal]);
    }

    /// <summary>The body of a method, accessor or constructor as a block.</summary>
    public BlockStatement Body(IOperation? body, Location at) => body switch
    {
        IMethodBodyOperation method => Body(method.BlockBody ?? method.ExpressionBody, at),
        IConstructorBodyOperation constructor => Body(constructor.BlockBody ?? constructor.ExpressionBody, at),
        IBlockOperation block => Block(block),
        null => Missing(at),
        _ => new BlockStatement([new ReturnStatement(Expression(body), At(body))], At(body)),
    };

    BlockStatement Missing(Location at)
    {
        context.Invalid(at);
        return new BlockStatement([], at);
    }

    string Name(ISymbol symbol)
    {
        symbol = symbol.OriginalDefinition;
        if (names.TryGetValue(symbol, out var name)) return name;
        names.Add(symbol, name = Fresh(symbol.Name));
        return name;
    }

    /// <summary>A name of its own in this body; C# has no dots in names, so none made here meets one of the user's.</summary>
    string Fresh(string wish)
    {
        var name = wish;
        for (var i = 1; !used.Add(name); i++) name = System.FormattableString.Invariant($"{wish}.{i}");
        return name;
    }

    /// <summary>
    /// The span that a diagnostic about an operation marks: a call or member after a dot starts at its name, so that each link of a chain has a place of its own.
    /// </summary>
    Location At(IOperation operation)
    {
        var syntax = operation.Syntax;
        var span = syntax switch
        {
            InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax access } => TextSpan.FromBounds(access.Name.SpanStart, syntax.Span.End),
            InvocationExpressionSyntax { Expression: MemberBindingExpressionSyntax binding } => TextSpan.FromBounds(binding.Name.SpanStart, syntax.Span.End),
            MemberAccessExpressionSyntax access => access.Name.Span,
            MemberBindingExpressionSyntax binding => binding.Name.Span,
            _ => syntax.Span,
        };
        return context.At(syntax.SyntaxTree, span);
    }

    Expression Unsupported(IOperation operation, string what)
    {
        context.Report(Descriptors.Unsupported, At(operation), what);
        return Nothing(operation);
    }

    Expression Invalid(IOperation operation)
    {
        // `Missing.A().B` has no meaning because of what is innermost.
        var reason = operation;
        while (reason.ChildOperations.FirstOrDefault(child => child is IInvalidOperation) is { } inner) reason = inner;
        context.Invalid(At(reason));
        return Nothing(operation);
    }

    LiteralExpression Nothing(IOperation operation) => new(TypeRef.Object, null, At(operation));

    EquatableArray<Expression> Expressions(IEnumerable<IOperation> operations) => operations.Select(Expression).ToEquatableArray();

    TypeRef Type(ITypeSymbol? type, IOperation at) => types.Bind(type, At(at));
}
