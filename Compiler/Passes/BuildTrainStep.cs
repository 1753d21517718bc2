using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes;

/// <summary>
/// Makes <c>train_step(arguments of the loss…, learning_rate: f32[], seed: i64[]) → (loss: f32[], gradient_norm: f32[])</c> (f64[] in double precision) of <c>gradients</c> and the optimizer's rules, for each of the model's
/// training programs (<see cref="TrainingSignature"/>). The norm is that of all gradients as one vector. With clipping, the rules take the gradient scaled by
/// min(1, limit ÷ (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ does. A parameter without gradient is left alone.
/// </summary>
/// <remarks>
/// A rule of one flat parameter is applied to all of its parameters by one node, and one kernel updates them. A rule of a parameter's own shape (it asks for norms, axes or products) is part of the step, and fused as everything in it.
/// The gradients are sums over the micro-batches (<see cref="AccumulateGradients"/>): norm and rules divide by how many there are.
/// In 16 bits the gradients are those of the scaled loss with respect to working copies: the norm is divided by the scale, and the rules take the gradient as it is, divide and clip it, and give the new copies beside the master.
/// </remarks>
public sealed record BuildTrainStep() : Pass("BuildTrainStep")
{
    const string Scale = "gradient_scale";

    /// <summary>The gradients of a parameter: with respect to itself and to its working copies.</summary>
    /// <param name="Values">Results of the gradients' function.</param>
    /// <param name="Copies">The types of all its working copies, which change with it whether the step reads them or not.</param>
    sealed record Gradient(ImmutableArray<Value> Values, ImmutableArray<DType> Copies)
    {
        /// <summary>The type that the rule takes it in: one alone as it is, several added up in the master's.</summary>
        public DType Type(DType master) => Values.Length == 1 ? Values[0].DType : master;
    }

    /// <summary>The types that a rule is given its rows in; it computes in the master's.</summary>
    /// <param name="Gradient">Of the gradient.</param>
    /// <param name="Value">Of the parameter.</param>
    /// <param name="State">Of what the optimizer keeps for it.</param>
    sealed record StoredTypes(DType Gradient, DType Value, DType State)
    {
        public DType Of(Value parameter) => parameter.Name switch
        {
            TrainingSignature.Value => Value,
            TrainingSignature.Gradient => Gradient,
            TrainingSignature.LearningRate or TrainingSignature.Step => parameter.DType,
            _ => State,
        };

        /// <summary>Whether what the rule gives is stored narrower than it is computed.</summary>
        public bool IsRounded(DType master) => Value != master || State != master;

        /// <summary>What tells the rule's function from that of other types.</summary>
        public string Suffix(DType master, string copies)
        {
            var suffix = Gradient == master && copies.Length == 0 ? "" : $".{Gradient.Name()}{(copies.Length > 0 && copies != Gradient.Name() ? "." + copies : "")}";
            return IsRounded(master) ? $"{suffix}.in_{Value.Name()}_{State.Name()}" : suffix;
        }

        /// <summary>What the rule gives, the parameter first, as it is stored.</summary>
        public IEnumerable<Value> Rounded(IEnumerable<Value> results, Value? seed, int stream, Value? number, Builder b) =>
            results.Select((r, i) => seed is null ? r : StochasticRounding.To(r, i == 0 ? Value : State, seed, -1 - (stream * 16L + i), number ?? b.Constant(0, DType.I64), b));
    }

    public override Program Run(Program program, CancellationToken cancel = default)
    {
        foreach (var training in program.Training)
            if (program.Find(TrainingSignature.Of(training).Gradients) is { } gradients) program = Run(program, training, gradients);
        return program;
    }

