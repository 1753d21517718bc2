using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Planning;
using Graph.Compiler.Training;

namespace Graph.Compiler.Modules.Elaboration;

sealed partial class ModelElaboration
{
    /// <summary>An optimizer's <c>Update</c>, where it stands, and the [Train] method that made it.</summary>
    sealed record Rule(Instance Optimizer, MethodDef Update, ClassDef Owner, MethodDef Train);

    /// <summary>An <c>Update</c> as it came out for one parameter: its function and the states that it keeps.</summary>
    sealed record RuleFunction(Function Function, ImmutableArray<string> States);

    /// <summary>Evaluates a [Train] method to an optimizer, and its rule for every parameter that it updates.</summary>
    (TrainingProgram Training, ImmutableArray<Function> Rules) Optimizer(MethodDef train, ClassDef type, string loss, TrainingSignature signature)
    {
        evaluator.Enter(ShortName, model.Name, null, train.Location);
        if (!train.IsStatic || train.Parameters.Count > 0)
            throw evaluator.Fail(DiagnosticIds.Train, train.Location, $"{train.Name} is marked [Train], so it has to be static and without parameters.");
        if (evaluator.Call(train, null, type.Name, type.IsOwn, [], train.Location) is not Instance { Type.IsModule: true } optimizer)
            throw evaluator.Fail(DiagnosticIds.Train, train.Location, $"{train.Name} is marked [Train], so it has to return an optimizer: a module with a method Update.");
        var chain = definitions.Chain(optimizer.Type.Name).ToArray();
        var (update, owner) = chain.SelectMany(c => c.Methods.Select(m => (m, c))).FirstOrDefault(p => p.m.Name == "Update" && (p.m.Body is not null || !p.m.Failure.IsEmpty));
        if (update is null)
            throw evaluator.Fail(DiagnosticIds.Train, train.Location, $"{optimizer.Type.ShortName} has no method Update, so it is no optimizer.");
        var clip = train.Train?.ClipNorm ?? 0;
        var rate = LearningRate(chain, optimizer);
        if (rate is { } number && (double.IsNaN(number) || Math.Abs(number) > float.MaxValue))
            throw evaluator.Fail(DiagnosticIds.TrainingSetting, train.Location, FormattableString.Invariant($"{train.Name} makes an optimizer with a learning rate of {number}, which is no 32-bit number. Rates lie between 1e-6 and 1."));

        var rule = new Rule(optimizer, update, owner, train);
        var (rules, functions) = Rules(rule, Updated(train), signature);
        CheckStored("The optimizer's states", rules.Sum(r => r.States.Length * r.Parameters.Sum(p => SizeLimits.Elements(program.FindState(p)!.Type.Shape, dims) * 4)), train.Location);
        var precision = train.Train?.Precision ?? Precisions.Float32;
        return (new(signature.Program, loss, clip > 0 ? clip : null, precision, rate, Mismatch.Construction(optimizer)) { Rules = rules, LossScale = LossScaling.Setting(precision, train.Train?.LossScale ?? 0), Moments = Precisions.Narrow(train.Train?.Moments ?? ""), HasMasters = train.Train?.HasMasters ?? true, WithoutMasters = WithoutMasters(train), MicroBatches = Math.Max(1, train.Train?.MicroBatches ?? 1), MemoryBudget = train.Train?.MemoryBudget is { } budget ? ByteSize.Parse(budget) : null }, functions);
    }

    ImmutableArray<StateDecl> Parameters => [.. program.States.Where(s => s.Kind == StateKind.Parameter)];

    ParameterPattern[] Patterns(MethodDef train, EquatableArray<string> texts, string what) => [.. texts.Select(text =>
    {
        var (pattern, parameters) = (new ParameterPattern(text), Parameters);
        return parameters.Any(p => pattern.Fits(p.Path)) ? pattern
            : throw evaluator.Fail(DiagnosticIds.UnknownParameter, train.Location, $"{what} = \"{text}\" of {train.Name} fits no parameter of {ShortName}, which has {Some(ParameterPattern.Known(parameters.Select(p => p.Path)))}.");
    })];

    // The parameters that are stored in 16 bits alone.
    ImmutableArray<string> WithoutMasters(MethodDef train) =>
        Patterns(train, train.Train?.WithoutMasters ?? [], "WithoutMasters") is { Length: > 0 } patterns ? [.. Parameters.Select(p => p.Path).Where(path => patterns.Any(p => p.Fits(path)))] : [];

