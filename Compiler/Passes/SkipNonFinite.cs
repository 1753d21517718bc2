using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes;

/// <summary>
/// A training step whose loss or gradients are not finite is not made: parameters, optimizer states and running statistics keep their values, so that neither a bad batch nor an
/// overflow costs what was learned; but the scale of the loss, where the program moves it, is lowered. The gradients are finite when their norm is; one so long that its square overflows counts as not finite.
/// </summary>
/// <remarks>
/// The optimizer's rule chooses between new and old values inside of its kernel, which has both in registers. Comes after <see cref="SaveOrRecompute"/>: with the choice made, the running
/// statistics depend on the backward pass and would no longer tell what is forward.
/// </remarks>
public sealed record SkipNonFinite() : Pass("SkipNonFinite")
{
    const string LossIsFinite = "loss_is_finite", NormIsFinite = "norm_is_finite";

    static readonly TensorType Flag = new(DType.Bool, Shape.Scalar);

    public override Program Run(Program program, CancellationToken cancel = default)
    {
        foreach (var training in program.Training)
        {
            if (program.Find(TrainingSignature.Of(training).TrainStep) is not { } step) continue;
            // Callees stand before their callers.
            foreach (var rule in training.Rules)
                if (program.Find(rule.Function) is { } function) program = program with { Functions = program.Functions.Replace(function, Choosing(function, rule, program)) };
            program = program with { Functions = program.Functions.Replace(step, Guarded(step, TrainingSignature.Of(training), program)) };
        }
        return program;
    }

    // update(value, gradient, states…, learning rate, step, …) → (value, states…, copies of the value…)
    static Function Choosing(Function update, UpdateRule rule, Program program)
    {
        var rewriter = Rewriter.Over(program, update);
        var b = rewriter.Builder;
        var finite = b.Emit("logical_and", [b.Argument(Flag, LossIsFinite), b.Argument(Flag, NormIsFinite)]);
        foreach (var node in update.Nodes) rewriter.Copy(node);
        // The value and the states, in the order of the results.
        var names = rule.States.Insert(0, TrainingSignature.Value);
        var chosen = names.Select((name, i) => b.Where(finite, rewriter[update.Results[i]], rewriter[update.Parameters.First(p => p.Name == name)])).ToList();
        var function = b.Build([.. chosen, .. rule.Copies.Select(type => b.Cast(chosen[0], type))], default, update.ResultNames);
        return rule.Copies.IsEmpty ? function : function.Pruned(); // of the copies as they were made
    }

    static Function Guarded(Function step, TrainingSignature signature, Program program)
    {
        var rewriter = Rewriter.Over(program, step);
        var b = rewriter.Builder;
        var (loss, norm) = (step.Results[0], step.Results[1]);
        Value? lossIsFinite = null, normIsFinite = null;
        var updates = new List<Node>(); // the rules and what looks at their results: they come when both flags are there
        var updated = new HashSet<Value>();
        foreach (var node in step.Nodes)
        {
            if (IsUpdate(node) || node.Inputs.Any(updated.Contains))
            {
                updates.Add(node);
                updated.UnionWith(node.Outputs);
                continue;
            }
            rewriter.Copy(node);
            if (node.Outputs.Contains(loss)) lossIsFinite = IsFinite(b, rewriter[loss]);
            if (node.Outputs.Contains(norm)) normIsFinite = IsFinite(b, rewriter[norm]);
        }
        // A loss that no node makes is an argument or a state.
        lossIsFinite ??= IsFinite(b, rewriter[loss]);
        normIsFinite ??= IsFinite(b, rewriter[norm]);
        // The rules take the count as it is written: where the step is not made, nobody looks at what they make of it.
        var steps = step.Updates.First(u => u.Path == signature.AppliedSteps).Value;
        rewriter.Map[steps] = Choose(rewriter[steps], b.State(program.FindState(signature.AppliedSteps)!));
        foreach (var node in updates)
        {
            if (!IsUpdate(node))
            {
                rewriter.Copy(node);
                continue;
            }
            // The flags are the rule's last numbers, and numbers come before what is given for each parameter.
            var rule = CallOperation.Callee(program, node.Attributes);
            var update = b.Update(rule.Name, rewriter.New(node.Inputs).InsertRange(rule.Parameters.Count(UpdateOperation.IsNumber) - 2, ImmutableArray.Create(lossIsFinite, normIsFinite)));
            for (var i = 0; i < update.Outputs.Length; i++) rewriter.Map[node.Outputs[i]] = update.Outputs[i];
        }
        // Two choices, not one by both flags: a kernel that makes one of them would make the loss as late as the norm, and keep what the loss is made of until then.
        return b.Build(
            rewriter.New(step.Results),
            [.. step.Updates.Select(u => new StateUpdate(u.Path, updated.Contains(u.Value) || u.Value == steps ? rewriter[u.Value] : Choose(rewriter[u.Value], LossScaling.Skipped(signature, u.Path, b))))],
            step.ResultNames);

        Value Choose(Value value, Value old) => b.Where(lossIsFinite, b.Where(normIsFinite, value, old), old);
    }

    static bool IsUpdate(Node node) => node.Operation == StructureOperations.Update;

    // False for a NaN too.
    static Value IsFinite(Builder b, Value number) => b.Less(b.Emit("abs", [number]), b.Constant(double.PositiveInfinity, number.DType));
}
