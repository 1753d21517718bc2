using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using Location = Graph.Compiler.Modules.Location;

namespace Graph.Generators.Binding;

partial class BodyBinder
{
    /// <summary>Arguments in the order of parameters, defaults filled in.</summary>
    public EquatableArray<Expression> Arguments(ImmutableArray<IArgumentOperation> arguments)
    {
        var ordered = new Expression[arguments.Length];
        for (var i = 0; i < arguments.Length; i++)
        {
            var argument = arguments[i];
            if (argument.Parameter is { RefKind: not (RefKind.None or RefKind.In) } parameter) context.Report(Descriptors.ByReference, At(argument), parameter.Name);
            if (argument is { ArgumentKind: ArgumentKind.DefaultValue, Parameter: { } filled } && filled.GetAttributes().Any(a => a.AttributeClass?.Name.StartsWith("Caller", System.StringComparison.Ordinal) == true)) context.KnowsLines = true;
            ordered[argument.Parameter?.Ordinal is { } ordinal && ordinal < ordered.Length ? ordinal : i] = Expression(argument.Value);
        }
        // Arguments that C# itself refused may share an ordinal.
        for (var i = 0; i < ordered.Length; i++) ordered[i] ??= Invalid(arguments[i]);
        return new EquatableArray<Expression>(ordered);
    }

    Expression Invocation(IInvocationOperation call)
    {
        var method = call.TargetMethod;
        var at = At(call);
        if (KnownTypes.OperationName(method) is { } operation) return Operation(call, operation, method);
        if (GeneratedCode.IsOurs(method)) return Invalid(call);
        if (method.MethodKind == MethodKind.LocalFunction) return new LocalCallExpression(Name(method), Arguments(call.Arguments), at);
        if (method.MethodKind == MethodKind.DelegateInvoke && call.Instance is { } function) return new InvokeExpression(Expression(function), Arguments(call.Arguments), at);
        if (KnownTypes.IsGraph(method.ContainingType, "State") && method.Name == "Assign" && call.Instance is { } state && call.Arguments.Length == 1)
            return new AssignStateExpression(Expression(state), Expression(call.Arguments[0].Value), at);
        if (KnownTypes.IsGraph(method.ContainingType, "State") && method.Name == "AssignAt" && call.Instance is { } cache && call.Arguments.Length == 3)
        {
            var (owner, given) = (Expression(cache), Arguments(call.Arguments));
            return new AssignStateExpression(owner, new OperationExpression("placed", [owner, given[0], given[1]], [new NamedValue("axis", given[2])], at), at);
        }
        if (KnownTypes.IsGraph(method.ContainingType, "Init"))
            return new InitializerExpression(method.Name, call.Arguments.OrderBy(a => a.Parameter?.Ordinal).Select(a => new NamedValue(a.Parameter?.Name ?? "", Expression(a.Value))).ToEquatableArray(), at);
        // They take functions, and tensors in tuples: no operations of tensors alone.
        if (KnownTypes.IsGraph(method.ContainingType, "Tensor") && method.Name is "Scan" or "If" or "While") return new LibraryCallExpression("Tensor." + method.Name, Type(call.Type, call), Arguments(call.Arguments), at);
        if (KnownTypes.IsGraph(method.ContainingType, "Parametrize") && call.Arguments.Length == 4) return new LibraryCallExpression("Parametrize.Register", Type(call.Type, call), Arguments(call.Arguments), at);
        if (KnownTypes.IsTensor(method.ContainingType) && method is { Name: "From", TypeArguments.Length: 1 } && call.Arguments.Length == 2) return NumberArray(call, method);
        if (KnownTypes.IsTensor(method.ContainingType)) return NotAnOperation(call, method);
        if (Library.Method(method) is { } library)
        {
            var arguments = call.Instance is { } receiver ? Arguments(call.Arguments).Prepend(Expression(receiver)).ToEquatableArray() : Arguments(call.Arguments);
            return new LibraryCallExpression(library, Type(call.Type, call), arguments, at);
        }
        if (method.IsGenericMethod)
        {
            if (KnownTypes.IsSystem(method)) return NotCallable(call, method);
            context.ReportOnce(method, Descriptors.Generic, at, method.Name);
            return Nothing(call);
        }
        if (KnownTypes.IsSystem(method)) return NotCallable(call, method);
        if (method.IsStatic) return StaticCall(call, method, Arguments(call.Arguments));
        return call.Instance is { } target ? InstanceCall(target, method, Arguments(call.Arguments), call.IsVirtual, at) : Invalid(call);
    }

