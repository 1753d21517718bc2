using System.Linq;
using System.Text;
using Graph.Compiler.Modules;
using Microsoft.CodeAnalysis;

namespace Graph.Generators.Binding;

/// <summary>The names by which definitions speak of classes and methods.</summary>
static class SymbolNames
{
    // Names as they are, without the @ of keywords.
    static readonly SymbolDisplayFormat Unescaped = new(typeQualificationStyle: SymbolDisplayTypeQualificationStyle.NameAndContainingTypesAndNamespaces);

    /// <summary>What definitions know a class by: <see cref="DefinitionName"/>.</summary>
    public static string FullName(INamedTypeSymbol type) => DefinitionName.Of(type.ContainingAssembly?.Name ?? "", MetadataName(type));

    /// <summary>Namespace, containing classes and name as metadata writes them: <c>Graph.Nn.Outer+Inner</c>.</summary>
    public static string MetadataName(INamedTypeSymbol type)
    {
        var name = new StringBuilder(type.MetadataName);
        for (var outer = type.ContainingType; outer is not null; outer = outer.ContainingType) name.Insert(0, outer.MetadataName + "+");
        if (type.ContainingNamespace is { IsGlobalNamespace: false } space) name.Insert(0, space.ToDisplayString(Unescaped) + ".");
        return name.ToString();
    }

    /// <summary>Name and parameter types, equal for a method and its overrides: <c>Forward(Tensor,int)</c>.</summary>
    public static string MethodId(IMethodSymbol method)
    {
        var parameters = string.Join(",", method.Parameters.Select(p => TypeId(p.Type)));
        return method.Name + "(" + parameters + ")";
    }

    static string TypeId(ITypeSymbol type) => type switch
    {
        IArrayTypeSymbol array => TypeId(array.ElementType) + "[" + new string(',', array.Rank - 1) + "]",
        INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable => TypeId(nullable.TypeArguments[0]) + "?",
        INamedTypeSymbol { IsTupleType: true } tuple => "(" + string.Join(",", tuple.TupleElements.Select(e => TypeId(e.Type))) + ")",
        INamedTypeSymbol named when Keyword(named.SpecialType) is { } keyword => keyword,
        INamedTypeSymbol { TypeArguments.Length: > 0 } generic => ShortName(generic) + "<" + string.Join(",", generic.TypeArguments.Select(TypeId)) + ">",
        INamedTypeSymbol named => ShortName(named),
        _ => type.Name,
    };

    // The API's own types are written without their namespace, because every method has them; others in full, because two may share a name.
    static string ShortName(INamedTypeSymbol type) =>
        KnownTypes.IsApi(type) || KnownTypes.IsSystem(type) ? type.Name : FullName(type);

    static string? Keyword(SpecialType type) => type switch
    {
        SpecialType.System_Boolean => "bool",
        SpecialType.System_Char => "char",
        SpecialType.System_SByte => "sbyte",
        SpecialType.System_Byte => "byte",
        SpecialType.System_Int16 => "short",
        SpecialType.System_UInt16 => "ushort",
        SpecialType.System_Int32 => "int",
        SpecialType.System_UInt32 => "uint",
        SpecialType.System_Int64 => "long",
        SpecialType.System_UInt64 => "ulong",
        SpecialType.System_Single => "float",
        SpecialType.System_Double => "double",
        SpecialType.System_String => "string",
        SpecialType.System_Object => "object",
        _ => null,
    };
}