    static Program Run(Program program, TrainingProgram training, Function gradients)
    {
        var signature = TrainingSignature.Of(training);
        var trained = Trained(gradients, program);
        var rules = Rules(program, training, [.. trained.Keys]);
        var functions = rules.ToDictionary(r => r.Function, r => program.Find(r.Function)!, StringComparer.Ordinal);
        var isScaled = training.ClipNorm is not null || training.LossScale != 1 || training.MicroBatches > 1;
        var known = program.States.ToDictionary(s => s.Path, StringComparer.Ordinal);
        var moments = training.Moments ?? training.Master;
        StoredTypes Stored(string path) => new(trained[path].Type(training.Master), known[path].Type.DType, moments);
        // One function for each kind of gradient: those of masters and of their copies are of different types.
        var variants = rules.SelectMany(r => r.Parameters.GroupBy(p => (Types: Stored(p), Copies: string.Join(".", trained[p].Copies.Select(c => c.Name())))).Select(g => (
            Rule: r with { Function = r.Function + g.Key.Types.Suffix(training.Master, g.Key.Copies), Parameters = [.. g], Copies = trained[g.First()].Copies },
            Function: functions[r.Function], g.Key.Types))).ToList();
        var built = training with { Rules = [.. variants.Select(v => v.Rule)], Moments = null, HasMasters = true, WithoutMasters = [] };
        var ruleOf = variants.SelectMany(v => v.Rule.Parameters.Select(p => (p, v))).ToDictionary(p => p.p, p => p.v, StringComparer.Ordinal);
        var states = trained.Keys.SelectMany(path => ruleOf[path].Rule.States.Select(s => new StateDecl(
            signature.StatePath(s, path), new(moments, known[path].Type.Shape), StateKind.Optimizer, InitSpec.Zeros)))
            .Append(new(signature.AppliedSteps, new(DType.I64, Shape.Scalar), StateKind.Counter, InitSpec.Zeros));
        var others = program.Functions.Where(f => f != gradients && !TrainingSignature.IsRule(program with { Training = [training] }, f.Name));
        var number = Number(program, trained.Count);
        var called = variants.Select((v, stream) => (v, stream)).Where(p => UpdateOperation.IsRule(p.v.Function)).Select(p => Adapted(p.v.Function, p.v.Rule, p.v.Types, isScaled, training.Master, p.stream, number, program));
        program = program with
        {
            Dims = variants.Any(v => UpdateOperation.IsRule(v.Function) && v.Types.IsRounded(training.Master)) ? program.Dims.Add(number) : program.Dims,
            States = program.States.AddRange(states.Where(s => !known.ContainsKey(s.Path))), Training = program.Training.Replace(training, built),
            Functions = [.. others, .. called],
        };
        return program with { Functions = program.Functions.Add(Build(program, built, gradients, trained, path => (ruleOf[path].Rule, ruleOf[path].Function), path => ruleOf[path].Types)) };
    }

    // What a rule calls the number of the parameter that it rounds for.
    static DimSymbol Number(Program program, int parameters)
    {
        var name = "P";
        while (program.Dims.Any(d => d.Name == name)) name += "P";
        return new(name, System.Math.Max(1, parameters), 1);
    }

    // In the order of the gradients.
    static Dictionary<string, Gradient> Trained(Function gradients, Program program)
    {
        var first = gradients.ResultNames.TakeWhile(n => !n.StartsWith(TrainingSignature.GradientPrefix, StringComparison.Ordinal)).Count();
        return gradients.ResultNames.Skip(first).Select((n, i) => (Path: n.Substring(TrainingSignature.GradientPrefix.Length), Value: gradients.Results[first + i]))
            .GroupBy(g => WorkingCopies.ParameterOf(g.Path)).ToDictionary(
                g => g.Key, g => new Gradient([.. g.Select(p => p.Value)], [.. program.States.Where(s => s.Kind == StateKind.Derived && WorkingCopies.IsOf(s.Path, g.Key)).Select(s => s.Type.DType)]), StringComparer.Ordinal);
    }

    // Each with the parameters that have a gradient; one that has none goes.
    static ImmutableArray<UpdateRule> Rules(Program program, TrainingProgram training, ImmutableArray<string> trained)
    {
        var rules = training.Rules;
        if (rules.IsEmpty && trained.IsEmpty) return []; // a model without parameters
        if (rules.IsEmpty)
        {
            var update = TrainingSignature.Of(training).Update;
            var function = program.Find(update) ?? throw new ArgumentException($"The program {program.Name} is trained but has no function {update}.", nameof(program));
            rules = [new(update, TrainingSignature.StatesOf(function), trained)];
        }
        foreach (var rule in rules)
            if (program.Find(rule.Function) is null) throw new ArgumentException($"The program {program.Name} is trained by {rule.Function}, but has no function of that name.", nameof(program));
        var changed = new HashSet<string>(trained, StringComparer.Ordinal);
        return [.. rules.Select(r => r with { Parameters = r.Parameters.RemoveAll(p => !changed.Contains(p)) }).Where(r => !r.Parameters.IsEmpty)];
    }

