using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Modules;
using Graph.Compiler.Modules.Elaboration;
using Graph.Compiler.Training;
using Graph.Compiler.Planning;

namespace Graph.Generators.Emission;

/// <summary>What a parameter of a generated method is for.</summary>
public enum GeneratedParameterKind
{
    /// <summary>A tensor that goes in: a span to be read.</summary>
    Argument,
    /// <summary>A tensor that comes out: a span to be written.</summary>
    Result,
    /// <summary>The size of a named dimension that the lengths do not give.</summary>
    Size,
}

/// <summary>A parameter of a generated method.</summary>
/// <param name="Name">Its name, unique in the method; without the <c>@</c> of keywords.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="Element">The C# type of a span's elements.</param>
/// <param name="Shape">What documentation says of it: type and shape, or the dimension.</param>
public sealed record GeneratedParameter(string Name, GeneratedParameterKind Kind, string Element, string Shape)
{
    /// <summary>The C# type.</summary>
    public string Type => Kind switch
    {
        GeneratedParameterKind.Argument => $"global::System.ReadOnlySpan<{Element}>",
        GeneratedParameterKind.Result => $"global::System.Span<{Element}>",
        _ => "int",
    };
}

/// <summary>A tensor of a method, before names are given.</summary>
/// <param name="Name">What source calls it; null for a result without a name.</param>
/// <param name="Element">The C# type of its elements.</param>
/// <param name="Shape">What documentation says of it.</param>
readonly record struct SignatureTensor(string? Name, string Element, string Shape);

/// <summary>
/// The signature of a member that is compiled from an entry, a loss or the training step: the one account of names and types, which the generated class, the outline of a model with errors
/// and the check for members in the way all read. No two of its names are equal, whatever the source calls its arguments, results and dimensions.
/// </summary>
/// <param name="Name">Its name; without the <c>@</c> of keywords.</param>
/// <param name="Function">The program's function; empty where only source is known.</param>
/// <param name="Role">What it is compiled from; the training step has that of the optimizer.</param>
/// <param name="Returns">The C# type of the number that it returns; null when it returns none.</param>
/// <param name="Parameters">Arguments, then results, then sizes.</param>
public sealed record GeneratedMethod(string Name, string Function, MethodRole Role, string? Returns, EquatableArray<GeneratedParameter> Parameters)
{
    /// <summary>The training program whose step it is; empty for the only one, and for what is no step.</summary>
    public string Program { get; init; } = "";

    /// <summary>The name of a training program's step: <c>TrainStep</c>, or of several programs <c>Train</c> and the program's name.</summary>
    public static string StepOf(string program) => program.Length == 0 ? "TrainStep" : "Train" + program;

    /// <summary>Name and types: what no two members of a class share.</summary>
    public string Key => Name + "(" + string.Join(", ", Parameters.Select(p => p.Type)) + ")";

    /// <summary>The C# type before the name.</summary>
    public string ReturnType => Role == MethodRole.Train ? "global::Graph.StepResult" : Returns ?? "void";

    /// <summary>The parameters of a kind, in order.</summary>
    public IEnumerable<GeneratedParameter> Of(GeneratedParameterKind kind) => Parameters.Where(p => p.Kind == kind);

    /// <summary>A name for a variable of the body that hides no parameter.</summary>
    public string Local(string wish)
    {
        while (Parameters.Any(p => p.Name == wish)) wish = "_" + wish;
        return wish;
    }

    /// <summary>The members of a compiled model: its entries and losses in order, then the steps of its training programs.</summary>
    public static IEnumerable<GeneratedMethod> All(ElaboratedModel model, Program program)
    {
        foreach (var entry in model.Entries)
            if (program.Find(entry.Function) is { } function)
            {
                var isNumber = function.Results.Length == 1 && function.Results[0].Shape.Rank == 0;
                var results = function.Results.Select((r, i) => Tensor(i < function.ResultNames.Length && function.ResultNames[i].Length > 0 ? function.ResultNames[i] : null, r));
                yield return Make(entry.Method, function.Name, entry.Role, function.Parameters.Where(p => p.Name != TrainingSignature.CallSeed).Select(p => Tensor(p.Name, p)), [.. results], isNumber, DimSolver.UndeterminedOf(function, program));
            }
        // The runtime adds what a step takes beside the arguments of its loss.
        foreach (var training in program.Training)
            if (program.Find(TrainingSignature.Of(training).TrainStep) is { } step)
                yield return Make(StepOf(training.Name), step.Name, MethodRole.Train, TrainingSignature.LossArguments(step).Select(p => Whole(p)), [], false, DimSolver.UndeterminedOf(step, program)) with { Program = training.Name };
    }

    // Of a step in micro-batches callers see the batch.
    static SignatureTensor Whole(Value argument) => new(argument.Name, ElementTypes.CSharp(argument.DType), new TensorType(argument.DType, new(argument.Shape.Select(WholeOf))).ToString());

    static Dim WholeOf(Dim dim)
    {
        foreach (var symbol in dim.Symbols)
            if (DimSymbol.WholeOf(symbol) is var (whole, parts) && parts > 1 && Dim.TryDivide(dim, Dim.Symbol(symbol) * parts, out var factor)) return Dim.Symbol(whole) * factor;
        return dim;
    }

    static SignatureTensor Tensor(string? name, Value value) => new(name, ElementTypes.CSharp(value.DType), value.Type.ToString());

    internal static GeneratedMethod Make(string name, string function, MethodRole role, IEnumerable<SignatureTensor> arguments, IReadOnlyList<SignatureTensor> results, bool isNumber, IReadOnlyCollection<string> sizes)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        string Unique(string wish, string end)
        {
            var unique = wish;
            for (var i = 1; !names.Add(unique); i++) unique = wish + end + (i == 1 ? "" : FormattableString.Invariant($"{i}"));
            return unique;
        }

        var parameters = arguments.Select((a, i) => new GeneratedParameter(Unique(a.Name ?? FormattableString.Invariant($"argument{i}"), "Argument"), GeneratedParameterKind.Argument, a.Element, a.Shape)).ToList();
        // C# has no room for a second method of this name without parameters: there a number too is written where the caller says.
        var returns = isNumber && (parameters.Count > 0 || sizes.Count > 0) ? results[0].Element : null;
        if (returns is null)
            parameters.AddRange(results.Select((r, i) =>
                new GeneratedParameter(Unique(r.Name ?? (results.Count == 1 ? "result" : FormattableString.Invariant($"result{i}")), "Result"), GeneratedParameterKind.Result, r.Element, r.Shape)).ToList());
        parameters.AddRange(sizes.Select(size => new GeneratedParameter(Unique(size, "Size"), GeneratedParameterKind.Size, "", size)).ToList());
        return new(name, function, role, returns, parameters.ToEquatableArray());
    }
}
