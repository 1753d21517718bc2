using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace Graph.Generators.Binding;

/// <summary>The names of the members that are generated into a class, and which of the user's members stand in their way.</summary>
static class GeneratedNames
{
    // Of every model. Methods of a name and other parameters are overloads; a property or field meets anything of its name.
    static readonly string[] Values = ["Ir", "graphInstance", "graphDescriptor", "graphDescribe", "graphKernels", "graphOrigins"];

    /// <summary>The user's members that cannot be where generated ones have to be, and what each of these is for.</summary>
    public static IEnumerable<(ISymbol Member, string Purpose)> Clashes(INamedTypeSymbol type)
    {
        if (type.IsStatic) yield break;
        var isModel = KnownTypes.Has(type, KnownTypes.Model);
        foreach (var (name, purpose) in Purposes(type, isModel))
        {
            // A member cannot have the name of its class.
            if (type.Name == name) yield return (type, purpose);
            foreach (var member in type.GetMembers(name))
                if (MemberBinder.IsUserWritten(member) && (member is not IMethodSymbol method || Values.Contains(name) || IsSame(type, method))) yield return (member, purpose);
        }
        if (!isModel) yield break;
        foreach (var clash in Inherited(type)) yield return clash;
        foreach (var method in type.GetMembers().OfType<IMethodSymbol>())
            if (MemberBinder.IsUserWritten(method) && Role(method) is null && Compiled(type).Any(c => c.Name == method.Name && c.Types.SequenceEqual(Types(method))))
                yield return (method, "the compiled method");
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
        if (type.GetMembers().OfType<IMethodSymbol>().Any(m => Role(m) == KnownTypes.Train)) yield return ("TrainStep", "the step of training");
    }

    static bool IsSame(INamedTypeSymbol type, IMethodSymbol method) => method.Name switch
    {
        "VisitModule" => Types(method).SequenceEqual(["Graph.IModuleVisitor", "string"]),
        "Create" => Types(method).SequenceEqual(["Graph.Device", "ulong", "int"]),
        "TrainStep" => type.GetMembers().OfType<IMethodSymbol>().Any(m => Role(m) == KnownTypes.Loss && Spans(m).SequenceEqual(Types(method))),
        _ => false, // Dispose() of the user's own: the generated one makes way.
    };

    // The signatures of compiled methods as far as source alone tells them: sizes that lengths do not give follow, and an entry may return a number.
    static IEnumerable<(string Name, IEnumerable<string> Types)> Compiled(INamedTypeSymbol type)
    {
        foreach (var method in type.GetMembers().OfType<IMethodSymbol>())
        {
            if (Role(method) == KnownTypes.Loss) yield return (method.Name, Spans(method));
            if (Role(method) != KnownTypes.Entry) continue;
            var results = method.ReturnType is INamedTypeSymbol { IsTupleType: true } tuple ? tuple.TupleElements.Select(e => e.Type) : [method.ReturnType];
            yield return (method.Name, Spans(method).Concat(results.Select(r => $"System.Span<{Element(r)}>")));
        }
    }

    static IEnumerable<string> Spans(IMethodSymbol method) => method.Parameters.Select(p => $"System.ReadOnlySpan<{Element(p.Type)}>");

    static string Element(ITypeSymbol tensor) => tensor is INamedTypeSymbol { TypeArguments: { Length: 1 } arguments } ? arguments[0].ToDisplayString() : "float";

    static IEnumerable<string> Types(IMethodSymbol method) => method.Parameters.Select(p => p.Type.ToDisplayString());

    static string? Role(IMethodSymbol method) => new[] { KnownTypes.Entry, KnownTypes.Loss, KnownTypes.Train }.FirstOrDefault(role => KnownTypes.Has(method, role));

    /// <summary>Whether members generated into a class may hide those of a base class: it derives from another model, or from a class that ends in its own way.</summary>
    public static bool Hides(INamedTypeSymbol type)
    {
        for (var based = type.BaseType; based is { SpecialType: not SpecialType.System_Object }; based = based.BaseType)
            if (KnownTypes.Has(based, KnownTypes.Model) || based.MemberNames.Contains("Dispose")) return true;
        return false;
    }
}