    // Scaling and rounding belong into the rule's kernel: on their own they would read and write every gradient and every parameter once more.
    static Function Adapted(Function function, UpdateRule rule, StoredTypes types, bool isScaled, DType master, int stream, DimSymbol number, Program program)
    {
        if (types == new StoredTypes(master, master, master) && rule.Copies.IsEmpty && !isScaled) return function;
        var rewriter = new Rewriter(program, rule.Function);
        var b = rewriter.Builder;
        foreach (var p in function.Parameters) rewriter.Map[p] = b.Argument(p.Type with { DType = types.Of(p) }, p.Name!);
        foreach (var p in function.Parameters) rewriter.Map[p] = b.Cast(rewriter[p], p.DType);
        var gradient = function.Parameters.First(p => p.Name == TrainingSignature.Gradient);
        if (isScaled) rewriter.Map[gradient] = b.Mul(rewriter[gradient], b.Argument(new(master, Shape.Scalar), Scale));
        var seed = types.IsRounded(master) ? b.Argument(new(DType.I64, Shape.Scalar), TrainingSignature.Seed) : null;
        foreach (var node in function.Nodes) rewriter.Copy(node);
        var own = seed is null ? null : b.Size(Dim.Symbol(number.Name), DType.I64);
        return b.Build([.. types.Rounded(rewriter.New(function.Results), seed, stream, own, b), .. Copies(rule, rewriter[function.Results[0]], b)], default, [.. function.ResultNames, .. rule.Copies.Select(c => "copy." + c.Name())]);
    }

    static IEnumerable<Value> Copies(UpdateRule rule, Value value, Builder b) => rule.Copies.Select(c => b.Cast(value, c));

