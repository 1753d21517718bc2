using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Modules;
using Graph.Compiler.Modules.Elaboration;
using Graph.Compiler.Planning;

namespace Graph.Generators.Emission;

/// <summary>The texts that a model's class embeds, packed.</summary>
/// <param name="Modules">The definitions of the model and of the modules it uses.</param>
/// <param name="Elaborated">The elaborated program.</param>
/// <param name="Scheduled">The fused, scheduled program, from which the runtime plans.</param>
/// <param name="Fingerprint">Of the generated kernels: the runtime compares it with the kernels that it derives itself.</param>
/// <param name="KernelClass">The full name of the class with the kernels, which the model's own source does not name.</param>
sealed record ModelTexts(string Modules, string Elaborated, string Scheduled, string Fingerprint, string KernelClass);

/// <summary>Writes the generated half of a model's class: a descriptor, <c>Create</c>, and one thin method for each entry, the loss and the training step.</summary>
static class ModelSource
{
    public const string Execution = "global::Graph.Runtime.Execution.";

    public static string Write(ClassDeclaration declaration, ModuleDef definition, ElaboratedModel model, Program scheduled, ModelTexts texts)
    {
        var writer = new SourceWriter();
        var name = declaration.Name;
        Head(writer, declaration);
        var hiding = Hiding(declaration);
        Descriptor(writer, model, name, texts);
        Creation(writer, name, hiding);
        foreach (var entry in model.Entries)
            if (scheduled.Find(entry.Function) is { } function)
                Method(writer, entry.Method, function, scheduled, entry.Role, hiding);
        if (scheduled.Find("train_step") is { } step) TrainStep(writer, step, scheduled, hiding);
        Disposal(writer, definition, hiding);
        writer.Close();
        foreach (var _ in declaration.Containers) writer.Close();
        return writer.ToString();
    }

    /// <summary>Opens the class and what is around it.</summary>
    public static void Head(SourceWriter writer, ClassDeclaration declaration)
    {
        writer.Line("#nullable enable");
        // Which members of a base class a member hides depends on their shapes too.
        if (declaration.Hides) writer.Line("#pragma warning disable CS0109");
        writer.Line();
        if (declaration.Namespace.Length > 0)
        {
            writer.Line($"namespace {declaration.Namespace};");
            writer.Line();
        }
        foreach (var container in declaration.Containers) writer.Open(container);
        writer.Open($"partial class {declaration.Name} : global::Graph.IModel<{declaration.Name}>");
    }

    /// <summary>The modifier of members that may hide those of a base class.</summary>
    public static string Hiding(ClassDeclaration declaration) => declaration.Hides ? "new " : "";

    static void Descriptor(SourceWriter writer, ElaboratedModel model, string name, ModelTexts texts)
    {
        writer.Line($"static readonly {Execution}CompiledModelDescriptor graphDescriptor = graphDescribe();");
        writer.Line();
        writer.Line("// In files of their own, which an editor may leave out.");
        writer.Line($"static partial {PartSource.KernelPart};");
        writer.Line();
        writer.Line($"static partial {PartSource.OriginPart};");
        writer.Line();
        writer.Open($"static {Execution}CompiledModelDescriptor graphDescribe()");
        writer.Line("global::System.Func<int, nint>? address = null;");
        writer.Line("var places = \"\";");
        writer.Line("graphKernels(ref address);");
        writer.Line("graphOrigins(ref places);");
        writer.Open("return new()");
        writer.Line($"Name = {Literal(name.TrimStart('@'))},");
        writer.Line($"Modules = {Literal(texts.Modules)},");
        writer.Line($"Elaborated = {Literal(texts.Elaborated)},");
        writer.Line($"Scheduled = {Literal(texts.Scheduled)},");
        writer.Line($"KernelFingerprint = {Literal(texts.Fingerprint)},");
        writer.Line($"KernelAddress = address ?? {Execution}CompiledModelDescriptor.WithoutKernels({Literal(name.TrimStart('@'))}),");
        writer.Line("Origins = places,");
        if (model.Training is { } training)
        {
            if (training.LearningRate is { } rate) writer.Line($"LearningRate = {((float)rate).ToString("R", CultureInfo.InvariantCulture)}f,");
            if (training.ClipNorm is { } clip) writer.Line($"ClipNorm = {clip.ToString("R", CultureInfo.InvariantCulture)},");
            writer.Line($"OptimizerStates = [{string.Join(", ", (training.OptimizerStates.IsDefault ? [] : training.OptimizerStates).Select(Literal))}],");
            writer.Line($"Precision = {Literal(training.Precision)},");
            writer.Line($"Optimizer = {Literal(training.Optimizer)},");
        }
        writer.Close(";");
        writer.Close();
        writer.Line();
    }