    // The parameters that a [Train] method names, or all; the others are frozen.
    ImmutableArray<StateDecl> Updated(MethodDef train)
    {
        var parameters = Parameters;
        var updates = Patterns(train, train.Train?.Updates ?? [], "Updates");
        var freezes = Patterns(train, train.Train?.Freezes ?? [], "Freezes");
        var chosen = parameters.Where(p => (updates.Length == 0 || updates.Any(u => u.Fits(p.Path))) && !freezes.Any(f => f.Fits(p.Path))).ToImmutableArray();
        if (chosen.IsEmpty && !parameters.IsEmpty)
            throw evaluator.Fail(DiagnosticIds.NothingTrained, train.Location, $"{train.Name} updates no parameter of {ShortName}: all that Updates names, Freezes names too.");
        return chosen;
    }

    static string Some(IEnumerable<string> names)
    {
        var all = names.ToArray();
        return string.Join(", ", all.Take(8)) + (all.Length > 8 ? FormattableString.Invariant($" and {all.Length - 8} more") : "");
    }

    /// <summary>
    /// The rule for each parameter: what does the same to every element is one function of a flat parameter, whatever their shapes; the rest are functions of a shape, or of one parameter where the rule
    /// asks for its path.
    /// </summary>
    (ImmutableArray<UpdateRule> Rules, ImmutableArray<Function> Functions) Rules(Rule rule, ImmutableArray<StateDecl> parameters, TrainingSignature signature)
    {
        var size = FlatSize();
        var byParameter = new Dictionary<(Shape, string), (RuleFunction Rule, string Text)>();
        var byText = new Dictionary<string, (RuleFunction Rule, List<string> Parameters)>(StringComparer.Ordinal);
        var order = new List<string>();
        foreach (var parameter in parameters)
        {
            var key = (parameter.Type.Shape, rule.Update.Parameters.Any(IsPath) ? parameter.Path : "");
            if (!byParameter.TryGetValue(key, out var made))
            {
                var flat = Flat(RuleOf(rule, parameter), size);
                byParameter[key] = made = (flat, ProgramPrinter.Print(flat.Function));
            }
            var (function, text) = made;
            if (!byText.TryGetValue(text, out var known))
            {
                byText[text] = known = (function, []);
                order.Add(text);
            }
            known.Parameters.Add(parameter.Path);
        }
        var named = order.Select((text, i) => (Name: signature.Update + (i == 0 ? "" : "." + i.ToString(System.Globalization.CultureInfo.InvariantCulture)), byText[text].Rule, byText[text].Parameters)).ToArray();
        if (named.Any(n => n.Rule.Function.Parameters.Any(p => p.Shape.Any(d => d.IsSymbol(out var symbol) && symbol == size.Name))) && program.Dims.All(d => d.Name != size.Name))
            program = program with { Dims = program.Dims.Add(size) };
        return ([.. named.Select(n => new UpdateRule(n.Name, n.Rule.States, [.. n.Parameters]))], [.. named.Select(n => Renamed(n.Rule.Function, n.Name))]);
    }

    static Function Renamed(Function f, string name) => new(name, f.Parameters, f.States, f.Nodes, f.Results, f.Updates, f.ResultNames);

    static bool IsPath(ParameterDef parameter) => parameter is { Name: "path", Type.Kind: TypeKind.String };

    // The rule for one parameter, with its shape and path.
    RuleFunction RuleOf(Rule rule, StateDecl parameter)
    {
        var (optimizer, update, owner, train) = (rule.Optimizer, rule.Update, rule.Owner, rule.Train);
        var type = new TensorType(DType.F32, parameter.Type.Shape);
        var builder = new Builder(program, "update");
        evaluator.Enter(ShortName, model.Name, null, train.Location);
        evaluator.Function = new(builder, isTraining: true, seed: null, keepsStates: true);
        // The signature is fixed whatever the order of the C# parameters: value, gradient, states…, learning rate, step.
        var given = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["value"] = builder.Argument(type, TrainingSignature.Value),
            ["gradient"] = builder.Argument(type, TrainingSignature.Gradient),
        };
        var states = update.Parameters.Where(p => p.IsState).ToArray();
        if (states.FirstOrDefault(s => SnakeCase(s.Name) is TrainingSignature.Value or TrainingSignature.Gradient or TrainingSignature.LearningRate or TrainingSignature.Step) is { } taken)
            throw evaluator.Fail(DiagnosticIds.OptimizerUpdate, Place(owner, taken.Location, train), $"The state {taken.Name} of {optimizer.Type.ShortName}.Update has the name of something else that every Update is given. Rename it.");
        foreach (var state in states) given[state.Name] = builder.Argument(type, SnakeCase(state.Name));
        given["learningRate"] = builder.Argument(new(DType.F32, Shape.Scalar), TrainingSignature.LearningRate);
        given["step"] = builder.Argument(new(DType.I64, Shape.Scalar), TrainingSignature.Step);
        var arguments = update.Parameters.Select(p => IsPath(p) ? parameter.Path : given.TryGetValue(p.Name, out var value) ? value
            : throw evaluator.Fail(DiagnosticIds.OptimizerUpdate, Place(owner, p.Location, train), $"The parameter {p.Name} of {optimizer.Type.ShortName}.Update is none of value, gradient, learningRate, step and string path, and is not marked [State].")).ToArray();

