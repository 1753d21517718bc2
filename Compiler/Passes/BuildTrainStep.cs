using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Modules.Elaboration;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes;

/// <summary>
/// Makes <c>train_step(arguments of the loss…, learning_rate: f32[], step: i64[], seed: i64[]) → (loss: f32[], gradient_norm: f32[])</c> of <c>gradients</c> and the optimizer's <c>update</c>.
/// The norm is that of all gradients as one vector, in float32, added up in the order of the parameters. With clipping, the update scales the gradient by
/// min(1, limit ÷ (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ does. A parameter without gradient is left alone.
/// </summary>
public sealed record BuildTrainStep(TrainingSpec Training) : Pass("BuildTrainStep")
{
    const string Scale = "gradient_scale", Seed = "seed";

    public override Program Run(Program program, CancellationToken cancel = default)
    {
        if (program.Find(FunctionNames.Gradients) is not { } gradients) return program;
        var update = program.Find(FunctionNames.Update) ?? throw new ArgumentException($"The program {program.Name} is trained but has no function {FunctionNames.Update}.", nameof(program));
        var states = OptimizerStates(update);
        var trained = Trained(gradients);
        var declared = trained.SelectMany(path => states.Select(s => new StateDecl(
            StatePath(s.Name!, path), new(s.DType, program.FindState(path)!.Type.Shape), StateKind.Optimizer, InitSpec.Zeros))).Where(s => program.FindState(s.Path) is null);
        var others = program.Functions.Where(f => f != gradients && f != update);
        program = program with { States = program.States.AddRange(declared), Functions = [.. others] };
        program = program with { Functions = program.Functions.Add(Training.ClipNorm is null ? update : Scaled(update, program)) };
        return program with { Functions = program.Functions.Add(Build(program, gradients, trained, states)) };
    }

    static string StatePath(string state, string parameter) => "optimizer." + state + "." + parameter;

    // update(value, gradient, states…, learning_rate, step)
    static ImmutableArray<Value> OptimizerStates(Function update) => update.Parameters.RemoveAt(update.Parameters.Length - 1).RemoveAt(update.Parameters.Length - 2).RemoveRange(0, 2);

    static ImmutableArray<string> Trained(Function gradients) =>
        [.. gradients.ResultNames.Where(n => n.StartsWith(FunctionNames.GradientPrefix, StringComparison.Ordinal)).Select(n => n.Substring(FunctionNames.GradientPrefix.Length))];

    // The scaling belongs into the update's kernel: on its own it would read and write every gradient once more.
    static Function Scaled(Function update, Program program)
    {
        var rewriter = Rewriter.Over(program, update);
        var scale = rewriter.Builder.Argument(new(DType.F32, Shape.Scalar), Scale);
        var gradient = update.Parameters[1];
        rewriter.Map[gradient] = rewriter.Builder.Mul(rewriter[gradient], scale);
        foreach (var node in update.Nodes) rewriter.Copy(node);
        return rewriter.Finish(update);
    }

    Function Build(Program program, Function gradients, ImmutableArray<string> trained, ImmutableArray<Value> states)
    {
        var rewriter = new Rewriter(program, FunctionNames.TrainStep);
        var b = rewriter.Builder;
        foreach (var p in gradients.Parameters)
            if (p.Name != Seed) rewriter.Map[p] = b.Argument(p.Type, p.Name!);
        var rate = b.Argument(new(DType.F32, Shape.Scalar), "learning_rate");
        var step = b.Argument(new(DType.I64, Shape.Scalar), "step");
        var seed = b.Argument(new(DType.I64, Shape.Scalar), Seed);
        if (gradients.Parameters.FirstOrDefault(p => p.Name == Seed) is { } old) rewriter.Map[old] = seed;
        foreach (var s in gradients.States) rewriter.Map[s] = b.State(s);

        // Each gradient's share of the norm stands where the gradient is made, the first place where it can be computed.
        var shares = new Dictionary<Value, Value>();
        var first = gradients.Results.Length - trained.Length;
        var wanted = new HashSet<Value>(gradients.Results.Skip(first));
        foreach (var node in gradients.Nodes)
        {
            rewriter.Copy(node);
            foreach (var output in node.Outputs)
                if (wanted.Contains(output)) shares[output] = Share(b, rewriter[output]);
        }
        Value? total = null;
        foreach (var gradient in gradients.Results.Skip(first))
        {
            if (!shares.TryGetValue(gradient, out var share)) shares[gradient] = share = Share(b, rewriter[gradient]);
            total = total is null ? share : b.Add(total, share);
        }
        var norm = b.Sqrt(total ?? b.Constant(0, DType.F32));
        var scale = Training.ClipNorm is { } limit ? b.Minimum(b.Constant(1, DType.F32), b.Div(b.Constant(limit, DType.F32), b.Add(norm, b.Constant(1e-6, DType.F32)))) : null;

        var updates = gradients.Updates.Select(u => new StateUpdate(u.Path, rewriter[u.Value])).ToList();
        for (var i = 0; i < trained.Length; i++)
        {
            var value = b.State(program.FindState(trained[i])!);
            var flat = Shape.Of(value.Shape.Size);
            var paths = states.Select(s => StatePath(s.Name!, trained[i])).ToArray();
            ImmutableArray<Value> operands =
            [
                b.Reshape(value, flat), b.Reshape(rewriter[gradients.Results[first + i]], flat), .. paths.Select(p => b.Reshape(b.State(program.FindState(p)!), flat)),
                rate, step,
            ];
            var call = b.Call(FunctionNames.Update, scale is null ? operands : operands.Add(scale));
            updates.Add(new(trained[i], b.Reshape(call.Outputs[0], value.Shape)));
            updates.AddRange(paths.Select((p, s) => new StateUpdate(p, b.Reshape(call.Outputs[s + 1], value.Shape))));
        }
        // The loss leaves as f32 whatever it was computed in.
        return b.Build([b.Cast(rewriter[gradients.Results[0]], DType.F32), norm], [.. updates], ["loss", "gradient_norm"]);
    }

    static Value Share(Builder b, Value gradient)
    {
        var g = b.Cast(gradient, DType.F32);
        return b.Sum(b.Mul(g, g), Enumerable.Range(0, g.Shape.Rank), keep: false);
    }
}