    // Tensor.From(values, shape)
    Expression NumberArray(IInvocationOperation call, IMethodSymbol method)
    {
        var element = Type(method.TypeArguments[0], call);
        var arguments = Arguments(call.Arguments);
        return new NumberArrayExpression(element, arguments[0], arguments[1], At(call));
    }

    Expression NotCallable(IOperation operation, IMethodSymbol method)
    {
        context.Report(Descriptors.UnsupportedCall, At(operation), method.ToDisplayString(SymbolDisplayFormat.CSharpShortErrorMessageFormat));
        return Nothing(operation);
    }

    Expression InstanceCall(IOperation target, IMethodSymbol method, EquatableArray<Expression> arguments, bool isVirtual, Location at)
    {
        var receiver = Expression(target);
        types.Bind(method.ContainingType, at);
        if (context.IsHere(method) && method.ContainingType.TypeKind != Microsoft.CodeAnalysis.TypeKind.Interface && !KnownTypes.IsModule(method.ContainingType)) context.Reach(method);
        return new CallExpression(receiver, SymbolNames.FullName(method.ContainingType), SymbolNames.MethodId(method), arguments, isVirtual, at);
    }

    /// <summary>A call of a static function: of a module, or of any class whose source is here.</summary>
    Expression StaticCall(IOperation operation, IMethodSymbol method, EquatableArray<Expression> arguments)
    {
        ReachFunction(method, operation);
        return new FunctionCallExpression(SymbolNames.FullName(method.ContainingType), SymbolNames.MethodId(method), arguments, At(operation));
    }

    void ReachFunction(IMethodSymbol method, IOperation at)
    {
        var type = method.ContainingType;
        if (KnownTypes.IsModule(type)) context.References.Add(SymbolNames.FullName(type));
        else if (!context.IsHere(method) && type.IsRecord) types.Bind(type, At(at));
        else if (!context.IsHere(method))
            context.Report(Descriptors.NoBody, At(at), method.ToDisplayString(SymbolDisplayFormat.CSharpShortErrorMessageFormat), method.ContainingAssembly?.Name ?? "");
        else context.Reach(method);
    }

    Expression MethodGroup(IMethodReferenceOperation reference)
    {
        var method = reference.Method;
        var at = At(reference);
        if (method.MethodKind == MethodKind.LocalFunction) return new MethodGroupExpression(null, "", Name(method), false, at);
        if (GeneratedCode.IsOurs(method)) return Invalid(reference);
        if (KnownTypes.OperationName(method) is not null || Library.Method(method) is not null || KnownTypes.IsSystem(method))
            return Unsupported(reference, "a method of the library as a value (write a lambda)");
        if (method.IsGenericMethod)
        {
            context.ReportOnce(method, Descriptors.Generic, at, method.Name);
            return Nothing(reference);
        }
        if (method.IsStatic || reference.Instance is null) ReachFunction(method, reference);
        return new MethodGroupExpression(
            method.IsStatic || reference.Instance is null ? null : Expression(reference.Instance), SymbolNames.FullName(method.ContainingType), SymbolNames.MethodId(method), reference.IsVirtual, at);
    }

