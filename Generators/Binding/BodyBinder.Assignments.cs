using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Operations;
using BinaryOperator = Graph.Compiler.Modules.BinaryOperator;
using Location = Graph.Compiler.Modules.Location;
using TypeKind = Graph.Compiler.Modules.TypeKind;

namespace Graph.Generators.Binding;

partial class BodyBinder
{
    /// <summary>What can stand on the left of an assignment.</summary>
    Expression Target(IOperation target)
    {
        switch (target)
        {
            case ITupleOperation tuple:
                return new TupleExpression(tuple.Elements.Select(Target).ToEquatableArray(), At(tuple));
            case IDeclarationExpressionOperation { Expression: ITupleOperation tuple }:
                return Target(tuple);
            case IDeclarationExpressionOperation { Expression: ILocalReferenceOperation local }:
                return new DeclarationExpression(Name(local.Local), At(local));
            case IDeclarationExpressionOperation { Expression: IDiscardOperation discard }:
                return new DiscardExpression(At(discard));
            case IConversionOperation conversion:
                return Target(conversion.Operand);
            case IFieldReferenceOperation { Field: { IsStatic: true } field }:
                context.Report(Descriptors.AssignedLate, At(target), field.Name);
                return Nothing(target);
            case IFieldReferenceOperation { Field: var field } when !isConstructor && !IsTupleElement(field):
                context.Report(Descriptors.AssignedLate, At(target), field.Name);
                return Nothing(target);
            case IPropertyReferenceOperation { Property: { IsIndexer: false } property } when property.IsStatic || !isConstructor:
                context.Report(Descriptors.AssignedLate, At(target), property.Name);
                return Nothing(target);
            case IParameterReferenceOperation parameter when Parameter(parameter) is CapturedExpression:
                context.Report(Descriptors.AssignedLate, At(target), parameter.Parameter.Name);
                return Nothing(target);
            default:
                var bound = Expression(target);
                if (bound is not (VariableExpression or FieldExpression or IndexExpression or DeclarationExpression or DiscardExpression or TupleElementExpression or LiteralExpression { Value: null }))
                    context.Report(Descriptors.Unsupported, At(target), "assigning to this expression");
                return bound;
        }
    }

    static bool IsTupleElement(IFieldSymbol field) => field.ContainingType.IsTupleType;

    Expression Assign(ISimpleAssignmentOperation assignment)
    {
        if (assignment.IsRef) context.Report(Descriptors.ByReference, At(assignment), assignment.Target.Syntax.ToString());
        return new AssignExpression(Target(assignment.Target), Expression(assignment.Value), At(assignment));
    }

    Expression Compound(ICompoundAssignmentOperation assignment)
    {
        var at = At(assignment);
        var variable = Fresh("old");
        Expression old = new VariableExpression(variable, at);
        var target = Target(assignment.Target);
        var value = Expression(assignment.Value);
        if (assignment.OperatorMethod is { } method && !IsString(assignment))
            return new UpdateExpression(target, variable, UserCompound(assignment, method, old, value), false, at);
        if (assignment.OperatorKind == BinaryOperatorKind.Add && IsString(assignment))
            return new UpdateExpression(target, variable, new BinaryExpression(BinaryOperator.Concat, old, value, TypeRef.String, false, at), false, at);
        if (Operator(assignment.OperatorKind, false) is not { } operation || assignment.Target.Type is null || assignment.Value.Type is null) return Unsupported(assignment, "this assignment");

        // `b += 1` on a byte is `b = (byte)((int)b + 1)`: C# computes in the promoted type.
        var type = Type(assignment.Target.Type, assignment);
        var isShift = operation is BinaryOperator.ShiftLeft or BinaryOperator.ShiftRight or BinaryOperator.ShiftRightUnsigned;
        var promoted = isShift ? Promote(type) : Type(assignment.Value.Type, assignment);
        if (type.Kind == TypeKind.Enum) promoted = type;
        if (promoted != type) old = new ConvertExpression(old, type, promoted, false, at);
        Expression result = new BinaryExpression(operation, old, value, promoted, assignment.IsChecked, at);
        if (promoted != type) result = new ConvertExpression(result, promoted, type, assignment.IsChecked, at);
        return new UpdateExpression(target, variable, result, false, at);
    }

