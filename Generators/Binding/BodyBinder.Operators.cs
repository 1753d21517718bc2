using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using Microsoft.CodeAnalysis.CSharp;
using BinaryOperator = Graph.Compiler.Modules.BinaryOperator;
using TypeKind = Graph.Compiler.Modules.TypeKind;
using UnaryOperator = Graph.Compiler.Modules.UnaryOperator;

namespace Graph.Generators.Binding;

partial class BodyBinder
{
    Expression Unary(IUnaryOperation unary)
    {
        if (unary.OperatorKind == UnaryOperatorKind.Hat) return new FromEndExpression(Expression(unary.Operand), At(unary));
        if (unary.OperatorMethod is { } method) return UserOperator(unary, method, unary.Operand);
        UnaryOperator? operation = unary.OperatorKind switch
        {
            UnaryOperatorKind.Minus => UnaryOperator.Negate,
            UnaryOperatorKind.Plus => UnaryOperator.Plus,
            UnaryOperatorKind.Not => UnaryOperator.Not,
            UnaryOperatorKind.BitwiseNegation => UnaryOperator.Complement,
            _ => null,
        };
        return operation is { } known
            ? new UnaryExpression(known, Expression(unary.Operand), Type(unary.Type, unary), unary.IsChecked, At(unary))
            : Unsupported(unary, "this operator");
    }

    static BinaryOperator? Operator(BinaryOperatorKind kind, bool isBool) => kind switch
    {
        BinaryOperatorKind.Add => BinaryOperator.Add,
        BinaryOperatorKind.Subtract => BinaryOperator.Subtract,
        BinaryOperatorKind.Multiply => BinaryOperator.Multiply,
        BinaryOperatorKind.Divide => BinaryOperator.Divide,
        BinaryOperatorKind.Remainder => BinaryOperator.Remainder,
        BinaryOperatorKind.LeftShift => BinaryOperator.ShiftLeft,
        BinaryOperatorKind.RightShift => BinaryOperator.ShiftRight,
        BinaryOperatorKind.UnsignedRightShift => BinaryOperator.ShiftRightUnsigned,
        BinaryOperatorKind.And => BinaryOperator.And,
        BinaryOperatorKind.Or => BinaryOperator.Or,
        BinaryOperatorKind.ExclusiveOr => BinaryOperator.Xor,
        BinaryOperatorKind.ConditionalAnd when isBool => BinaryOperator.AndAlso,
        BinaryOperatorKind.ConditionalOr when isBool => BinaryOperator.OrElse,
        BinaryOperatorKind.Equals => BinaryOperator.Equal,
        BinaryOperatorKind.NotEquals => BinaryOperator.NotEqual,
        BinaryOperatorKind.LessThan => BinaryOperator.Less,
        BinaryOperatorKind.LessThanOrEqual => BinaryOperator.LessOrEqual,
        BinaryOperatorKind.GreaterThan => BinaryOperator.Greater,
        BinaryOperatorKind.GreaterThanOrEqual => BinaryOperator.GreaterOrEqual,
        _ => null,
    };

    Expression Binary(IBinaryOperation binary)
    {
        // Records compare by value with an operator that the compiler writes; the elaborator does the same.
        var isEquality = binary.OperatorKind is BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals;
        var isByValue = binary.OperatorMethod is { ContainingType: { } type } && (type.IsRecord || type.SpecialType == SpecialType.System_String);
        if (binary.OperatorMethod is { } method && !(isEquality && isByValue)) return UserOperator(binary, method, binary.LeftOperand, binary.RightOperand);
        if (binary.OperatorKind == BinaryOperatorKind.Add && binary.Type?.SpecialType == SpecialType.System_String)
            return new BinaryExpression(BinaryOperator.Concat, Expression(binary.LeftOperand), Expression(binary.RightOperand), TypeRef.String, false, At(binary));
        if (Operator(binary.OperatorKind, binary.Type?.SpecialType == SpecialType.System_Boolean) is not { } operation) return Unsupported(binary, "this operator");
        var left = Expression(binary.LeftOperand);
        var right = Expression(binary.RightOperand);
        return new BinaryExpression(operation, left, right, OperandType(binary), binary.IsChecked, At(binary));
    }