    Expression Operation(IInvocationOperation call, string name, IMethodSymbol method)
    {
        var operands = new List<Expression>();
        var attributes = new List<NamedValue>();
        if (call.Instance is { } instance) operands.Add(Expression(instance));
        var values = Arguments(call.Arguments);
        for (var i = 0; i < values.Count && i < method.Parameters.Length; i++) Place(method.Parameters[i], values[i], operands, attributes);
        return new OperationExpression(name, new EquatableArray<Expression>(operands.ToArray()), new EquatableArray<NamedValue>(attributes.ToArray()), At(call));
    }

    Expression Operation(IOperation operation, string name, IMethodSymbol method, params IOperation[] operands) =>
        Operation(name, method, Expressions(operands), At(operation));

    static Expression Operation(string name, IMethodSymbol method, EquatableArray<Expression> values, Location at)
    {
        var operands = new List<Expression>();
        var attributes = new List<NamedValue>();
        for (var i = 0; i < values.Count && i < method.Parameters.Length; i++) Place(method.Parameters[i], values[i], operands, attributes);
        return new OperationExpression(name, new EquatableArray<Expression>(operands.ToArray()), new EquatableArray<NamedValue>(attributes.ToArray()), at);
    }

    static void Place(IParameterSymbol parameter, Expression value, List<Expression> operands, List<NamedValue> attributes)
    {
        if (IsOperand(parameter.Type)) operands.Add(value);
        else attributes.Add(new NamedValue(parameter.Name, value));
    }

    /// <summary>True for tensors and for arrays and sequences of tensors.</summary>
    static bool IsOperand(ITypeSymbol type) => type switch
    {
        IArrayTypeSymbol array => IsOperand(array.ElementType),
        INamedTypeSymbol { TypeArguments: { Length: 1 } arguments } named when Library.IsSequence(named) || named.Name == "List" => IsOperand(arguments[0]),
        _ => KnownTypes.IsTensor(type),
    };

    Expression Field(IFieldReferenceOperation reference)
    {
        var field = reference.Field;
        var at = At(reference);
        if (field.ContainingType.IsTupleType && reference.Instance is { } tuple) return new TupleElementExpression(Expression(tuple), TupleIndex(field), at);
        if (field.AssociatedSymbol is IPropertySymbol) return Unsupported(reference, "the field keyword");
        if (field is { Name: "Empty", ContainingType.SpecialType: SpecialType.System_String }) return new LiteralExpression(TypeRef.String, "", at);
        if (GeneratedCode.IsOurs(field)) return Invalid(reference);
        if (field.IsStatic) return StaticMember(reference, field, field.IsReadOnly || field.IsConst);
        if (reference.Instance is not { } instance) return Invalid(reference);
        if (KnownTypes.IsSystem(field)) return Unsupported(reference, field.ToDisplayString());
        types.Bind(field.ContainingType, at);
        return new FieldExpression(Expression(instance), SymbolNames.FullName(field.ContainingType), field.Name, at);
    }

    static int TupleIndex(IFieldSymbol field)
    {
        var name = (field.CorrespondingTupleField ?? field).Name;
        if (name.StartsWith("Item", System.StringComparison.Ordinal) && int.TryParse(name.Substring(4), out var number)) return number - 1;
        for (var i = 0; i < field.ContainingType.TupleElements.Length; i++)
            if (field.ContainingType.TupleElements[i].Name == field.Name) return i;
        return 0;
    }

    Expression StaticMember(IOperation reference, ISymbol member, bool isReadOnly)
    {
        var at = At(reference);
        if (KnownTypes.IsSystem(member)) return Unsupported(reference, member.ToDisplayString());
        if (!isReadOnly)
        {
            context.Report(Descriptors.NotReadOnly, at, member.Name);
            return Nothing(reference);
        }
        var type = member.ContainingType;
        if (KnownTypes.IsModule(type)) context.References.Add(SymbolNames.FullName(type));
        else if (!context.IsHere(member)) context.Report(Descriptors.NoBody, at, member.Name, member.ContainingAssembly?.Name ?? "");
        else context.Reach(member);
        return new StaticFieldExpression(SymbolNames.FullName(type), member.Name, at);
    }

