using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Graph.Generators.Binding;

partial class BodyBinder
{
    Pattern Pattern(IPatternOperation pattern)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        var at = At(pattern);
        switch (pattern)
        {
            case IConstantPatternOperation constant:
                return new ConstantPattern(Expression(constant.Value), at);
            case IRelationalPatternOperation relation when Operator(relation.OperatorKind, false) is { } operation:
                return new RelationalPattern(operation, Expression(relation.Value), at);
            case ITypePatternOperation type:
                return new TypePattern(Type(type.MatchedType, type), null, at);
            case IDeclarationPatternOperation declaration:
                return new TypePattern(declaration.MatchesNull ? null : Type(declaration.MatchedType, declaration), declaration.DeclaredSymbol is { } symbol ? Name(symbol) : null, at);
            case IDiscardPatternOperation:
                return new DiscardPattern(at);
            case INegatedPatternOperation negated:
                return new NotPattern(Pattern(negated.Pattern), at);
            case IBinaryPatternOperation { OperatorKind: BinaryOperatorKind.And } both:
                return new AndPattern(Pattern(both.LeftPattern), Pattern(both.RightPattern), at);
            case IBinaryPatternOperation { OperatorKind: BinaryOperatorKind.Or } either:
                return new OrPattern(Pattern(either.LeftPattern), Pattern(either.RightPattern), at);
            case IRecursivePatternOperation recursive:
                return Recursive(recursive);
            case IListPatternOperation list:
                return Named(new ListPattern(list.Patterns.Select(Pattern).ToEquatableArray(), at), list.DeclaredSymbol);
            case ISlicePatternOperation slice:
                return new SlicePattern(slice.Pattern is { } rest ? Pattern(rest) : null, at);
            default:
                if (pattern.Syntax.ContainsDiagnostics || pattern.ChildOperations.Any(child => child is IInvalidOperation)) context.Invalid(at);
                else context.Report(Descriptors.Unsupported, at, "this pattern");
                return new DiscardPattern(at);
        }
    }

    static Pattern Named(Pattern pattern, string? variable) =>
        variable is null ? pattern : new AndPattern(pattern, new TypePattern(null, variable, pattern.Location), pattern.Location);

    Pattern Named(Pattern pattern, ISymbol? symbol) => Named(pattern, symbol is null ? null : Name(symbol));

    Pattern Recursive(IRecursivePatternOperation recursive)
    {
        var at = At(recursive);
        var typeIsGiven = !SymbolEqualityComparer.Default.Equals(recursive.MatchedType, recursive.InputType);
        var type = typeIsGiven ? Type(recursive.MatchedType, recursive) : null;
        var variable = recursive.DeclaredSymbol is { } symbol ? Name(symbol) : null;
        if (recursive.DeconstructionSubpatterns.IsEmpty) return new PropertyPattern(type, Members(recursive), variable, at);

        if (recursive.DeconstructSymbol is IMethodSymbol { ContainingType.IsRecord: false }) context.Report(Descriptors.Unsupported, at, "a Deconstruct method");
        Pattern result = new TuplePattern(recursive.DeconstructionSubpatterns.Select(Pattern).ToEquatableArray(), at);
        if (type is not null) result = new AndPattern(new TypePattern(type, null, at), result, at);
        if (!recursive.PropertySubpatterns.IsEmpty) result = new AndPattern(result, new PropertyPattern(null, Members(recursive), null, at), at);
        return Named(result, variable);
    }

    EquatableArray<MemberPattern> Members(IRecursivePatternOperation recursive)
    {
        var members = new List<MemberPattern>();
        foreach (var sub in recursive.PropertySubpatterns)
        {
            var variable = Fresh("it");
            inputs.Push(variable);
            var member = Expression(sub.Member);
            inputs.Pop();
            members.Add(new MemberPattern(variable, member, Pattern(sub.Pattern)));
        }
        return new EquatableArray<MemberPattern>(members.ToArray());
    }
}
