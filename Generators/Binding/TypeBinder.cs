using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Location = Graph.Compiler.Modules.Location;
using TypeKind = Graph.Compiler.Modules.TypeKind;

namespace Graph.Generators.Binding;

/// <summary>C# types → types of the modelling language.</summary>
sealed class TypeBinder(BindingContext context)
{
    /// <summary>The type, or a diagnostic at <paramref name="at"/> and <c>object</c>.</summary>
    public TypeRef Bind(ITypeSymbol? type, Location at)
    {
        var bound = Plain(type, at);
        return type is { IsReferenceType: true, NullableAnnotation: NullableAnnotation.Annotated } && bound.Kind != TypeKind.Nullable ? TypeRef.Nullable(bound) : bound;
    }

    TypeRef Plain(ITypeSymbol? type, Location at)
    {
        switch (type)
        {
            case null or IErrorTypeSymbol:
                context.Invalid(at);
                return TypeRef.Object;
            case ITypeParameterSymbol:
                context.ReportOnce(type.ContainingSymbol, Descriptors.Generic, at, type.ToDisplayString());
                return TypeRef.Object;
            case IArrayTypeSymbol { Rank: 1 } array:
                return TypeRef.Array(Bind(array.ElementType, at));
            case INamedTypeSymbol named:
                return Special(named.SpecialType) is { } special ? new TypeRef(special) : Named(named, at);
            default:
                return Unsupported(type, at);
        }
    }

    /// <summary>The primitive type of the language that a C# type is; null for none.</summary>
    public static TypeKind? Special(SpecialType type) => type switch
    {
        SpecialType.System_Void => TypeKind.Void,
        SpecialType.System_Boolean => TypeKind.Bool,
        SpecialType.System_Char => TypeKind.Char,
        SpecialType.System_SByte => TypeKind.Int8,
        SpecialType.System_Byte => TypeKind.UInt8,
        SpecialType.System_Int16 => TypeKind.Int16,
        SpecialType.System_UInt16 => TypeKind.UInt16,
        SpecialType.System_Int32 => TypeKind.Int32,
        SpecialType.System_UInt32 => TypeKind.UInt32,
        SpecialType.System_Int64 => TypeKind.Int64,
        SpecialType.System_UInt64 => TypeKind.UInt64,
        SpecialType.System_Single => TypeKind.Float32,
        SpecialType.System_Double => TypeKind.Float64,
        SpecialType.System_String => TypeKind.String,
        SpecialType.System_Object => TypeKind.Object,
        _ => null,
    };

    TypeRef Named(INamedTypeSymbol type, Location at)
    {
        if (type.OriginalDefinition.SpecialType == SpecialType.System_Nullable_T) return TypeRef.Nullable(Bind(type.TypeArguments[0], at));
        if (type.IsTupleType)
        {
            var elements = type.TupleElements;
            var names = elements.Any(e => e.IsExplicitlyNamedTupleElement) ? string.Join(",", elements.Select(e => e.IsExplicitlyNamedTupleElement ? e.Name : "")) : "";
            return new TypeRef(TypeKind.Tuple, names, elements.Select(e => Bind(e.Type, at)).ToEquatableArray());
        }
        if (KnownTypes.IsGraphNamespace(type.ContainingNamespace) && type.ContainingType is null)
        {
            switch (type.Name)
            {
                case "Tensor": return type.TypeArguments.Length == 0 ? TypeRef.Tensor : TypeRef.TensorOf(Bind(type.TypeArguments[0], at));
                case "Parameter": return TypeRef.Parameter;
                case "State": return TypeRef.State;
                case "Initializer": return TypeRef.Initializer;
                case "BFloat16": return new TypeRef(TypeKind.BFloat16);
            }
        }
        if (type.TypeKind == Microsoft.CodeAnalysis.TypeKind.Enum) return Enumeration(type);
        if (type.TypeKind == Microsoft.CodeAnalysis.TypeKind.Delegate) return Function(type, at);
        if (KnownTypes.IsSystem(type)) return SystemType(type, at);
        if (type.IsGenericType)
        {
            if (KnownTypes.IsModule(type.OriginalDefinition) && context.IsHere(type)) context.FailElsewhere();
            else context.ReportOnce(type, Descriptors.Generic, at, type.ToDisplayString());
            return TypeRef.Object;
        }
        if (type.TypeKind == Microsoft.CodeAnalysis.TypeKind.Interface) return new TypeRef(TypeKind.Interface, SymbolNames.FullName(type));
        if (KnownTypes.IsModule(type))
        {
            var name = SymbolNames.FullName(type);
            context.References.Add(name);
            return TypeRef.Module(name);
        }
        if (KnownTypes.IsException(type)) return new TypeRef(TypeKind.Exception, type.Name);
        return Record(type, at);
    }

    TypeRef Enumeration(INamedTypeSymbol type)
    {
        context.Reach(type);
        return TypeRef.Enum(SymbolNames.FullName(type));
    }

    TypeRef Function(INamedTypeSymbol type, Location at)
    {
        if (type.DelegateInvokeMethod is not { } invoke) return Unsupported(type, at);
        var parts = invoke.Parameters.Select(p => Bind(p.Type, at)).ToList();
        parts.Add(Bind(invoke.ReturnType, at));
        return new TypeRef(TypeKind.Function, "", parts.ToEquatableArray());
    }

    TypeRef SystemType(INamedTypeSymbol type, Location at)
    {
        switch (KnownTypes.NameWithNamespace(type))
        {
            case "System.Half": return new TypeRef(TypeKind.Float16);
            case "System.Index": return new TypeRef(TypeKind.Index);
            case "System.Range": return new TypeRef(TypeKind.Range);
            case "System.Collections.Generic.List": return TypeRef.List(Bind(type.TypeArguments[0], at));
        }
        if (type.TypeArguments.Length == 1 && Library.IsSequence(type)) return new TypeRef(TypeKind.Sequence, "", [Bind(type.TypeArguments[0], at)]);
        return KnownTypes.IsException(type) ? new TypeRef(TypeKind.Exception, type.Name) : Unsupported(type, at);
    }

    TypeRef Record(INamedTypeSymbol type, Location at)
    {
        if (type.IsStatic || type.TypeKind is not (Microsoft.CodeAnalysis.TypeKind.Class or Microsoft.CodeAnalysis.TypeKind.Struct)) return Unsupported(type, at);
        var name = SymbolNames.FullName(type);
        if (!context.IsHere(type)) context.References.Add(name);
        // What is wrong is the class, whoever uses it.
        else if (HoldsParameters(type)) context.ReportOnce(type, Descriptors.NotMarked, context.At(type), type.ToDisplayString());
        else context.Reach(type);
        return TypeRef.Record(name);
    }

    static bool HoldsParameters(INamedTypeSymbol type)
    {
        if (type.IsRecord) return false;
        foreach (var member in type.GetMembers())
            if (member is IFieldSymbol { IsStatic: false } field && (KnownTypes.IsGraph(field.Type, "Parameter") || KnownTypes.IsGraph(field.Type, "State") || KnownTypes.IsModule(field.Type))) return true;
        return false;
    }

    TypeRef Unsupported(ITypeSymbol type, Location at)
    {
        if (type.TypeKind == Microsoft.CodeAnalysis.TypeKind.Error) context.Invalid(at);
        else context.Report(Descriptors.UnsupportedType, at, type.ToDisplayString());
        return TypeRef.Object;
    }
}