    Expression Property(IPropertyReferenceOperation reference)
    {
        var property = reference.Property;
        var at = At(reference);
        if (KnownTypes.OperationName(property) is { } operation)
        {
            var operands = new List<Expression>();
            var attributes = new List<NamedValue>();
            if (reference.Instance is { } operand) operands.Add(Expression(operand));
            var values = Arguments(reference.Arguments);
            for (var i = 0; i < values.Count && i < property.Parameters.Length; i++) Place(property.Parameters[i], values[i], operands, attributes);
            return new OperationExpression(operation, new EquatableArray<Expression>(operands.ToArray()), new EquatableArray<NamedValue>(attributes.ToArray()), at);
        }
        if (KnownTypes.IsGraph(property.ContainingType, "Mode") && property.Name == "Training") return new TrainingExpression(at);
        if (KnownTypes.IsGraph(property.ContainingType, "Init")) return new InitializerExpression(property.Name, [], at);
        if (KnownTypes.IsTensor(property.ContainingType)) return TensorMember(reference);
        if (Library.IsElementAccess(property) && reference.Instance is { } sequence) return new IndexExpression(Expression(sequence), Arguments(reference.Arguments), at);
        if (Library.Property(property) is { } library && reference.Instance is { } value) return new LibraryCallExpression(library, Type(property.Type, reference), [Expression(value)], at);
        if (KnownTypes.IsSystem(property)) return Unsupported(reference, property.ToDisplayString());
        if (GeneratedCode.IsOurs(property)) return Invalid(reference);
        if (property.IsIndexer) return Unsupported(reference, "an indexer");
        if (property.IsStatic)
            return KnownTypes.IsAuto(property) ? StaticMember(reference, property, property.SetMethod is null) : property.GetMethod is { } getter ? StaticCall(reference, getter, []) : Invalid(reference);
        if (reference.Instance is not { } target || property.GetMethod is not { } get) return Invalid(reference);
        if (!KnownTypes.IsAuto(property)) return InstanceCall(target, get, [], property.IsVirtual || property.IsOverride || property.IsAbstract, at);
        types.Bind(property.ContainingType, at);
        return new FieldExpression(Expression(target), SymbolNames.FullName(property.ContainingType), property.Name, at);
    }

    /// <summary>Reports a member of tensors that models have no use for, and what does what its user may want.</summary>
    Expression NotAnOperation(IOperation operation, ISymbol member)
    {
        // C# says itself what is meant by a member that exists to say it.
        if (member.GetAttributes().Any(a => a.AttributeClass is { Name: "ObsoleteAttribute" } && a.ConstructorArguments is { Length: 2 } given && given[1].Value is true)) return Invalid(operation);
        var name = member switch
        {
            IPropertySymbol { IsIndexer: true } => "an element of a tensor",
            IMethodSymbol { MethodKind: MethodKind.UserDefinedOperator } => member.ContainingType.Name + "'s operator " + member.Name,
            _ => member.ContainingType.Name + "." + member.Name,
        };
        var instead = member switch
        {
            IPropertySymbol { IsIndexer: true } => "; x.Slice(0, i, i + 1).Squeeze(0) is the i-th part of x along axis 0",
            { Name: "ToScalar" or "ToArray" or "ToDoubles" or "ToString" } => "; the numbers of a tensor are there when the model runs, so return the tensor from an entry",
            _ => "",
        };
        context.Report(Descriptors.NotAnOperation, At(operation), name, instead);
        return Nothing(operation);
    }

    Expression TensorMember(IPropertyReferenceOperation reference)
    {
        if (reference.Property.Name is "Shape" or "Rank" or "Length" && reference.Instance is { } tensor) return new TensorMemberExpression(Expression(tensor), reference.Property.Name, At(reference));
        return NotAnOperation(reference, reference.Property);
    }
}