    // `x == null` has operands of the type of x; `default` literals and null have none, so the other side decides.
    TypeRef OperandType(IBinaryOperation binary)
    {
        var type = binary.LeftOperand.Type ?? binary.RightOperand.Type;
        return type is null ? TypeRef.Object : Type(type, binary);
    }

    Expression UserOperator(IOperation operation, IMethodSymbol method, params IOperation[] operands)
    {
        if (KnownTypes.OperationName(method) is { } name) return Operation(operation, name, method, operands);
        if (KnownTypes.IsTensor(method.ContainingType)) return NotAnOperation(operation, method);
        if (KnownTypes.IsSystem(method)) return Unsupported(operation, "an operator of " + method.ContainingType.ToDisplayString());
        return StaticCall(operation, method, Expressions(operands));
    }

    Expression Conversion(IConversionOperation conversion)
    {
        var kind = conversion.GetConversion();
        if (!kind.Exists)
        {
            // The type of a switch or conditional without a natural type comes as a conversion of its own kind.
            return conversion.Operand is IInvalidOperation ? Invalid(conversion) : Expression(conversion.Operand);
        }
        if (conversion.OperatorMethod is { } method) return UserConversion(conversion, method);
        if (conversion.IsTryCast) return TryCast(conversion);
        if (conversion.Operand is IInterpolatedStringOperation or IAnonymousFunctionOperation or IMethodReferenceOperation) return Expression(conversion.Operand);
        var from = conversion.Operand.Type;
        if (from is null || conversion.Type is null || kind.IsIdentity || kind.IsNullLiteral || kind.IsDefaultLiteral) return Expression(conversion.Operand);
        if (kind.IsReference || kind.IsBoxing || kind.IsTupleLiteralConversion || kind.IsCollectionExpression || kind.IsConditionalExpression || kind.IsSwitchExpression || kind.IsObjectCreation || kind.IsThrow || kind.IsSpan)
            return Expression(conversion.Operand);
        if (kind.IsNumeric || kind.IsEnumeration || kind.IsUnboxing || kind.IsNullable || kind.IsConstantExpression || kind.IsTupleConversion)
        {
            var source = Type(from, conversion);
            var target = Type(conversion.Type, conversion);
            var operand = Expression(conversion.Operand);
            // int → int? changes nothing that the elaborator sees.
            return target.Kind == TypeKind.Nullable && target.Arguments[0] == source ? operand : new ConvertExpression(operand, source, target, conversion.IsChecked, At(conversion));
        }
        return Unsupported(conversion, $"the conversion from {from.ToDisplayString()} to {conversion.Type.ToDisplayString()}");
    }

    Expression UserConversion(IConversionOperation conversion, IMethodSymbol method)
    {
        if (KnownTypes.OperationName(method) is { } name) return Operation(conversion, name, method, conversion.Operand);
        // int → Index, T[] → Span<T>, string → ReadOnlySpan<char>: the same value in another dress.
        if (KnownTypes.IsSystem(method)) return method.ContainingType.Name is "Decimal" or "BigInteger" or "Half" ? Unsupported(conversion, "this conversion") : Expression(conversion.Operand);
        return UserOperator(conversion, method, conversion.Operand);
    }

    /// <summary><c>x as T</c> is x if it is a T, else null.</summary>
    Expression TryCast(IConversionOperation conversion)
    {
        var at = At(conversion);
        var variable = Fresh("cast");
        var type = Type(conversion.Type, conversion);
        if (type.Kind == TypeKind.Nullable) type = type.Arguments[0];
        var test = new IsPatternExpression(Expression(conversion.Operand), new TypePattern(type, variable, at), at);
        return new ConditionalExpression(test, new VariableExpression(variable, at), Nothing(conversion), at);
    }
}
