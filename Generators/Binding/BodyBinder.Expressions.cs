using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using TypeKind = Graph.Compiler.Modules.TypeKind;

namespace Graph.Generators.Binding;

partial class BodyBinder
{
    /// <summary>The table: every kind of operation that is an expression of the language.</summary>
    public Expression Expression(IOperation operation)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        if (operation.ConstantValue.HasValue && Constant(operation, operation.ConstantValue.Value) is { } constant) return constant;
        return operation switch
        {
            ILiteralOperation literal => Unsupported(literal, $"a literal of type {literal.Type?.ToDisplayString()}"),
            ILocalReferenceOperation { IsDeclaration: true } local => new DeclarationExpression(Name(local.Local), At(local)),
            ILocalReferenceOperation local => new VariableExpression(Name(local.Local), At(local)),
            IParameterReferenceOperation parameter => Parameter(parameter),
            IInstanceReferenceOperation instance => Instance(instance),
            IFieldReferenceOperation field => Field(field),
            IPropertyReferenceOperation property => Property(property),
            IMethodReferenceOperation method => MethodGroup(method),
            IArrayElementReferenceOperation element => new IndexExpression(Expression(element.ArrayReference), Expressions(element.Indices), At(element)),
            IImplicitIndexerReferenceOperation element => new IndexExpression(Expression(element.Instance), [Expression(element.Argument)], At(element)),
            IInvocationOperation call => Invocation(call),
            IObjectCreationOperation creation => Creation(creation),
            IArrayCreationOperation creation => Array(creation),
            ICollectionExpressionOperation collection => Collection(collection),
            ISpreadOperation spread => new SpreadExpression(Expression(spread.Operand), At(spread)),
            ITupleOperation tuple => new TupleExpression(Expressions(tuple.Elements), At(tuple)),
            IDelegateCreationOperation creation => Expression(creation.Target),
            IAnonymousFunctionOperation lambda => Lambda(lambda),
            IUnaryOperation unary => Unary(unary),
            IBinaryOperation binary => Binary(binary),
            IConversionOperation conversion => Conversion(conversion),
            IConditionalOperation { WhenFalse: { } other } conditional => new ConditionalExpression(
                Expression(conditional.Condition), Expression(conditional.WhenTrue), Expression(other), At(conditional)),
            ICoalesceOperation coalesce => new CoalesceExpression(Expression(coalesce.Value), Expression(coalesce.WhenNull), At(coalesce)),
            IConditionalAccessOperation access => ConditionalAccess(access),
            IConditionalAccessInstanceOperation receiver => receivers.Count > 0 ? new VariableExpression(receivers.Peek(), At(receiver)) : Invalid(receiver),
            IIsPatternOperation test => new IsPatternExpression(Expression(test.Value), Pattern(test.Pattern), At(test)),
            IIsTypeOperation test => IsType(test),
            ISwitchExpressionOperation choice => SwitchOf(choice),
            IRangeOperation range => new RangeExpression(
                range.LeftOperand is { } start ? Expression(start) : null, range.RightOperand is { } end ? Expression(end) : null, At(range)),
            IWithOperation with => With(with),
            IDefaultValueOperation value => new DefaultExpression(Type(value.Type, value), At(value)),
            IInterpolatedStringOperation text => Interpolation(text),
            ISimpleAssignmentOperation assignment => Assign(assignment),
            IDeconstructionAssignmentOperation assignment => new AssignExpression(Target(assignment.Target), Expression(assignment.Value), At(assignment)),
            ICompoundAssignmentOperation assignment => Compound(assignment),
            IIncrementOrDecrementOperation increment => Increment(increment),
            ICoalesceAssignmentOperation assignment => new CoalesceAssignExpression(Target(assignment.Target), Expression(assignment.Value), At(assignment)),
            IDeclarationExpressionOperation declaration => Target(declaration),
            IDiscardOperation discard => new DiscardExpression(At(discard)),
            IThrowOperation raise => Throw(raise),
            IParenthesizedOperation inner => Expression(inner.Operand),
            ITranslatedQueryOperation query => Expression(query.Operation),
            IArgumentOperation argument => Expression(argument.Value),
            IInvalidOperation => Invalid(operation),
            IAwaitOperation => Unsupported(operation, "await"),
            ITypeOfOperation => Unsupported(operation, "typeof"),
            ISizeOfOperation => Unsupported(operation, "sizeof"),
            IAddressOfOperation => Unsupported(operation, "a pointer"),
            IAnonymousObjectCreationOperation => Unsupported(operation, "an anonymous object (use a tuple or a record)"),
            IDynamicInvocationOperation or IDynamicMemberReferenceOperation or IDynamicIndexerAccessOperation or IDynamicObjectCreationOperation => Unsupported(operation, "dynamic"),
            IEventReferenceOperation or IEventAssignmentOperation or IRaiseEventOperation => Unsupported(operation, "an event"),
            _ => Other(operation),
        };
    }

    Expression Other(IOperation operation)
    {
        // Unfinished code has operations without a kind; C# says what is wrong with it.
        foreach (var child in operation.ChildOperations)
            if (child is IInvalidOperation) return Invalid(operation);
        return operation.Kind == OperationKind.None && operation.Syntax.ContainsDiagnostics ? Invalid(operation) : Unsupported(operation, Describe(operation));
    }

    static string Describe(IOperation operation) => operation.Kind == OperationKind.None ? "this expression" : "this expression (" + operation.Kind + ")";

    /// <summary>The literal of a constant; null when the language has none of its type.</summary>
    Expression? Constant(IOperation operation, object? value)
    {
        var at = At(operation);
        if (operation.Type is INamedTypeSymbol { TypeKind: Microsoft.CodeAnalysis.TypeKind.Enum } type && value is not null) return Enum(type, value, at);
        return value switch
        {
            null => new LiteralExpression(TypeRef.Object, null, at),
            bool => new LiteralExpression(TypeRef.Bool, value, at),
            int => new LiteralExpression(TypeRef.Int32, value, at),
            long => new LiteralExpression(TypeRef.Int64, value, at),
            float => new LiteralExpression(TypeRef.Float32, value, at),
            double => new LiteralExpression(TypeRef.Float64, value, at),
            string => new LiteralExpression(TypeRef.String, value, at),
            char => new LiteralExpression(new TypeRef(TypeKind.Char), value, at),
            byte => new LiteralExpression(new TypeRef(TypeKind.UInt8), value, at),
            sbyte => new LiteralExpression(new TypeRef(TypeKind.Int8), value, at),
            short => new LiteralExpression(new TypeRef(TypeKind.Int16), value, at),
            ushort => new LiteralExpression(new TypeRef(TypeKind.UInt16), value, at),
            uint => new LiteralExpression(new TypeRef(TypeKind.UInt32), value, at),
            ulong => new LiteralExpression(new TypeRef(TypeKind.UInt64), value, at),
            _ => null,
        };
    }

    Expression Enum(INamedTypeSymbol type, object value, Compiler.Modules.Location at)
    {
        var bound = types.Bind(type, at);
        var number = EnumValues.ToInt64(value);
        var member = type.GetMembers().OfType<IFieldSymbol>().FirstOrDefault(f => f.HasConstantValue && EnumValues.ToInt64(f.ConstantValue) == number);
        return new EnumExpression(bound.Name, member?.Name ?? number.ToString(System.Globalization.CultureInfo.InvariantCulture), number, at);
    }

    /// <summary>The value of a default argument or of an attribute's argument.</summary>
    public Expression Constant(ITypeSymbol type, object? value, Compiler.Modules.Location at)
    {
        var inner = type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable ? nullable.TypeArguments[0] : type;
        if (value is not null && inner is INamedTypeSymbol { TypeKind: Microsoft.CodeAnalysis.TypeKind.Enum } named) return Enum(named, value, at);
        if (value is null) return type.IsValueType && !SymbolEqualityComparer.Default.Equals(type, inner) || !type.IsValueType
            ? new LiteralExpression(TypeRef.Object, null, at)
            : new DefaultExpression(types.Bind(type, at), at);
        var kind = types.Bind(inner, at);
        return new LiteralExpression(kind, value, at);
    }

    Expression Parameter(IParameterReferenceOperation reference)
    {
        var parameter = reference.Parameter;
        if (parameter.ContainingSymbol is IMethodSymbol { MethodKind: MethodKind.Constructor } constructor && MemberBinder.IsPrimary(constructor))
        {
            if (!isConstructor) context.Captured.Add(parameter);
            return new CapturedExpression(parameter.Name, At(reference));
        }
        return new VariableExpression(Name(parameter), At(reference));
    }

    Expression Instance(IInstanceReferenceOperation instance) => instance.ReferenceKind switch
    {
        InstanceReferenceKind.PatternInput when inputs.Count > 0 => new VariableExpression(inputs.Peek(), At(instance)),
        InstanceReferenceKind.ContainingTypeInstance => new ThisExpression(At(instance)),
        _ => Unsupported(instance, "this reference"),
    };

    Expression ConditionalAccess(IConditionalAccessOperation access)
    {
        var target = Expression(access.Operation);
        var variable = Fresh("it");
        receivers.Push(variable);
        var value = Expression(access.WhenNotNull);
        receivers.Pop();
        return new ConditionalAccessExpression(target, variable, value, At(access));
    }

    Expression IsType(IIsTypeOperation test)
    {
        Pattern pattern = new TypePattern(Type(test.TypeOperand, test), null, At(test));
        if (test.IsNegated) pattern = new NotPattern(pattern, At(test));
        return new IsPatternExpression(Expression(test.ValueOperand), pattern, At(test));
    }

    Expression SwitchOf(ISwitchExpressionOperation choice)
    {
        var value = Expression(choice.Value);
        var arms = choice.Arms.Select(arm => new SwitchArm(Pattern(arm.Pattern), arm.Guard is { } guard ? Expression(guard) : null, Expression(arm.Value)));
        return new SwitchExpression(value, arms.ToEquatableArray(), At(choice));
    }

    Expression Interpolation(IInterpolatedStringOperation text)
    {
        var parts = text.Parts.Select(part =>
        {
            switch (part)
            {
                case IInterpolatedStringTextOperation words:
                    return new InterpolationPart(words.Text.ConstantValue.Value as string ?? "", null, null);
                case IInterpolationOperation hole:
                    if (hole.Alignment is not null) context.Report(Descriptors.Unsupported, At(hole), "alignment in an interpolated string");
                    return new InterpolationPart("", Expression(hole.Expression), hole.FormatString?.ConstantValue.Value as string);
                default:
                    context.Report(Descriptors.Unsupported, At(part), "this interpolated string");
                    return new InterpolationPart("", null, null);
            }
        });
        return new InterpolationExpression(parts.ToEquatableArray(), At(text));
    }

    Expression Throw(IThrowOperation raise)
    {
        var thrown = raise.Exception;
        while (thrown is IConversionOperation conversion) thrown = conversion.Operand;
        switch (thrown)
        {
            case IObjectCreationOperation { Type: { } type } creation:
                // The message is what the user reads: the parameter called so, else the first string.
                var message = creation.Arguments.FirstOrDefault(a => a.Parameter?.Name == "message") ?? creation.Arguments.FirstOrDefault(a => a.Value.Type?.SpecialType == SpecialType.System_String);
                return new ThrowExpression(type.Name, message is null ? null : Expression(message.Value), At(raise));
            case null or IInvalidOperation:
                return Invalid(raise);
            default:
                return Unsupported(raise, "throwing anything but a new exception");
        }
    }

    Expression Lambda(IAnonymousFunctionOperation lambda)
    {
        CheckForm(lambda.Symbol, lambda);
        Declare(lambda.Symbol.Parameters);
        return new LambdaExpression(lambda.Symbol.Parameters.Select(p => Name(p)).ToEquatableArray(), Body(lambda.Body, At(lambda)), At(lambda));
    }
}
