using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Modules.Elaboration;

sealed partial class ModelElaboration
{
    /// <summary>Evaluates the [Train] method to an optimizer and builds its update of one flat parameter.</summary>
    (TrainingSpec Spec, Function Update) Optimizer(MethodDef train, ClassDef type)
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

        var size = Symbol();
        var flat = new TensorType(DType.F32, Shape.Of(Dim.Symbol(size.Name)));
        var builder = new Builder(program, "update");
        evaluator.Enter(ShortName, model.Name, null, train.Location);
        evaluator.Function = new(builder, isTraining: true, seed: null, keepsStates: true) { Flat = size.Name };
        // The signature is fixed whatever the order of the C# parameters: value, gradient, states…, learning rate, step.
        var given = new Dictionary<string, Value>(StringComparer.Ordinal)
        {
            ["value"] = builder.Argument(flat, "value"),
            ["gradient"] = builder.Argument(flat, "gradient"),
        };
        var states = update.Parameters.Where(p => p.IsState).ToArray();
        foreach (var state in states) given[state.Name] = builder.Argument(flat, SnakeCase(state.Name));
        given["learningRate"] = builder.Argument(new(DType.F32, Shape.Scalar), "learning_rate");
        given["step"] = builder.Argument(new(DType.I64, Shape.Scalar), "step");
        var arguments = update.Parameters.Select(p => given.TryGetValue(p.Name, out var value) ? (object?)value
            : throw evaluator.Fail(DiagnosticIds.OptimizerUpdate, Place(owner, p.Location, train), $"The parameter {p.Name} of {optimizer.Type.ShortName}.Update is none of value, gradient, learningRate and step, and is not marked [State].")).ToArray();

        var returned = evaluator.Call(update, optimizer, owner.Name, owner.IsOwn, arguments, train.Location);
        var results = returned is TupleValue tuple ? tuple.Items : [returned];
        if (results.Length != states.Length + 1)
            throw evaluator.Fail(DiagnosticIds.OptimizerUpdate, Place(owner, update.Location, train), $"{optimizer.Type.ShortName}.Update has {states.Length} states, so it returns {states.Length + 1} tensors (the value, then the states), but it returns {results.Length}.");
        var values = results.Select(r => evaluator.Tensor(r, update.Location)).ToImmutableArray();
        for (var i = 0; i < values.Length; i++)
            if (values[i].Type != flat)
                throw evaluator.Fail(DiagnosticIds.OptimizerUpdate, Place(owner, update.Location, train), $"{optimizer.Type.ShortName}.Update returns {values[i].Type} for {(i == 0 ? "the value" : "the state " + states[i - 1].Name)}, which has to keep its type {flat}.");
        // A state that is never used and never changes (the velocity without momentum) would be memory for nothing.
        var nodes = builder.Build(values).UseCounts();
        var kept = Enumerable.Range(0, states.Length).Where(i => values[i + 1] != given[states[i].Name] || nodes[values[i + 1]] > 1).ToArray();
        CheckStored("The optimizer's states", kept.Length * program.States.Where(s => s.Kind == StateKind.Parameter).Sum(s => SizeLimits.Elements(s.Type.Shape, dims) * 4), train.Location);
        var names = kept.Select(i => SnakeCase(states[i].Name)).ToImmutableArray();
        var dropped = states.Where((_, i) => !kept.Contains(i)).Select(s => given[s.Name]).ToArray();
        var built = builder.Build([values[0], .. kept.Select(i => values[i + 1])], default, ["value", .. names]);
        var function = new Function(built.Name, built.Parameters.RemoveRange(dropped), built.States, built.Nodes, built.Results, built.Updates, built.ResultNames);
        evaluator.Function = null;
        CheckClosed(update, function);
        program = program with { Dims = program.Dims.Add(size) };
        var clip = train.Train?.ClipNorm ?? 0;
        var rate = LearningRate(chain, optimizer);
        if (rate is { } number && (double.IsNaN(number) || Math.Abs(number) > float.MaxValue))
            throw evaluator.Fail(DiagnosticIds.TrainingSetting, train.Location, FormattableString.Invariant($"{train.Name} makes an optimizer with a learning rate of {number}, which is no 32-bit number. Rates lie between 1e-6 and 1."));
        return (new(clip > 0 ? clip : null, names, train.Train?.Precision ?? "Float32", rate, Mismatch.Construction(optimizer)), Prune(function));
    }

    static Location Place(ClassDef owner, Location location, MethodDef train) => owner.IsOwn ? location : train.Location;

    // The size of a parameter: typically that of the largest, which is what an update's time is spent on.
    DimSymbol Symbol()
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