    static void Creation(SourceWriter writer, string name, string hiding)
    {
        writer.Line($"{Execution}ModelInstance? graphInstance;");
        writer.Line();
        writer.Line($"{Execution}ModelInstance global::Graph.IModel.Instance => graphInstance ?? throw {Execution}ModelInstance.NotCreated({Literal(name.TrimStart('@'))});");
        writer.Line();
        writer.Line($"static {name} global::Graph.IModel<{name}>.Over({Execution}ModelInstance instance) => new() {{ graphInstance = instance }};");
        writer.Line();
        writer.Line("/// <summary>Every stage of the compiler as text.</summary>");
        writer.Line($"public static {hiding}global::Graph.ModelIr Ir => graphDescriptor.Ir;");
        writer.Line();
        writer.Line("/// <summary>A model with fresh parameters.</summary>");
        writer.Line("/// <param name=\"device\">Where it computes.</param>");
        writer.Line("/// <param name=\"seed\">Decides the first parameters and every random number of training.</param>");
        writer.Line("/// <param name=\"threads\">How many CPU threads it uses; 0 takes one a core. The results do not depend on it.</param>");
        writer.Line($"public static {hiding}{name} Create(global::Graph.Device device = default, ulong seed = 0, int threads = 0) =>");
        writer.Line($"{Execution}ModelInstance.Wrap<{name}>(graphDescriptor.Create(device, seed, threads));", 1);
    }

    static void Method(SourceWriter writer, string method, Function function, Program program, MethodRole role, string hiding)
    {
        var scalar = function.Results.Length == 1 && function.Results[0].Shape.Rank == 0;
        var arguments = function.Parameters.Select(p => (Name: Identifier(p.Name!), p.Type)).ToList();
        var results = scalar ? [] : function.Results.Select((r, i) => (Name: Result(function, i), r.Type)).ToList();
        var returns = scalar ? Element(function.Results[0].DType) : "void";
        writer.Line();
        writer.Line($"/// <summary><c>{method}</c>, compiled{(role == MethodRole.Loss ? ": the loss in evaluation mode" : "")}.</summary>");
        foreach (var (name, type) in arguments.Concat(results)) writer.Line($"/// <param name=\"{name.TrimStart('@')}\">{type}, row-major.</param>");
        var extra = Undetermined(writer, function, program);
        var signature = arguments.Select(a => $"global::System.ReadOnlySpan<{Element(a.Type.DType)}> {a.Name}")
            .Concat(results.Select(r => $"global::System.Span<{Element(r.Type.DType)}> {r.Name}"))
            .Concat(extra.Select(d => $"int {DimParameter(d)}"));
        writer.Open($"public {hiding}unsafe {returns} {Identifier(method)}({string.Join(", ", signature)})");
        if (scalar) writer.Line($"{returns} graphResult;");
        var pointers = Fixed(writer, arguments.Select(a => a.Name).Concat(results.Select(r => r.Name)));
        if (scalar) pointers.Add("new(&graphResult, 1)");
        writer.Line($"((global::Graph.IModel)this).Instance.Run({Literal(function.Name)}, [{string.Join(", ", pointers)}]{Binding(extra)});", arguments.Count + results.Count > 0 ? 1 : 0);
        if (scalar) writer.Line("return graphResult;");
        writer.Close();
    }

