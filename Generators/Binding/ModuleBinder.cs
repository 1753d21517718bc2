using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;
using Graph.Generators.Emission;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Graph.Generators.Binding;

/// <summary>Binds a class marked [Module] or [Model], and what its bodies reach, to a definition.</summary>
static class ModuleBinder
{
    /// <summary>Never throws but for cancellation: a defect of the compiler becomes GR0001.</summary>
    public static BoundModule Bind(BindingContext context, INamedTypeSymbol type)
    {
        var name = SymbolNames.FullName(type);
        ClassDeclaration? declaration = null;
        ModuleDef? definition = null;
        try
        {
            declaration = Declaration(context, type);
            definition = Definition(context, type, name);
        }
        catch (InsufficientExecutionStackException)
        {
            context.Report(Descriptors.TooDeep, context.At(type), type.Name);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            context.Report(Descriptors.InternalError, context.At(type), type.Name, exception.GetType().Name + ": " + exception.Message);
        }
        return new(name, declaration, context.HasErrors ? null : definition, context.Diagnostics.ToEquatableArray());
    }

    /// <summary>Where to write the other part of the class; null when it is not partial or otherwise not extensible.</summary>
    static ClassDeclaration? Declaration(BindingContext context, INamedTypeSymbol type)
    {
        var ok = true;
        if (type.IsGenericType)
        {
            context.Report(Descriptors.Generic, context.At(type), type.Name);
            ok = false;
        }
        if (type.IsRecord)
        {
            context.Report(Descriptors.Unsupported, context.At(type), "a record as a module");
            ok = false;
        }
        if (!IsPartial(type))
        {
            context.Report(Descriptors.NotPartial, context.At(type), type.Name);
            ok = false;
        }
        var containers = new List<string>();
        for (var outer = type.ContainingType; outer is not null; outer = outer.ContainingType)
        {
            if (!IsPartial(outer))
            {
                context.Report(Descriptors.ContainerNotPartial, context.At(outer), outer.Name, type.Name);
                ok = false;
            }
            if (outer.IsGenericType)
            {
                context.Report(Descriptors.Generic, context.At(outer), outer.Name);
                ok = false;
            }
            var keyword = (outer.IsRecord, outer.TypeKind) switch
            {
                (true, Microsoft.CodeAnalysis.TypeKind.Struct) => "record struct",
                (true, _) => "record",
                (_, Microsoft.CodeAnalysis.TypeKind.Struct) => "struct",
                (_, Microsoft.CodeAnalysis.TypeKind.Interface) => "interface",
                _ => "class",
            };
            containers.Insert(0, "partial " + keyword + " " + Identifier(outer.Name));
        }
        if (type.IsFileLocal)
        {
            context.Report(Descriptors.Unsupported, context.At(type), "a file-local module");
            ok = false;
        }
        if (!ok) return null;
        var space = type.ContainingNamespace is { IsGlobalNamespace: false } named ? named.ToDisplayString(FullyQualified) : "";
        return new(
            space, new EquatableArray<string>(containers.ToArray()), Identifier(type.Name), type.IsSealed, type.IsStatic, KnownTypes.IsModule(type.BaseType),
            SymbolNames.FullName(type).Replace('+', '.'));
    }

    // Namespaces too are escaped where a part of them is a keyword.
    static readonly SymbolDisplayFormat FullyQualified = SymbolDisplayFormat.FullyQualifiedFormat.WithGlobalNamespaceStyle(SymbolDisplayGlobalNamespaceStyle.Omitted);

    static string Identifier(string name) =>
        SyntaxFacts.GetKeywordKind(name) != SyntaxKind.None || SyntaxFacts.GetContextualKeywordKind(name) != SyntaxKind.None ? "@" + name : name;

    static bool IsPartial(INamedTypeSymbol type)
    {
        foreach (var reference in type.DeclaringSyntaxReferences)
            if (reference.GetSyntax() is TypeDeclarationSyntax syntax && !syntax.Modifiers.Any(SyntaxKind.PartialKeyword)) return false;
        return true;
    }

    static ModuleDef Definition(BindingContext context, INamedTypeSymbol type, string name)
    {
        var members = new MemberBinder(context, type);
        var isModel = KnownTypes.Has(type, KnownTypes.Model);
        var kind = type.IsStatic ? ModuleKind.Library : isModel ? ModuleKind.Model : type.IsAbstract ? ModuleKind.AbstractModule : ModuleKind.Module;
        var definition = new ModuleDef(
            name, kind, Base(context, type, members), AttributeReader.Dims(context, type), members.Constructors(), members.Fields(withStatic: true), members.Methods(),
            [], [], [], [], [], context.At(type));
        definition = definition with { Fields = definition.Fields.AddRange(members.CapturedFields()) };
        ModelRules.Check(context, type, isModel);

        var reached = new ReachedBinder(context);
        reached.BindAll();
        context.References.Remove(name);
        return definition with
        {
            Records = reached.Records(),
            Enums = reached.Enums(),
            Functions = reached.Functions(),
            Statics = reached.Statics(),
            References = context.References.ToEquatableArray(),
        };
    }

    static BaseDef? Base(BindingContext context, INamedTypeSymbol type, MemberBinder members)
    {
        switch (type.BaseType)
        {
            case null or { SpecialType: SpecialType.System_Object }:
                return null;
            case IErrorTypeSymbol:
                context.Invalid();
                return null;
            case { } based when KnownTypes.IsModule(based):
                var name = SymbolNames.FullName(based);
                context.References.Add(name);
                return new(name, members.PrimaryBaseCall());
            case { } based:
                context.Report(Descriptors.BaseNotModule, context.At(type), type.Name, based.ToDisplayString());
                return null;
        }
    }
}
