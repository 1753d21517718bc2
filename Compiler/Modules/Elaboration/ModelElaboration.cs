using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Text;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>One elaboration: dimensions, construction, paths, then each function of the model.</summary>
sealed partial class ModelElaboration
{
    readonly ModuleDef model;
    readonly Definitions definitions;
    readonly OperationSet operations;
    readonly List<GraphDiagnostic> diagnostics = [];
    readonly Dictionary<string, DimSymbol> dims = new(StringComparer.Ordinal);
    readonly List<DimSymbol> dimOrder = [];
    readonly Evaluator evaluator;
    Instance instance = null!;
    Outline outline = null!;
    Program program;

    public ModelElaboration(ModuleDef model, IReadOnlyDictionary<string, ModuleDef> modules, OperationSet operations, IReadOnlyList<TargetModel> targets, CancellationToken cancel)
    {
        this.model = model;
        this.operations = operations;
        definitions = new(model, modules);
        evaluator = new(definitions, operations, dims, targets, cancel);
        program = new(ShortName, [], [], [], operations);
        Dims(model, modules);
    }

    string ShortName => DefinitionName.Short(model.Name);

    public ElaborationResult Run()
    {
        ElaboratedModel? result = null;
        // What a mistake left of the model is looked at all the same: other mistakes have nothing to do with it.
        if (diagnostics.Count == 0 && Try(Construct)) result = Functions();
        return diagnostics.Count > 0 ? new(null, [.. evaluator.Reached.Concat(diagnostics).Distinct()]) : new(result, []);
    }

