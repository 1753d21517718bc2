using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Location = Graph.Compiler.Modules.Location;

namespace Graph.Generators.Binding;

/// <summary>The values of the modelling attributes.</summary>
static class AttributeReader
{
    public static MethodRole Role(IMethodSymbol method) =>
        KnownTypes.Has(method, KnownTypes.Entry) ? MethodRole.Entry
        : KnownTypes.Has(method, KnownTypes.Loss) ? MethodRole.Loss
        : KnownTypes.Has(method, KnownTypes.Train) ? MethodRole.Train
        : MethodRole.None;

    /// <summary>Whether a method is an entry in training mode.</summary>
    public static bool IsTraining(IMethodSymbol method) => KnownTypes.Attribute(method, KnownTypes.Entry) is { } attribute && Named(attribute, "Training")?.Value is true;

    /// <summary>Whether nothing is folded in an entry. In training mode there is nothing to fold.</summary>
    public static bool IsExact(IMethodSymbol method) => KnownTypes.Attribute(method, KnownTypes.Entry) is { } attribute && Named(attribute, "Exact")?.Value is true && !IsTraining(method);

    public static TrainDef? Train(IMethodSymbol method)
    {
        if (KnownTypes.Attribute(method, KnownTypes.Train) is not { } attribute) return null;
        var precisions = Precisions(attribute);
        return new(precisions.Length > 0 ? precisions[0] : "Float32", Number(attribute, "ClipNorm"), Named(attribute, "Loss")?.Value as string, Texts(attribute, "Updates"), Texts(attribute, "Freezes"))
        {
            FurtherPrecisions = precisions.Skip(1).ToEquatableArray(), LossScale = Number(attribute, "LossScale"), MicroBatches = (int)Number(attribute, "MicroBatches"), MemoryBudget = MemoryBudget(method),
            Moments = Named(attribute, "Moments") is { } moments ? Precision(moments) : "", HasMasters = Named(attribute, "Masters")?.Value is not false, WithoutMasters = Texts(attribute, "WithoutMasters"),
        };
    }

    // Of Precision, then of Precisions.
    static EquatableArray<string> Precisions(AttributeData attribute)
    {
        var several = Named(attribute, "Precisions") is { Kind: TypedConstantKind.Array, IsNull: false } list ? list.Values.Select(Precision) : [];
        return (Named(attribute, "Precision") is { } one ? several.Prepend(Precision(one)) : several).ToEquatableArray();
    }

    /// <summary>What [Precision] says of a class and of its fields.</summary>
    public static EquatableArray<PrecisionDef> Precisions(BindingContext context, INamedTypeSymbol type) =>
        type.GetMembers().Where(m => m is IFieldSymbol { IsImplicitlyDeclared: false } or IPropertySymbol).Prepend(type)
            .Select(symbol => (Symbol: symbol, Attribute: KnownTypes.Attribute(symbol, KnownTypes.Precision)))
            .Where(p => p.Attribute is { ConstructorArguments.Length: 1 })
            .Select(p => new PrecisionDef(p.Symbol is INamedTypeSymbol ? null : p.Symbol.Name, Precision(p.Attribute!.ConstructorArguments[0]), context.At(p.Symbol))).ToEquatableArray();

    /// <summary>What [Checkpoint] marks: null for the class itself, and the names of its fields.</summary>
    public static EquatableArray<string?> Checkpoints(INamedTypeSymbol type) =>
        type.GetMembers().Where(m => m is IFieldSymbol { IsImplicitlyDeclared: false } or IPropertySymbol).Prepend(type).Where(symbol => KnownTypes.Has(symbol, KnownTypes.Checkpoint))
            .Select(symbol => symbol is INamedTypeSymbol ? null : symbol.Name).ToEquatableArray();

    /// <summary>What [MemoryBudget] says of a class or of a method; null without one.</summary>
    public static string? MemoryBudget(ISymbol symbol) =>
        KnownTypes.Attribute(symbol, KnownTypes.MemoryBudget) is { ConstructorArguments: { Length: 1 } arguments } ? arguments[0].Value as string ?? "" : null;

    static double Number(AttributeData attribute, string name) => Named(attribute, name)?.Value is IConvertible number ? number.ToDouble(CultureInfo.InvariantCulture) : 0;

