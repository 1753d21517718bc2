using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using TypeKind = Graph.Compiler.Modules.TypeKind;

namespace Graph.Generators.Binding;

partial class BodyBinder
{
    Expression Creation(IObjectCreationOperation creation)
    {
        var at = At(creation);
        if (creation.Type is not INamedTypeSymbol type || creation.Constructor is not { } constructor) return Invalid(creation);
        if (KnownTypes.IsGraph(type, "Parameter")) return NewHandle(creation, (shape, initializer, name, _, _) => new NewParameterExpression(shape, initializer, name, at));
        if (KnownTypes.IsGraph(type, "State")) return NewHandle(creation, (shape, initializer, name, lifetime, storage) => new NewStateExpression(shape, initializer, name, lifetime, storage, at));
        var bound = Type(type, creation);
        switch (bound.Kind)
        {
            case TypeKind.Module:
            case TypeKind.Record:
                if (type.IsAbstract) return Invalid(creation);
                ReachConstructor(constructor);
                return new NewExpression(
                    bound, SymbolNames.MethodId(constructor), Arguments(creation.Arguments), creation.Initializer is { } members ? Members(members) : [], at);
            case TypeKind.List:
                return List(creation, bound);
            case TypeKind.Index or TypeKind.Range:
                return Unsupported(creation, "this constructor");
            case TypeKind.Object when context.HasErrors:
                return Nothing(creation);
            default:
                return Unsupported(creation, "new " + type.ToDisplayString());
        }
    }

    // A record's constructors belong to its definition, which travels as a whole.
    void ReachConstructor(IMethodSymbol constructor)
    {
        if (!KnownTypes.IsModule(constructor.ContainingType) && context.IsHere(constructor)) context.Reach(constructor.ContainingType);
    }

    Expression NewHandle(IObjectCreationOperation creation, System.Func<Expression, Expression, Expression, Expression?, Expression?, Expression> make)
    {
        Expression? shape = null, initializer = null, name = null, lifetime = null, storage = null;
        foreach (var argument in creation.Arguments)
        {
            // A default that says what would be anyway need not stand in the definition, nor its enumeration.
            if (argument is { ArgumentKind: ArgumentKind.DefaultValue, Parameter.Name: "lifetime" or "storage", Value.ConstantValue: { HasValue: true, Value: 0 } }) continue;
            var value = Expression(argument.Value);
            switch (argument.Parameter?.Name)
            {
                case "shape": shape = value; break;
                case "initializer": initializer = value; break;
                case "name": name = value; break;
                case "lifetime": lifetime = value; break;
                case "storage": storage = value; break;
            }
        }
        return shape is null || initializer is null ? Invalid(creation) : make(shape, initializer, name ?? Nothing(creation), lifetime, storage);
    }

    Expression List(IObjectCreationOperation creation, TypeRef type)
    {
        var elements = new System.Collections.Generic.List<Expression>();
        // new List<T>(sequence) copies it; new List<T>(capacity) says nothing that matters here.
        if (creation.Arguments.Length == 1 && creation.Arguments[0].Value is { } argument && argument.Type?.SpecialType != SpecialType.System_Int32)
            elements.Add(new SpreadExpression(Expression(argument), At(argument)));
        foreach (var item in creation.Initializer?.Initializers ?? [])
        {
            if (item is IInvocationOperation { TargetMethod.Name: "Add", Arguments: { Length: 1 } arguments }) elements.Add(Expression(arguments[0].Value));
            else if (item is IInvalidOperation) context.Invalid(At(item));
            else Unsupported(item, "this initializer");
        }
        return new CollectionExpression(type, new EquatableArray<Expression>(elements.ToArray()), At(creation));
    }

    Expression Array(IArrayCreationOperation creation)
    {
        var at = At(creation);
        if (creation.Type is not IArrayTypeSymbol type) return Invalid(creation);
        if (type.Rank != 1) return Unsupported(creation, "an array of several dimensions");
        var bound = Type(type, creation);
        return creation.Initializer is { } initializer
            ? new CollectionExpression(bound, Expressions(initializer.ElementValues), at)
            : new NewArrayExpression(bound.Arguments[0], Expressions(creation.DimensionSizes), at);
    }

    Expression Collection(ICollectionExpressionOperation collection)
    {
        var type = Type(collection.Type, collection);
        if (type.Kind is not (TypeKind.Array or TypeKind.List or TypeKind.Sequence))
        {
            if (!context.HasErrors) context.Report(Descriptors.UnsupportedType, At(collection), collection.Type?.ToDisplayString() ?? "this collection");
            return Nothing(collection);
        }
        return new CollectionExpression(type, Expressions(collection.Elements), At(collection));
    }
}
