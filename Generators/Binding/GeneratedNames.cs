using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Modules;
using Graph.Generators.Emission;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Graph.Generators.Binding;

/// <summary>Which of the user's members stand in the way of those that are generated into a class.</summary>
static class GeneratedNames
{
    // Of every model. Methods of a name and other parameters are overloads; a property or field meets anything of its name.
    static readonly string[] Values = ["Ir", "graphInstance", "graphDescriptor", "graphDescribe", "graphKernels", "graphOrigins", "graphTargets"];

    /// <summary>The user's members that cannot be where generated ones have to be, and what each of these is for.</summary>
    public static IEnumerable<(ISymbol Member, string Purpose)> Clashes(INamedTypeSymbol type)
    {
        if (type.IsStatic) yield break;
        var isModel = KnownTypes.Has(type, KnownTypes.Model);
        // A member cannot have the name of its class.
        foreach (var (name, purpose) in Purposes(type, isModel))
            if (type.Name == name) yield return (type, purpose);
        foreach (var member in type.GetMembers())
            if (MemberBinder.IsUserWritten(member) && Purpose(type, member, isModel) is { } purpose) yield return (member, purpose);
        if (!isModel) yield break;
        foreach (var clash in Inherited(type)) yield return clash;
        foreach (var other in type.ContainingNamespace.GetTypeMembers(KernelClass(type)))
            if (MemberBinder.IsUserWritten(other)) yield return (other, "the kernels");
    }

    static string? Purpose(INamedTypeSymbol type, ISymbol member, bool isModel)
    {
        var named = Purposes(type, isModel).Where(p => p.Name == member.Name).Select(p => p.Purpose).FirstOrDefault();
        if (member is not IMethodSymbol { MethodKind: MethodKind.Ordinary } method) return named;
        if (named is not null && Values.Contains(method.Name)) return named;
        var key = Key(method);
        if (key == "VisitModule(global::Graph.IModuleVisitor, string)") return "the walk over the parameters";
        if (!isModel) return null;
        return key switch
        {
            "Create(global::Graph.Device, ulong, int)" => "the making of a model",
            // What C# makes of a property.
            "get_Ir()" or "set_Ir(global::Graph.ModelIr)" => "the stages of the compiler as text",
            _ => Role(method) == MethodRole.None && Compiled(type).FirstOrDefault(m => m.Key == key) is { } made ? made.Role == MethodRole.Train ? "the step of training" : "the compiled method" : null, // Dispose() of the user's own: the generated one makes way.
        };
    }

    // What the class calls by such a name would be the generated member, which is nearer.
    static IEnumerable<(ISymbol Member, string Purpose)> Inherited(INamedTypeSymbol type)
    {
        for (var based = type.BaseType; based is { SpecialType: not SpecialType.System_Object }; based = based.BaseType)
            foreach (var (name, purpose) in Purposes(type, isModel: true))
                foreach (var member in based.GetMembers(name))
                    if (member.DeclaredAccessibility != Accessibility.Private && MemberBinder.IsUserWritten(member) && !(member is IMethodSymbol && name is ("Dispose" or "VisitModule"))) yield return (member, purpose);
    }

    static IEnumerable<(string Name, string Purpose)> Purposes(INamedTypeSymbol type, bool isModel)
    {
        yield return ("VisitModule", "the walk over the parameters");
        if (!isModel) yield break;
        yield return ("Ir", "the stages of the compiler as text");
        yield return ("Create", "the making of a model");
        yield return ("Dispose", "the end of a model");
        yield return ("graphInstance", "the compiled model");
        yield return ("graphDescriptor", "the compiled model");
        yield return ("graphDescribe", "the compiled model");
        yield return ("graphKernels", "the kernels of the model");
        yield return ("graphOrigins", "the source lines of the model");
        yield return ("graphTargets", "the kernels of the model");
        var trains = type.GetMembers().OfType<IMethodSymbol>().Where(m => Role(m) == MethodRole.Train).ToList();
        foreach (var train in trains) yield return (GeneratedMethod.StepOf(trains.Count == 1 ? "" : train.Name), "the step of training");
    }

    static IEnumerable<GeneratedMethod> Compiled(INamedTypeSymbol type) =>
        SourceMethod.Compiled([.. type.GetMembers().OfType<IMethodSymbol>().Where(m => Role(m) != MethodRole.None).Select(Source)]);