    static bool IsString(ICompoundAssignmentOperation assignment) => assignment.Type?.SpecialType == SpecialType.System_String;

    static TypeRef Promote(TypeRef type) => type.Kind is TypeKind.Int8 or TypeKind.UInt8 or TypeKind.Int16 or TypeKind.UInt16 or TypeKind.Char ? TypeRef.Int32 : type;

    Expression UserCompound(ICompoundAssignmentOperation assignment, IMethodSymbol method, Expression old, Expression value)
    {
        if (assignment.InConversion.MethodSymbol is { } before && KnownTypes.OperationName(before) is { } wrap)
            old = new OperationExpression(wrap, [], [new NamedValue(before.Parameters[0].Name, old)], At(assignment));
        if (KnownTypes.OperationName(method) is { } name) return Operation(name, method, [old, value], At(assignment));
        if (KnownTypes.IsTensor(method.ContainingType)) return NotAnOperation(assignment, method);
        return KnownTypes.IsSystem(method) ? Unsupported(assignment, "an operator of " + method.ContainingType.ToDisplayString()) : StaticCall(assignment, method, [old, value]);
    }

    Expression Increment(IIncrementOrDecrementOperation increment)
    {
        var at = At(increment);
        if (increment.OperatorMethod is not null || increment.Target.Type is null) return Unsupported(increment, "this operator");
        var variable = Fresh("old");
        var type = Type(increment.Target.Type, increment);
        var number = type.Kind == TypeKind.Nullable ? type.Arguments[0] : type;
        var promoted = Promote(number);
        Expression old = new VariableExpression(variable, at);
        if (promoted != type) old = new ConvertExpression(old, type, promoted, false, at);
        Expression one = promoted.Kind switch
        {
            TypeKind.Int64 => new LiteralExpression(promoted, 1L, at),
            TypeKind.UInt64 => new LiteralExpression(promoted, 1UL, at),
            TypeKind.UInt32 => new LiteralExpression(promoted, 1U, at),
            TypeKind.Float32 => new LiteralExpression(promoted, 1f, at),
            TypeKind.Float64 => new LiteralExpression(promoted, 1d, at),
            _ => new LiteralExpression(TypeRef.Int32, 1, at),
        };
        var operation = increment.Kind == OperationKind.Increment ? BinaryOperator.Add : BinaryOperator.Subtract;
        Expression result = new BinaryExpression(operation, old, one, promoted, increment.IsChecked, at);
        if (promoted != type) result = new ConvertExpression(result, promoted, type, increment.IsChecked, at);
        return new UpdateExpression(Target(increment.Target), variable, result, increment.IsPostfix, at);
    }

    Expression With(IWithOperation with)
    {
        var value = Expression(with.Operand);
        return with.Initializer is { } initializer ? new WithExpression(value, Members(initializer), At(with)) : value;
    }

    EquatableArray<MemberValue> Members(IObjectOrCollectionInitializerOperation initializer)
    {
        var members = new System.Collections.Generic.List<MemberValue>();
        foreach (var operation in initializer.Initializers)
        {
            if (operation is ISimpleAssignmentOperation { Target: IMemberReferenceOperation { Member: { } member } and (IPropertyReferenceOperation { Property.IsIndexer: false } or IFieldReferenceOperation) } assignment)
                members.Add(new MemberValue(SymbolNames.FullName(member.ContainingType), member.Name, Expression(assignment.Value)));
            else if (operation is IInvalidOperation)
                context.Invalid(At(operation));
            else
                Unsupported(operation, "this initializer");
        }
        return new EquatableArray<MemberValue>(members.ToArray());
    }
}