    static void TrainStep(SourceWriter writer, Function function, Program program, string hiding)
    {
        // The runtime adds learning rate, step and seed, which come last.
        var arguments = function.Parameters.Take(function.Parameters.Length - 3).Select(p => (Name: Identifier(p.Name!), p.Type)).ToList();
        writer.Line();
        writer.Line("/// <summary>One step of training: forward, backward, clipping and the optimizer in one program.</summary>");
        foreach (var (name, type) in arguments) writer.Line($"/// <param name=\"{name.TrimStart('@')}\">{type}, row-major.</param>");
        var extra = Undetermined(writer, function, program);
        var signature = arguments.Select(a => $"global::System.ReadOnlySpan<{Element(a.Type.DType)}> {a.Name}").Concat(extra.Select(d => $"int {DimParameter(d)}"));
        writer.Open($"public {hiding}unsafe global::Graph.StepResult TrainStep({string.Join(", ", signature)})");
        var pointers = Fixed(writer, arguments.Select(a => a.Name));
        writer.Line($"return ((global::Graph.IModel)this).Instance.TrainStep([{string.Join(", ", pointers)}]{Binding(extra)});", arguments.Count > 0 ? 1 : 0);
        writer.Close();
    }

    static void Disposal(SourceWriter writer, ModuleDef definition, string hiding)
    {
        var taken = definition.Methods.Any(m => m.Id == "Dispose()");
        writer.Line();
        writer.Line("/// <summary>Frees the model's memory; more than once does no harm.</summary>");
        writer.Line(taken ? "void global::System.IDisposable.Dispose() => graphInstance?.Dispose();" : $"public {hiding}void Dispose() => graphInstance?.Dispose();");
    }

    static ImmutableArray<string> Undetermined(SourceWriter writer, Function function, Program program)
    {
        var extra = DimSolver.UndeterminedOf(function, program);
        foreach (var dim in extra) writer.Line($"/// <param name=\"{DimParameter(dim)}\">The size {dim}, which the lengths alone do not give.</param>");
        return extra;
    }

    static List<string> Fixed(SourceWriter writer, IEnumerable<string> names)
    {
        var pointers = new List<string>();
        foreach (var name in names)
        {
            writer.Line($"fixed (void* graph{pointers.Count} = {name})");
            pointers.Add($"new(graph{pointers.Count}, {name}.Length)");
        }
        return pointers;
    }

    static string Binding(ImmutableArray<string> extra) => extra.IsEmpty ? "" : ", [" + string.Join(", ", extra.Select(DimParameter)) + "]";

    static string Result(Function function, int index)
    {
        var name = index < function.ResultNames.Length && function.ResultNames[index].Length > 0 ? function.ResultNames[index] : function.Results.Length == 1 ? "result" : "result" + index;
        while (function.Parameters.Any(p => p.Name == name)) name += "Result";
        return Identifier(name);
    }

    /// <summary>The parameter for a size that lengths do not give.</summary>
    public static string DimParameter(string dim) => "dim" + dim;

    static string Element(DType type) => type switch
    {
        DType.F64 => "double",
        DType.F16 => "global::System.Half",
        DType.I64 => "long",
        DType.I32 => "int",
        DType.I8 => "sbyte",
        DType.Bool => "bool",
        _ => "float",
    };

    /// <summary>A name as C# writes it: names of members and arguments may be keywords there.</summary>
    public static string Identifier(string name) => Microsoft.CodeAnalysis.CSharp.SyntaxFacts.GetKeywordKind(name) == Microsoft.CodeAnalysis.CSharp.SyntaxKind.None ? name : "@" + name;

    static string Literal(string text) => Microsoft.CodeAnalysis.CSharp.SymbolDisplay.FormatLiteral(text, quote: true);
}
