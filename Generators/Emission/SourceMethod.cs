using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Modules;
using Graph.Compiler.Planning;
using Microsoft.CodeAnalysis.CSharp;

namespace Graph.Generators.Emission;

/// <summary>An entry, loss or optimizer as source alone tells it, and the members that may be compiled from it. (Which of them, the shapes of its results decide.)</summary>
/// <param name="Name">Its name.</param>
/// <param name="Role">Entry, loss or optimizer.</param>
/// <param name="Loss">The loss that an optimizer names; null for the only one.</param>
/// <param name="Arguments">Name, element type and shape of each parameter; null for an element type that tensors do not have.</param>
/// <param name="Results">Name (null for none) and element type of each result.</param>
/// <param name="IsDouble">An optimizer that trains the model in double precision: then its reals are float64.</param>
sealed record SourceMethod(
    string Name, MethodRole Role, string? Loss, IReadOnlyList<(string Name, DType? Element, IReadOnlyList<ShapeDim> Shape)> Arguments, IReadOnlyList<(string? Name, DType? Element)> Results, bool IsDouble)
{
    /// <summary>A bound method.</summary>
    public static SourceMethod Of(MethodDef method)
    {
        var returns = method.Returns;
        // As in programs: the elements of a tuple have names when all of them have.
        var names = returns.Kind == TypeKind.Tuple && returns.Name.Split(',') is { } all && all.Length == returns.Arguments.Count && all.All(n => n.Length > 0) ? all : null;
        return new(
            method.Name, method.Role, method.Train?.Loss, [.. method.Parameters.Select(p => (p.Name, ElementTypes.Of(p.Type), (IReadOnlyList<ShapeDim>)p.Shape))],
            returns.Kind == TypeKind.Tuple ? [.. returns.Arguments.Select((r, i) => (names?[i], ElementTypes.Of(r)))] : [(null, ElementTypes.Of(returns))],
            method.Train?.Precision == TrainingProgram.InDouble);
    }

    /// <summary>The members that may be compiled from the methods of a class: of an entry both the one that returns a number and the one that writes a tensor.</summary>
    public static IEnumerable<GeneratedMethod> Compiled(IReadOnlyList<SourceMethod> methods)
    {
        if (methods.Any(m => m.IsDouble)) methods = [.. methods.Select(m => m.Wide())];
        var seen = new HashSet<string>();
        var isOnly = methods.Count(m => m.Role == MethodRole.Train) == 1;
        return methods.SelectMany(method => method.Role switch
        {
            MethodRole.Entry => method.Entry(),
            MethodRole.Loss => method.Make(method.Name, MethodRole.Loss, [("loss", methods.Any(m => m.IsDouble) ? DType.F64 : DType.F32)], isNumber: true),
            // The arguments of a step are those of the loss.
            _ => methods.Where(m => m.Role == MethodRole.Loss && (method.Loss ?? m.Name) == m.Name).Take(1).SelectMany(loss => loss.Make(GeneratedMethod.StepOf(isOnly ? "" : method.Name), MethodRole.Train, [], isNumber: false)),
        }).Where(m => seen.Add(m.Key));
    }

    SourceMethod Wide()
    {
        static DType? Of(DType? type) => type == DType.F32 ? DType.F64 : type;
        return this with { Arguments = [.. Arguments.Select(a => (a.Name, Of(a.Element), a.Shape))], Results = [.. Results.Select(r => (r.Name, Of(r.Element)))] };
    }

    IEnumerable<GeneratedMethod> Entry()
    {
        var tensor = Make(Name, Role, Results, isNumber: false);
        return Results.Count == 1 ? tensor.Concat(Make(Name, Role, Results, isNumber: true)) : tensor;
    }

    // None for what holds elements that tensors do not have: nothing can be compiled from it.
    IEnumerable<GeneratedMethod> Make(string name, MethodRole role, IReadOnlyList<(string? Name, DType? Element)> results, bool isNumber)
    {
        if (Arguments.Any(a => a.Element is null or DType.BF16) || results.Any(r => r.Element is null or DType.BF16)) yield break;
        yield return GeneratedMethod.Make(
            name, "", role, Arguments.Select(a => new SignatureTensor(a.Name, ElementTypes.CSharp(a.Element!.Value), "")),
            [.. results.Select(r => new SignatureTensor(r.Name, ElementTypes.CSharp(r.Element!.Value), ""))], isNumber, DimSolver.UndeterminedOf(Arguments.Select(a => Shape(a.Shape))));
    }

    static Shape Shape(IReadOnlyList<ShapeDim> dims) => new(dims.Select(d => d.Symbol is { } name && SyntaxFacts.IsValidIdentifier(name) ? Dim.Symbol(name) : 1L));
}