    static SourceMethod Source(IMethodSymbol method)
    {
        List<(string?, DType?)> results = method.ReturnType is INamedTypeSymbol { IsTupleType: true } tuple
            ? [.. tuple.TupleElements.Select(e => (tuple.TupleElements.All(n => n.IsExplicitlyNamedTupleElement) ? e.Name : null, Element(e.Type)))] : [(null, Element(method.ReturnType))];
        return new(method.Name, Role(method), AttributeReader.Train(method)?.Loss, [.. method.Parameters.Select(p => (p.Name, Element(p.Type), Shape(p)))], results, AttributeReader.Train(method)?.Precision == TrainingProgram.InDouble);
    }

    static DType? Element(ITypeSymbol type)
    {
        if (!KnownTypes.IsTensor(type) || type is not INamedTypeSymbol tensor) return null;
        if (tensor.TypeArguments.Length == 0) return DType.F32;
        var element = tensor.TypeArguments[0];
        return TypeBinder.Special(element.SpecialType) is { } kind ? ElementTypes.Of(kind) : element is { Name: "Half" } && KnownTypes.IsSystem(element) ? DType.F16 : null;
    }

    static IReadOnlyList<ShapeDim> Shape(IParameterSymbol parameter) =>
        KnownTypes.Attribute(parameter, KnownTypes.Shape) is { ConstructorArguments: { Length: 1 } arguments } && arguments[0] is { Kind: TypedConstantKind.Array, IsNull: false, Values: var values }
            ? [.. values.Select(v => v.Kind == TypedConstantKind.Primitive && v.Value is string name ? new ShapeDim(name, 0) : new ShapeDim(null, 1))] : [];

    static MethodRole Role(IMethodSymbol method) => AttributeReader.Role(method);

    static string Key(IMethodSymbol method) => method.IsGenericMethod ? "" : method.Name + "(" + string.Join(", ", method.Parameters.Select(Type)) + ")";

    static string Type(IParameterSymbol parameter) => (parameter.RefKind == RefKind.None ? "" : "ref ") + parameter.Type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);

    static string KernelClass(INamedTypeSymbol type)
    {
        var names = new List<string>();
        for (var outer = type.ContainingType; outer is not null; outer = outer.ContainingType) names.Insert(0, outer.Name);
        return ClassDeclaration.KernelClassOf([.. names, type.Name]);
    }

    /// <summary>Whether members generated into a class may hide those of a base class: it derives from another model, or from a class that ends in its own way.</summary>
    public static bool Hides(INamedTypeSymbol type)
    {
        for (var based = type.BaseType; based is { SpecialType: not SpecialType.System_Object }; based = based.BaseType)
            if (KnownTypes.Has(based, KnownTypes.Model) || based.MemberNames.Contains("Dispose")) return true;
        return false;
    }

    /// <summary>Whether the class has a <c>Dispose()</c> of the user's.</summary>
    public static bool HasDispose(INamedTypeSymbol type) => DeclaresFor(type, "Dispose");

    /// <summary>Whether the class, or a base class that nothing is generated into, says itself what <c>ToString()</c> is.</summary>
    public static bool HasToString(INamedTypeSymbol type)
    {
        for (var t = type; t is { SpecialType: not SpecialType.System_Object }; t = t.BaseType)
            if (DeclaresFor(t, "ToString")) return true;
        return false;
    }

    /// <summary>Whether the class or a base class has a member of the user's that is called <c>Memory</c>, or is called so itself.</summary>
    public static bool HasMemory(INamedTypeSymbol type)
    {
        if (type.Name == "Memory") return true;
        for (var t = type; t is { SpecialType: not SpecialType.System_Object }; t = t.BaseType)
            if (t.GetMembers("Memory").Any(MemberBinder.IsUserWritten)) return true;
        return false;
    }

    // A base class of another assembly has no syntax: what a model's own generated member is there, it may be here too.
    static bool DeclaresFor(INamedTypeSymbol type, string method) =>
        type.GetMembers(method).Any(m => m is IMethodSymbol { Parameters.Length: 0, IsGenericMethod: false } ? MemberBinder.IsUserWritten(m) || (m.DeclaringSyntaxReferences.IsEmpty && !m.IsImplicitlyDeclared && !KnownTypes.Has(type, KnownTypes.Model)) : m is not IMethodSymbol);
}