    // The [Dim] attributes of the model and its bases; the model's own win.
    void Dims(ModuleDef of, IReadOnlyDictionary<string, ModuleDef> modules)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var module = of; module is not null && seen.Add(module.Name); module = module.Base is { } parent && modules.TryGetValue(parent.Module, out var next) ? next : null)
            foreach (var dim in module.Dims)
            {
                if (dims.ContainsKey(dim.Name)) continue;
                if (dim.Max < 1)
                    Report(DiagnosticIds.WrongDimension, dim.Location, $"The dimension {dim.Name} needs an upper bound of at least 1: [Dim(\"{dim.Name}\", Max = 64)].");
                else if (dim.Typical < 0 || dim.Typical > dim.Max)
                    Report(DiagnosticIds.WrongDimension, dim.Location, FormattableString.Invariant($"The dimension {dim.Name} is typically {dim.Typical}, which is not between 1 and its upper bound {dim.Max}."));
                var symbol = new DimSymbol(dim.Name, Math.Max(1, dim.Max), dim.Typical == 0 ? Math.Max(1, dim.Max) : dim.Typical);
                dims[dim.Name] = symbol;
                dimOrder.Add(symbol);
            }
        program = program with { Dims = [.. dimOrder] };
    }

    void Report(string id, Location location, string message) => diagnostics.Add(new(id, location, message));

    /// <summary>Runs a part of the elaboration; an error ends the part and is kept.</summary>
    bool Try(Action part)
    {
        try
        {
            part();
            Take();
            return true;
        }
        catch (ElaborationException e)
        {
            Take(e.Diagnostic);
        }
        catch (PoisonedException)
        {
            Take();
            if (diagnostics.Count == 0) Report(DiagnosticIds.Internal, model.Location, $"The model compiler has a defect: something in {ShortName} was given up without a reason.");
        }
        catch (OperationCanceledException)
        {
            throw;
        }
        catch (Exception e)
        {
            // No input may end the compiler: whatever went wrong is reported where it did.
            Take(evaluator.Unforeseen(e));
        }
        return false;
    }

    // Two functions that come to one mistake report it once.
    void Take(GraphDiagnostic? last = null)
    {
        foreach (var mistake in evaluator.TakeMistakes().Concat(last is null ? [] : [last]))
            if (diagnostics.All(d => d.Id != mistake.Id || d.Location != mistake.Location || d.Location == Location.None)) diagnostics.Add(mistake);
    }

    void Construct()
    {
        evaluator.Enter(ShortName, model.Name, null, model.Location);
        var constructor = model.Constructors.OrderBy(c => c.Parameters.Count).FirstOrDefault(c => c.Parameters.All(p => p.Default is not null));
        if (constructor is null && model.Constructors.Count > 0)
        {
            var open = model.Constructors[0].Parameters.First(p => p.Default is null);
            throw evaluator.Fail(DiagnosticIds.OpenModel, open.Location,
                $"The model {ShortName} cannot be compiled: its constructor parameter {open.Name} has no value. Give it a default, or derive a [Model] that passes it to its base.");
        }
        var arguments = constructor?.Parameters.Select(p => evaluator.Evaluate(p.Default!, new Scope(null))).ToArray() ?? [];
        instance = evaluator.Construct(model.Name, constructor?.Id ?? ".ctor()", arguments, model.Location);
        instance.IsOpen = false;
        var walk = new StateWalk(definitions);
        walk.Visit(instance, "");
        if (walk.Clash() is var (first, second))
            throw evaluator.Fail(DiagnosticIds.DuplicatePath, second.Location, $"Two {(second.Kind == StateKind.Parameter ? "parameters" : "states")} have the path {second.Path}: the other is made at {first.Location}. Name one of them differently.");
        evaluator.Handles = walk.Handles.ToDictionary(h => h.Path!, StringComparer.Ordinal);
        CheckStored("The parameters and states", walk.Handles.Sum(h => SizeLimits.Elements(h.Type.Shape, dims) * (IsDouble() ? 8 : 4)), model.Location);
        program = program with { States = [.. walk.Handles.Select(h => h.Declaration)], Precisions = ModulePrecisions(walk), Checkpoints = [.. walk.Checkpoints] };
    }

    ImmutableArray<ModulePrecision> ModulePrecisions(StateWalk walk)
    {
        foreach (var (path, of) in walk.Precisions)
            if (of.Precision is not (Precisions.Float32 or Precisions.Float16 or Precisions.BFloat16))
                throw evaluator.Fail(DiagnosticIds.TrainingSetting, of.Location, $"{(path.Length > 0 ? path : ShortName)} is marked [Precision(Precision.{of.Precision})], but a part of a model of 16 bits computes in Float32, Float16 or BFloat16.");
        return [.. walk.Precisions.Select(p => new ModulePrecision(p.Path, p.Precision.Precision)).GroupBy(p => p.Path).Select(g => g.First())];
    }

    // All of a kind lie in one block.
    void CheckStored(string what, double bytes, Location location)
    {
        if (bytes > SizeLimits.MostStored)
            throw evaluator.Fail(DiagnosticIds.TooManyElements, location, $"{what} of {ShortName} take {SizeLimits.Bytes(bytes)}, but a model holds at most {SizeLimits.Bytes(SizeLimits.MostStored)} of them.");
    }

    ElaboratedModel Functions()
    {
        var methods = Methods();
        outline = new(program, evaluator.OriginAt);
        var functions = ImmutableArray.CreateBuilder<Function>();
        var entries = ImmutableArray.CreateBuilder<EntrySpec>();
        var losses = methods.Where(m => m.Method.Role == MethodRole.Loss).ToArray();
        var train = methods.Where(m => m.Method.Role == MethodRole.Train).ToArray();
        // The only way to train a model has no name; several are called after their methods.
        var programs = train.Select(t => (t.Method, t.Type, Loss: Trained(losses, t.Method), Signature: new TrainingSignature(train.Length == 1 ? "" : t.Method.Name))).ToArray();
        string LossName(MethodDef loss) => losses.Length == 1 || (programs.Length == 1 && programs[0].Loss == loss) ? TrainingSignature.Loss : SnakeCase(loss.Name);

        void Add(MethodDef method, ClassDef type, string name, FunctionMode mode)
        {
            // The functions of training keep their names even in a model without training.
            if (mode != FunctionMode.Step && TrainingSignature.Reserved.Contains(name))
                Report(DiagnosticIds.DuplicateFunction, method.Location, $"{method.Name} would be named {name}, as is a function that training makes. Rename {method.Name}.");
            else if (functions.Any(f => f.Name == name))
                Report(DiagnosticIds.DuplicateFunction, method.Location, $"Two functions of {ShortName} would be named {name}. Rename {method.Name}.");
            else Try(() => functions.Add(Build(method, type, name, mode)));
        }

        foreach (var (method, type) in methods)
            if (method.Role == MethodRole.Entry)
            {
                Add(method, type, SnakeCase(method.Name), method.IsTraining ? FunctionMode.TrainingEntry : FunctionMode.Evaluation);
                entries.Add(new(method.Name, SnakeCase(method.Name), MethodRole.Entry));
            }
        foreach (var (method, type) in losses)
        {
            Add(method, type, LossName(method), FunctionMode.Evaluation);
            entries.Add(new(method.Name, LossName(method), MethodRole.Loss));
            // What failed in evaluation mode would fail again.
            foreach (var p in programs)
                if (p.Loss == method && diagnostics.Count == 0) Add(method, type, p.Signature.ForwardLoss, FunctionMode.Step);
        }
        var training = ImmutableArray.CreateBuilder<TrainingProgram>();
        foreach (var p in programs)
            if (p.Loss is { } loss)
                Try(() =>
                {
                    var (spec, rules) = Optimizer(p.Method, p.Type, LossName(loss), p.Signature);
                    CheckReaches(p.Method, loss, spec, functions.FirstOrDefault(f => f.Name == p.Signature.ForwardLoss));
                    CheckMicroBatches(p.Method, spec, functions.FirstOrDefault(f => f.Name == p.Signature.ForwardLoss));
                    training.Add(spec);
                    functions.AddRange(rules);
                });
        var elaborated = program with { States = program.States.AddRange(evaluator.Arrays), Functions = [.. outline.Functions, .. functions], Training = training.ToImmutable(), Exact = [.. methods.Where(m => m.Method.IsExact).Select(m => SnakeCase(m.Method.Name))] };
        return new(IsDouble() ? RealTypes.InDouble(elaborated) : elaborated, entries.ToImmutable(), [.. evaluator.Origins]) { Further = Further(elaborated, [.. train.Select(t => t.Method)]) };
    }

    // All programs of a model name the same precisions; each scales its loss as it says.
    static ImmutableArray<Program> Further(Program program, ImmutableArray<MethodDef> train) =>
        [.. (train.FirstOrDefault()?.Train?.FurtherPrecisions ?? []).Select(precision => program with
        {
            Training = [.. program.Training.Select((t, i) => t with { Precision = precision, LossScale = LossScaling.Setting(precision, train[i].Train?.LossScale ?? 0) })],
        })];

    // Parameters have one type, so all of a model is in double precision or none of it.
    bool IsDouble() => Methods().Any(m => m.Method.Train?.Precision == TrainingProgram.InDouble);

    // A program whose loss sees none of what it may change would train nothing and say nothing.
    void CheckReaches(MethodDef train, MethodDef loss, TrainingProgram training, Function? forward)
    {
        if (forward is null || training.Rules.IsEmpty || train.Train is not { } wanted || (wanted.Updates.Count == 0 && wanted.Freezes.Count == 0)) return;
        var reached = new HashSet<string>(forward.States.Select(s => s.State!));
        if (!training.Rules.SelectMany(r => r.Parameters).Any(reached.Contains))
            throw evaluator.Fail(DiagnosticIds.NothingTrained, train.Location, $"{train.Name} updates {Some(training.Rules.SelectMany(r => r.Parameters))}, but its loss {loss.Name} reads none of them, so it would change nothing.");
    }

    void CheckMicroBatches(MethodDef train, TrainingProgram training, Function? forward)
    {
        if (training.MicroBatches == 1 || forward is null) return;
        if (MicroBatching.Problem([.. forward.Parameters.Where(p => !TrainingSignature.OwnArguments.Contains(p.Name!)).Select(p => new NamedTensor(p.Name!, p.Type))], training.MicroBatches, program.Dims) is { } problem)
            throw evaluator.Fail(DiagnosticIds.MicroBatches, train.Location, FormattableString.Invariant($"{train.Name} trains in {training.MicroBatches} micro-batches, but {problem}."));
    }

    MethodDef? Trained((MethodDef Method, ClassDef Type)[] losses, MethodDef train)
    {
        var named = train.Train?.Loss;
        var fitting = named is null ? losses : losses.Where(l => l.Method.Name == named).ToArray();
        if (fitting.Length == 1) return fitting[0].Method;
        Report(DiagnosticIds.Train, train.Location, fitting.Length == 0
            ? $"{train.Name} gives an optimizer, but {ShortName} has no method marked [Loss]{(named is null ? "" : " named " + named)} for it to make small."
            : $"{ShortName} has several losses: say which one {train.Name} makes small, [Train(Loss = nameof({fitting[0].Method.Name}))].");
        return null;
    }

    /// <summary>The methods with a role, bases first, each at its most derived override.</summary>
    List<(MethodDef Method, ClassDef Type)> Methods()
    {
        var found = new List<(MethodDef Method, ClassDef Type)>();
        foreach (var type in definitions.Chain(model.Name).Reverse())
            foreach (var method in type.Methods)
            {
                var at = found.FindIndex(f => f.Method.Id == method.Id);
                if (at >= 0) found[at] = (method with { Role = method.Role == MethodRole.None ? found[at].Method.Role : method.Role, IsTraining = method.Role == MethodRole.None ? found[at].Method.IsTraining : method.IsTraining, IsExact = method.Role == MethodRole.None ? found[at].Method.IsExact : method.IsExact, Train = method.Train ?? found[at].Method.Train }, type);
                else if (method.Role != MethodRole.None) found.Add((method, type));
            }
        return found;
    }

    static string SnakeCase(string name)
    {
        var text = new StringBuilder();
        for (var i = 0; i < name.Length; i++)
        {
            if (char.IsUpper(name[i]) && i > 0 && (!char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1]))) && text[text.Length - 1] != '_') text.Append('_');
            text.Append(char.ToLowerInvariant(name[i]));
        }
        return text.ToString();
    }
}
