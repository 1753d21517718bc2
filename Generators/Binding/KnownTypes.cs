using System;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Graph.Generators.Binding;

/// <summary>The types and attributes of the modelling API, recognised by name.</summary>
static class KnownTypes
{
    /// <summary>The assembly of the modelling API.</summary>
    public const string Assembly = "Graph.Ops";

    public const string Module = "ModuleAttribute";
    public const string Model = "ModelAttribute";
    public const string Dim = "DimAttribute";
    public const string Shape = "ShapeAttribute";
    public const string Entry = "EntryAttribute";
    public const string Loss = "LossAttribute";
    public const string Train = "TrainAttribute";
    public const string Precision = "PrecisionAttribute";
    public const string Checkpoint = "CheckpointAttribute";
    public const string MemoryBudget = "MemoryBudgetAttribute";
    public const string State = "StateAttribute";
    public const string Operation = "OperationAttribute";
    public const string ModuleDefinition = "ModuleDefinitionAttribute";

    /// <summary>True for <c>Graph.<paramref name="name"/></c>.</summary>
    public static bool IsGraph(ITypeSymbol? type, string name) => type is { ContainingType: null } && type.Name == name && IsGraphNamespace(type.ContainingNamespace);

    /// <summary>True for the types of namespace Graph itself.</summary>
    public static bool IsGraphNamespace(INamespaceSymbol? space) => space is { Name: "Graph", ContainingNamespace.IsGlobalNamespace: true };

    /// <summary>True for the types of the modelling API, in the assembly that brings them.</summary>
    public static bool IsApi(INamedTypeSymbol type) =>
        type.ContainingType is null && IsGraphNamespace(type.ContainingNamespace) && type.ContainingAssembly?.Name == Assembly;

    public static AttributeData? Attribute(ISymbol symbol, string name)
    {
        foreach (var attribute in symbol.GetAttributes())
            if (IsGraph(attribute.AttributeClass, name)) return attribute;
        return null;
    }

    public static bool Has(ISymbol symbol, string name) => Attribute(symbol, name) is not null;

    /// <summary>True for a class marked [Module] or [Model].</summary>
    public static bool IsModule(ITypeSymbol? type) => type is INamedTypeSymbol { TypeKind: TypeKind.Class } && (Has(type, Module) || Has(type, Model));

    /// <summary>True for Tensor, Tensor&lt;T&gt;, Parameter and State.</summary>
    public static bool IsTensor(ITypeSymbol? type) => IsGraph(type, "Tensor") || IsGraph(type, "Parameter") || IsGraph(type, "State");

    /// <summary>The operation that a member stands for, or null.</summary>
    public static string? OperationName(ISymbol member) =>
        Attribute(member, Operation) is { ConstructorArguments: { Length: 1 } arguments } && arguments[0].Value is string name ? name : null;

    /// <summary>True for types below namespace System.</summary>
    public static bool IsSystem(ISymbol symbol)
    {
        var space = symbol.ContainingNamespace;
        while (space is { IsGlobalNamespace: false, ContainingNamespace.IsGlobalNamespace: false }) space = space.ContainingNamespace;
        return space is { Name: "System" };
    }

    /// <summary><c>System.Collections.Generic.List</c>, without type arguments.</summary>
    public static string NameWithNamespace(ITypeSymbol type) =>
        type.ContainingNamespace is { IsGlobalNamespace: false } space ? space.ToDisplayString() + "." + type.Name : type.Name;

    /// <summary>True for a property without bodies of its own.</summary>
    public static bool IsAuto(IPropertySymbol property)
    {
        if (property.IsAbstract || property.IsIndexer) return false;
        foreach (var reference in property.DeclaringSyntaxReferences)
        {
            switch (reference.GetSyntax())
            {
                case ParameterSyntax:
                    return true;
                case PropertyDeclarationSyntax { ExpressionBody: null, AccessorList.Accessors: { } accessors } when property.PartialImplementationPart is null:
                    return accessors.All(a => a.Body is null && a.ExpressionBody is null);
                case PropertyDeclarationSyntax:
                    return false;
            }
        }
        // Reference assemblies have no backing fields; the mark on the getter stays.
        return property.GetMethod is { } getter && getter.GetAttributes().Any(a => a.AttributeClass?.Name == "CompilerGeneratedAttribute");
    }

    /// <summary>True for exceptions.</summary>
    public static bool IsException(ITypeSymbol? type)
    {
        for (var t = type; t is not null; t = t.BaseType)
            if (t.Name == nameof(Exception) && t.ContainingNamespace is { Name: "System", ContainingNamespace.IsGlobalNamespace: true }) return true;
        return false;
    }
}