        var returned = evaluator.Call(update, optimizer, owner.Name, owner.IsOwn, arguments, train.Location);
        var results = returned is TupleValue tuple ? tuple.Items : [returned];
        if (results.Length != states.Length + 1)
            throw evaluator.Fail(DiagnosticIds.OptimizerUpdate, Place(owner, update.Location, train), $"{optimizer.Type.ShortName}.Update has {states.Length} states, so it returns {states.Length + 1} tensors (the value, then the states), but it returns {results.Length}.");
        var values = results.Select(r => evaluator.Tensor(r, update.Location)).ToImmutableArray();
        for (var i = 0; i < values.Length; i++)
            if (values[i].Type != type)
                throw evaluator.Fail(DiagnosticIds.OptimizerUpdate, Place(owner, update.Location, train), $"{optimizer.Type.ShortName}.Update returns {values[i].Type} for {(i == 0 ? "the value" : "the state " + states[i - 1].Name)} of {parameter.Path}, which has to keep its type {type}.");
        // A state that is never used and never changes (the velocity without momentum) would be memory for nothing.
        var uses = builder.Build(values).UseCounts();
        var kept = Enumerable.Range(0, states.Length).Where(i => values[i + 1] != given[states[i].Name] || uses[values[i + 1]] > 1).ToArray();
        var names = kept.Select(i => SnakeCase(states[i].Name)).ToImmutableArray();
        var dropped = states.Where((_, i) => !kept.Contains(i)).Select(s => (Value)given[s.Name]).ToArray();
        var built = builder.Build([values[0], .. kept.Select(i => values[i + 1])], default, [TrainingSignature.Value, .. names]);
        var function = new Function(built.Name, built.Parameters.RemoveRange(dropped), built.States, built.Nodes, built.Results, built.Updates, built.ResultNames);
        evaluator.Function = null;
        CheckClosed(update, function);
        if (!function.States.IsEmpty)
            throw evaluator.Fail(DiagnosticIds.OptimizerUpdate, Place(owner, update.Location, train), $"{optimizer.Type.ShortName}.Update reads the parameter or state {function.States[0].State} of the optimizer itself. What an optimizer keeps, it keeps for each parameter: [State] Tensor in its Update.");
        return new(Prune(function, out _, out _), names);
    }

    // The same rule over one row of any length, if it does to every element what it does to the others: then one kernel updates parameters of all shapes.
    RuleFunction Flat(RuleFunction rule, DimSymbol size)
    {
        var shape = rule.Function.Parameters[0].Shape;
        foreach (var node in rule.Function.Nodes)
            if (node.Operation is not ElementwiseOperation elementwise || elementwise.Expression(node).Ordered().Any(s => s.Op is ScalarOp.AxisIndex or ScalarOp.LinearIndex) || (node.Output.Shape != shape && node.Output.Shape.Rank > 0)) return rule;
        var row = new TensorType(DType.F32, Shape.Of(Dim.Symbol(size.Name)));
        var rewriter = new Rewriter(program with { Dims = program.Dims.Add(size) }, rule.Function.Name);
        foreach (var p in rule.Function.Parameters)
            rewriter.Map[p] = rewriter.Builder.Argument(p.Name is TrainingSignature.LearningRate or TrainingSignature.Step ? p.Type : row, p.Name!);
        foreach (var node in rule.Function.Nodes) rewriter.Copy(node);
        var flat = rewriter.Finish(rule.Function);
        return flat.Results.All(r => r.Type == row) ? rule with { Function = flat } : rule;
    }

    static Location Place(ClassDef owner, Location location, MethodDef train) => owner.IsOwn ? location : train.Location;

    // The size of a flat parameter: typically that of the largest, which is what an update's time is spent on.
    DimSymbol FlatSize()
    {
        var largest = program.States.Where(s => s.Kind == StateKind.Parameter).Select(s => s.Type.Shape.Size.Constant).DefaultIfEmpty(1).Max();
        var name = "N";
        while (dims.ContainsKey(name)) name += "N";
        return new(name, largest, largest);
    }

    static double? LearningRate(ClassDef[] chain, Instance optimizer)
    {
        foreach (var type in chain)
            foreach (var name in new[] { "learningRate", "LearningRate", "_learningRate" })
            {
                if (optimizer.Captured.TryGetValue((type.Name, name), out var captured) && (Numbers.IsReal(captured) || Numbers.IsInteger(captured))) return Numbers.ToDouble(captured!);
                if (optimizer[type.Name, name] is { } field && (Numbers.IsReal(field) || Numbers.IsInteger(field))) return Numbers.ToDouble(field);
            }
        return null;
    }
}
