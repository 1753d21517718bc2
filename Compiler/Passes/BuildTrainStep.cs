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
/// <remarks>A rule of one flat parameter is called for each, and one kernel updates them all. A rule of a parameter's own shape (it asks for norms, axes or products) is part of the step, and fused as everything in it.</remarks>
public sealed record BuildTrainStep() : Pass("BuildTrainStep")
{
    const string Scale = "gradient_scale";

    public override Program Run(Program program, CancellationToken cancel = default)
    {
        foreach (var training in program.Training)
            if (program.Find(TrainingSignature.Of(training).Gradients) is { } gradients) program = Run(program, training, gradients);
        return program;
    }

    static Program Run(Program program, TrainingProgram training, Function gradients)
    {
        var signature = TrainingSignature.Of(training);
        var trained = Trained(gradients);
        var rules = Rules(program, training, trained);
        var built = training with { Rules = rules };
        var ruleOf = rules.SelectMany(r => r.Parameters.Select(p => (p, r))).ToDictionary(p => p.p, p => p.r, StringComparer.Ordinal);
        var states = trained.SelectMany(path => ruleOf[path].States.Select(s => new StateDecl(
            signature.StatePath(s, path), new(training.Master, program.FindState(path)!.Type.Shape), StateKind.Optimizer, InitSpec.Zeros)))
            .Append(new(signature.AppliedSteps, new(DType.I64, Shape.Scalar), StateKind.Counter, InitSpec.Zeros));
        var functions = rules.ToDictionary(r => r.Function, r => program.Find(r.Function)!, StringComparer.Ordinal);
        var called = functions.Values.Where(IsFlat).ToArray();
        var others = program.Functions.Where(f => f != gradients && !TrainingSignature.IsRule(program with { Training = [training] }, f.Name));
        program = program with
        {
            States = program.States.AddRange(states.Where(s => program.FindState(s.Path) is null)), Training = program.Training.Replace(training, built),
            Functions = [.. others, .. called.Select(f => training.ClipNorm is null ? f : Scaled(f, training.Master, program))],
        };
        return program with { Functions = program.Functions.Add(Build(program, built, gradients, trained, path => functions[ruleOf[path].Function])) };
    }

    static ImmutableArray<string> Trained(Function gradients) =>
        [.. gradients.ResultNames.Where(n => n.StartsWith(TrainingSignature.GradientPrefix, StringComparison.Ordinal)).Select(n => n.Substring(TrainingSignature.GradientPrefix.Length))];

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
        return [.. rules.Select(r => r with { Parameters = r.Parameters.RemoveAll(p => !trained.Contains(p)) }).Where(r => !r.Parameters.IsEmpty)];
    }

    // Of a row of any number of elements.
    static bool IsFlat(Function rule) => rule.Parameters.First(p => p.Name == TrainingSignature.Value).Shape is { Rank: 1 } shape && shape[0].IsSymbol(out _);

    // The scaling belongs into the rule's kernel: on its own it would read and write every gradient once more.
    static Function Scaled(Function rule, DType type, Program program)
    {
        var rewriter = Rewriter.Over(program, rule);
        var scale = rewriter.Builder.Argument(new(type, Shape.Scalar), Scale);
        var gradient = rule.Parameters.First(p => p.Name == TrainingSignature.Gradient);
        rewriter.Map[gradient] = rewriter.Builder.Mul(rewriter[gradient], scale);
        foreach (var node in rule.Nodes) rewriter.Copy(node);
        return rewriter.Finish(rule);
    }

    static Function Build(Program program, TrainingProgram training, Function gradients, ImmutableArray<string> trained, Func<string, Function> ruleOf)
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

        var first = gradients.Results.Length - trained.Length;
        var of = trained.Select((path, i) => (path, Value: gradients.Results[first + i])).ToDictionary(p => p.path, p => p.Value, StringComparer.Ordinal);
        var norm = trained.IsEmpty ? b.Constant(0, training.Master) : b.Cast(b.Node(StructureOperations.GradientNorm, rewriter.New(AsMade(gradients, of.Values))).Output, training.Master);
        var scale = training.ClipNorm is { } limit ? b.Minimum(b.Constant(1, norm.DType), b.Div(b.Constant(limit, norm.DType), b.Add(norm, b.Constant(1e-6, norm.DType)))) : null;
        var step = b.Add(b.State(program.FindState(signature.AppliedSteps)!), b.Constant(1, DType.I64));

        var updates = gradients.Updates.Select(u => new StateUpdate(u.Path, rewriter[u.Value])).ToList();
        foreach (var path in trained)
        {
            var value = b.State(program.FindState(path)!);
            var rule = ruleOf(path);
            var states = TrainingSignature.StatesOf(rule);
            var shape = IsFlat(rule) ? Shape.Of(value.Shape.Size) : value.Shape;
            var operands = rule.Parameters.Select(p => p.Name switch
            {
                TrainingSignature.Value => b.Reshape(value, shape),
                TrainingSignature.Gradient => b.Reshape(rewriter[of[path]], shape),
                TrainingSignature.LearningRate => rate,
                TrainingSignature.Step => step,
                var state => b.Reshape(b.State(program.FindState(signature.StatePath(state!, path))!), shape),
            }).ToImmutableArray();
            var results = IsFlat(rule) ? b.Call(rule.Name, scale is null ? operands : operands.Add(scale)).Outputs : Expand(rule, operands, scale, b);
            updates.Add(new(path, b.Reshape(results[0], value.Shape)));
            updates.AddRange(states.Select((s, i) => new StateUpdate(signature.StatePath(s, path), b.Reshape(results[i + 1], value.Shape))));
        }
        updates.Add(new(signature.AppliedSteps, step));
        // Whatever the loss was computed in.
        return b.Build([b.Cast(rewriter[gradients.Results[0]], training.Master), norm], [.. updates], TrainingSignature.Results);
    }

    // In the order in which the backward pass makes them, one that it makes twice as often: they are added up in this order.
    static IEnumerable<Value> AsMade(Function gradients, IEnumerable<Value> wanted)
    {
        var position = gradients.Nodes.SelectMany((n, i) => n.Outputs.Select(o => (o, i))).ToDictionary(p => p.o, p => p.i);
        return wanted.OrderBy(v => position.TryGetValue(v, out var at) ? at : int.MaxValue);
    }

    static ImmutableArray<Value> Expand(Function rule, ImmutableArray<Value> operands, Value? scale, Builder b)
    {
        var inner = new Rewriter(b);
        for (var i = 0; i < operands.Length; i++)
            inner.Map[rule.Parameters[i]] = scale is not null && rule.Parameters[i].Name == TrainingSignature.Gradient ? b.Mul(operands[i], scale) : operands[i];
        foreach (var node in rule.Nodes) inner.Copy(node);
        return inner.New(rule.Results);
    }
}