    static EquatableArray<string> Texts(AttributeData attribute, string name) => Named(attribute, name) is { Kind: TypedConstantKind.Array, IsNull: false } list
        ? list.Values.Select(v => v.Value as string ?? "").ToEquatableArray() : [];

    static string Precision(TypedConstant value)
    {
        foreach (var member in value.Type?.GetMembers() ?? [])
            if (member is IFieldSymbol { HasConstantValue: true } field && Equals(field.ConstantValue, value.Value)) return field.Name;
        return value.Value is null ? "Float32" : Convert.ToString(value.Value, CultureInfo.InvariantCulture)!; // null: C# reports what is wrong
    }

    static TypedConstant? Named(AttributeData attribute, string name)
    {
        foreach (var argument in attribute.NamedArguments)
            if (argument.Key == name) return argument.Value;
        return null;
    }

    public static EquatableArray<DimDef> Dims(BindingContext context, INamedTypeSymbol type)
    {
        var dims = new List<DimDef>();
        foreach (var attribute in type.GetAttributes())
        {
            if (!KnownTypes.IsGraph(attribute.AttributeClass, KnownTypes.Dim)) continue;
            if (attribute.ConstructorArguments is not { Length: 1 } arguments || arguments[0].Kind == TypedConstantKind.Error)
            {
                context.Invalid(At(context, attribute, type));
                continue;
            }
            // C# lets null pass with a !; as a keyword it is the name of no dimension.
            dims.Add(new(arguments[0].Value as string ?? "null", Integer(attribute, "Max"), Integer(attribute, "Typical"), At(context, attribute, type)));
        }
        return new EquatableArray<DimDef>(dims.ToArray());
    }

    static Location At(BindingContext context, AttributeData attribute, INamedTypeSymbol type) =>
        attribute.ApplicationSyntaxReference is { } reference ? context.At(reference.SyntaxTree, reference.Span) : context.At(type);

    static long Integer(AttributeData attribute, string name) => Named(attribute, name)?.Value is int value ? value : 0;

    /// <summary>The dimensions of [Shape], or null without the attribute.</summary>
    public static EquatableArray<ShapeDim>? Shape(BindingContext context, IParameterSymbol parameter)
    {
        if (KnownTypes.Attribute(parameter, KnownTypes.Shape) is not { } attribute) return null;
        if (attribute.ConstructorArguments is not { Length: 1 } arguments || arguments[0].Kind != TypedConstantKind.Array || arguments[0].IsNull)
        {
            if (attribute.ConstructorArguments is { Length: 1 } given && given[0] is { Kind: TypedConstantKind.Array, IsNull: true }) context.Report(Descriptors.BadShape, DimAt(context, parameter, 0), "null");
            else context.Invalid(DimAt(context, parameter, 0));
            return EquatableArray<ShapeDim>.Empty;
        }
        var dims = new List<ShapeDim>();
        for (var i = 0; i < arguments[0].Values.Length; i++)
        {
            var value = arguments[0].Values[i];
            if (value is { Kind: TypedConstantKind.Primitive, Value: int number } && number >= 1) dims.Add(new(null, number));
            else if (value is { Kind: TypedConstantKind.Primitive, Value: string name }) dims.Add(new(name, 0));
            else if (value.Kind == TypedConstantKind.Error) context.Invalid(DimAt(context, parameter, i));
            else context.Report(Descriptors.BadShape, DimAt(context, parameter, i), Text(value));
        }
        return new EquatableArray<ShapeDim>(dims.ToArray());
    }

    static string Text(TypedConstant value) => value.Kind == TypedConstantKind.Array || value.Value is null ? "null" : Convert.ToString(value.Value, CultureInfo.InvariantCulture) ?? "null";

    /// <summary>The place of one dimension of a [Shape].</summary>
    public static Location DimAt(BindingContext context, IParameterSymbol parameter, int index)
    {
        if (KnownTypes.Attribute(parameter, KnownTypes.Shape)?.ApplicationSyntaxReference?.GetSyntax(context.Cancellation) is AttributeSyntax { ArgumentList.Arguments: { } arguments } && index < arguments.Count)
            return context.At(arguments[index]);
        return context.At(parameter);
    }
}