    static Function Build(Program program, TrainingProgram training, Function gradients, Dictionary<string, Gradient> trained, Func<string, (UpdateRule Rule, Function Function)> ruleOf, Func<string, StoredTypes> typesOf)
    {
        var signature = TrainingSignature.Of(training);
        var rewriter = new Rewriter(program, signature.TrainStep);
        var b = rewriter.Builder;
        foreach (var p in gradients.Parameters)
            if (p.Name != TrainingSignature.Seed) rewriter.Map[p] = b.Argument(p.Type, p.Name!);
        var rate = b.Argument(new(training.Master, Shape.Scalar), TrainingSignature.LearningRate);
        var seed = b.Argument(new(DType.I64, Shape.Scalar), TrainingSignature.Seed);
        if (gradients.Parameters.FirstOrDefault(p => p.Name == TrainingSignature.Seed) is { } old) rewriter.Map[old] = seed;
        foreach (var s in gradients.States) rewriter.Map[s] = b.State(s);
        foreach (var node in gradients.Nodes) rewriter.Copy(node);

        // What a parameter is read as in two types it has the sum of their gradients.
        var of = trained.ToDictionary(t => t.Key, t => t.Value.Values.Length == 1 ? rewriter[t.Value.Values[0]] : rewriter.New(t.Value.Values).Select(v => b.Cast(v, training.Master)).Aggregate(b.Add), StringComparer.Ordinal);
        var norm = Norm(training, gradients, trained, of, b, rewriter);
        var divisor = LossScaling.Of(training, b);
        if (training.MicroBatches > 1) divisor = divisor is null ? b.Constant(training.MicroBatches, norm.DType) : b.Mul(divisor, b.Constant(training.MicroBatches, divisor.DType));
        if (divisor is not null) norm = b.Div(norm, divisor);
        var scale = training.ClipNorm is { } limit ? b.Minimum(b.Constant(1, norm.DType), b.Div(b.Constant(limit, norm.DType), b.Add(norm, b.Constant(1e-6, norm.DType)))) : null;
        if (divisor is not null) scale = b.Div(scale ?? b.Constant(1, norm.DType), divisor);
        var step = b.Add(b.State(program.FindState(signature.AppliedSteps)!), b.Constant(1, DType.I64));

        var updates = gradients.Updates.Select(u => new StateUpdate(u.Path, rewriter[u.Value])).ToList();
        var declared = program.States.ToDictionary(s => s.Path, StringComparer.Ordinal);
        Value Operand(string path, string name) => name switch
        {
            TrainingSignature.Value => b.State(declared[path]),
            TrainingSignature.Gradient => of[path],
            TrainingSignature.LearningRate => rate,
            TrainingSignature.Step => step,
            var state => b.State(declared[signature.StatePath(state, path)]),
        };
        var streams = training.Rules.Length; // behind those of the rules for many parameters
        var changed = new Dictionary<string, ImmutableArray<Value>>(StringComparer.Ordinal); // by parameter: its new value, its states, then its copies
        foreach (var group in trained.Keys.GroupBy(path => ruleOf(path).Rule.Function))
            if (ruleOf(group.First()) is var (rule, function) && UpdateOperation.IsRule(function)) Together(rule, function, [.. group]);
            else foreach (var path in group) changed[path] = Expand(function, rule, [.. function.Parameters.Select(p => Operand(path, p.Name!))], scale, training.Master, typesOf(path), seed, streams++, b);
        foreach (var path in trained.Keys)
        {
            var rule = ruleOf(path).Rule;
            var names = rule.States.Select(s => signature.StatePath(s, path)).Prepend(path).Concat(rule.Copies.Select(c => WorkingCopies.PathOf(path, c)));
            updates.AddRange(names.Select((name, i) => new StateUpdate(name, changed[path][i])));
        }
        updates.Add(new(signature.AppliedSteps, step));
        if (training.ScalesDynamically) updates.AddRange(LossScaling.Made(signature, b));
        // Whatever the loss was computed in.
        return b.Build([b.Cast(rewriter[gradients.Results[0]], training.Master), norm], [.. updates], TrainingSignature.Results);

        // The rule is given its numbers once, and the scale behind them.
        void Together(UpdateRule rule, Function function, ImmutableArray<string> paths)
        {
            var operands = function.Parameters.Where(UpdateOperation.IsNumber).Select(p => Operand(paths[0], p.Name!)).ToList();
            if (scale is not null) operands.Add(scale);
            if (typesOf(paths[0]).IsRounded(training.Master)) operands.Add(seed);
            foreach (var path in paths) operands.AddRange(function.Parameters.Where(p => !UpdateOperation.IsNumber(p)).Select(p => Operand(path, p.Name!)));
            var results = b.Update(rule.Function, [.. operands]).Outputs;
            var each = results.Length / paths.Length;
            for (var i = 0; i < paths.Length; i++) changed[paths[i]] = [.. results.Skip(i * each).Take(each)];
        }
    }

    // In the order in which the backward pass makes them, one that it makes twice as often: they are added up in this order.
    static Value Norm(TrainingProgram training, Function gradients, Dictionary<string, Gradient> trained, Dictionary<string, Value> of, Builder b, Rewriter rewriter)
    {
        if (trained.Count == 0) return b.Constant(0, training.Master);
        var position = gradients.Nodes.SelectMany((n, i) => n.Outputs.Select(o => (o, i))).ToDictionary(p => p.o, p => p.i);
        var asMade = trained.OrderBy(t => t.Value.Values.Max(v => position.TryGetValue(v, out var at) ? at : int.MaxValue)).Select(t => of[t.Key]);
        return b.Cast(b.Node(StructureOperations.GradientNorm, [.. asMade]).Output, training.Master);
    }

    static ImmutableArray<Value> Expand(Function function, UpdateRule rule, ImmutableArray<Value> operands, Value? scale, DType master, StoredTypes types, Value seed, int stream, Builder b)
    {
        var inner = new Rewriter(b);
        for (var i = 0; i < operands.Length; i++)
        {
            if (function.Parameters[i].Name != TrainingSignature.Gradient) inner.Map[function.Parameters[i]] = b.Cast(operands[i], function.Parameters[i].DType);
            else inner.Map[function.Parameters[i]] = scale is null ? b.Cast(operands[i], master) : b.Mul(b.Cast(operands[i], master), scale);
        }
        foreach (var node in function.Nodes) inner.Copy(node);
        var results = inner.New(function.Results);
        return [.. types.Rounded(results, seed, stream, null, b), .. Copies(rule, results[0], b)];
    }
}
