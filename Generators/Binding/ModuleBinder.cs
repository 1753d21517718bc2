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
        using var _ = context.Within(name);
        // The name of the class is its first place: lines of what belongs to no member count from it.
        context.At(type);
        ClassDeclaration? declaration = null;
        ModuleDef? definition = null;
        try
        {
            declaration = Declaration(context, type, name);
            // What has type parameters is no module, and every mention of one would say so again.
            definition = type.IsGenericType ? null : Definition(context, type, name);
        }
        catch (InsufficientExecutionStackException)
        {
            context.Report(Descriptors.TooDeep, context.At(type), type.Name);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            context.Report(Descriptors.InternalError, context.At(type), type.Name, exception.GetType().Name + ": " + exception.Message);
        }
        var docs = KnownTypes.Has(type, KnownTypes.Model) ? DocReader.Read(type, context.Cancellation) : [];
        return new(
            name, declaration, context.HasErrors ? null : definition, Outline(definition), docs, context.Diagnostics.ToEquatableArray(), context.Hints.Distinct().ToEquatableArray(), context.Spans.Published());
    }

    // Of whatever could be bound: callers of a model with errors see its members all the same.
    static EquatableArray<MethodDef> Outline(ModuleDef? definition)
    {
        if (definition is not { Kind: ModuleKind.Model }) return [];
        return definition.Methods.Where(m => m.Role != MethodRole.None).Select(m => m with
        {
            Body = null,
            Location = Compiler.Modules.Location.None,
            Parameters = m.Parameters.Select(p => p with { Default = null, Location = Compiler.Modules.Location.None }).ToEquatableArray(),
        }).ToEquatableArray();
    }

    /// <summary>Where to write the other part of the class; null when it is not partial or otherwise not extensible.</summary>
    static ClassDeclaration? Declaration(BindingContext context, INamedTypeSymbol type, string name)
    {
        var obstacles = Obstacles(type).ToList();
        foreach (var (descriptor, symbol, arguments) in obstacles) context.Report(descriptor, context.At(symbol), arguments);
        // What is no class, or derives from what is none, C# reports itself.
        if (obstacles.Count > 0 || type.TypeKind != Microsoft.CodeAnalysis.TypeKind.Class || type.BaseType is IErrorTypeSymbol) return null;
        var containers = new List<string>();
        for (var outer = type.ContainingType; outer is not null; outer = outer.ContainingType)
        {
            var keyword = (outer.IsRecord, outer.TypeKind) switch
            {
                (true, Microsoft.CodeAnalysis.TypeKind.Struct) => "record struct",
                (true, _) => "record",
                (_, Microsoft.CodeAnalysis.TypeKind.Struct) => "struct",
                (_, Microsoft.CodeAnalysis.TypeKind.Interface) => "interface",
                _ => "class",
            };
            containers.Insert(0, "partial " + keyword + " " + CSharpName.Escape(outer.Name));
        }
        var space = type.ContainingNamespace is { IsGlobalNamespace: false } named ? named.ToDisplayString(FullyQualified) : "";
        return new(
            space, new EquatableArray<string>(containers.ToArray()), CSharpName.Escape(type.Name), type.IsSealed, type.IsStatic, KnownTypes.IsModule(type.BaseType) && IsExtended(context, type.BaseType!),
            GeneratedNames.Hides(type), GeneratedNames.HasDispose(type), GeneratedNames.HasToString(type), HintNames.Of(name)) { HasMemory = GeneratedNames.HasMemory(type), MemoryBudget = AttributeReader.MemoryBudget(type) };
    }

    /// <summary>Why no other part of the class can be written.</summary>
    static IEnumerable<(DiagnosticDescriptor Descriptor, ISymbol At, string[] Arguments)> Obstacles(INamedTypeSymbol type)
    {
        if (type.TypeParameters.Length > 0) yield return (Descriptors.Generic, type, [type.Name]);
        if (type.IsRecord) yield return (Descriptors.Unsupported, type, ["a record as a module"]);
        if (!IsPartial(type)) yield return (Descriptors.NotPartial, type, [type.Name]);
        for (var outer = type.ContainingType; outer is not null; outer = outer.ContainingType)
        {
            if (!IsPartial(outer)) yield return (Descriptors.ContainerNotPartial, outer, [outer.Name, type.Name]);
            if (outer.TypeParameters.Length > 0) yield return (Descriptors.Generic, outer, [outer.Name]);
        }
        if (type.IsFileLocal) yield return (Descriptors.Unsupported, type, ["a file-local module"]);
        foreach (var (member, purpose) in GeneratedNames.Clashes(type)) yield return (Descriptors.NameClash, member, [member.Name, type.Name, purpose]);
    }

    // A base class without a generated part has no walk to override.
    static bool IsExtended(BindingContext context, INamedTypeSymbol type) => !context.IsHere(type) || (type.BaseType is not IErrorTypeSymbol && !Obstacles(type).Any());

    // Namespaces too are escaped where a part of them is a keyword.
    static readonly SymbolDisplayFormat FullyQualified = SymbolDisplayFormat.FullyQualifiedFormat.WithGlobalNamespaceStyle(SymbolDisplayGlobalNamespaceStyle.Omitted);

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
            [], [], [], [], [], context.At(type)) { Precisions = AttributeReader.Precisions(context, type), Checkpoints = AttributeReader.Checkpoints(type) };
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
                context.Invalid(context.At(type));
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
