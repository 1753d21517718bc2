using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes;

/// <summary>
/// Turns <c>forward_loss</c> to <c>gradients</c> for each training program: the same arguments, results and state updates, and the gradient of the first result with respect to every parameter of the
/// program's rules that it depends on; the others are frozen, and nothing is computed for their sake. Reverse mode, by one rule an operation; the rules emit operations that can be differentiated again.
/// A called function is differentiated once (<see cref="CallGradient"/>). In 16 bits the gradients are those of the loss times its scale, with respect to the working copies that are read.
/// </summary>
public sealed record Differentiate() : Pass("Differentiate")
{
    public override Program Run(Program program, CancellationToken cancel = default)
    {
        // In the order of declaration, so that whatever adds over parameters does it in a stable order.
        var position = program.States.Select((s, i) => (s.Path, i)).ToDictionary(p => p.Path, p => p.i);
        var called = Callees.Of(program);
        var calls = new CallGradients(program);
        foreach (var training in program.Training)
        {
            if (calls.Program.Find(TrainingSignature.Of(training).ForwardLoss) is not { } loss) continue;
            var trained = new HashSet<string>(training.Rules.IsEmpty ? program.States.Where(s => s.Kind == StateKind.Parameter).Select(s => s.Path) : training.Rules.SelectMany(r => r.Parameters));
            ImmutableArray<Value> sources = [.. loss.States.Where(s => trained.Contains(WorkingCopies.ParameterOf(s.State!))).OrderBy(s => position[s.State!])];
            var gradients = calls.Of(loss, sources, [loss.Results[0]]);
            program = calls.Program;
            calls.Replace(loss, Function(program, loss, sources, TrainingSignature.Of(training).Gradients, gradients, b => LossScaling.Of(training, b)));
        }
        return Callees.Pruned(calls.Program, called);
    }

    /// <summary>
    /// The function with the gradients of its first result, a float scalar (or the sum of its elements), as further results named <c>gradient.</c> and the argument or state.
    /// </summary>
    /// <param name="program">Where calls are resolved.</param>
    /// <param name="function">The function.</param>
    /// <param name="sources">Arguments and states of it. One on which the result does not depend has no gradient among the results.</param>
    /// <param name="name">The new function's name.</param>
    /// <exception cref="System.NotSupportedException">An operation on the way has no gradient.</exception>
    public static Function Function(Program program, Function function, ImmutableArray<Value> sources, string name)
    {
        var flat = Inliner.Run(function, program);
        var bySource = function.Parameters.Concat(function.States).Zip(flat.Parameters.Concat(flat.States), (old, now) => (old, now)).ToDictionary(p => p.old, p => p.now);
        return Function(program, flat, [.. sources.Select(s => bySource[s])], name, null, _ => null);
    }

    static Function Function(Program program, Function function, ImmutableArray<Value> sources, string name, IReadOnlyDictionary<Node, CallGradient>? calls, Func<Builder, Value?> scale)
    {
        var names = function.Results.Select((_, i) => i < function.ResultNames.Length ? function.ResultNames[i] : "result" + i);
        var rewriter = new Rewriter(program, name);
        foreach (var p in function.Parameters) rewriter.Map[p] = rewriter.Builder.Argument(p.Type, p.Name!);
        foreach (var s in function.States) rewriter.Map[s] = rewriter.Builder.State(s);
        var root = function.Results[0];
        var mode = new ReverseMode(rewriter, function.Nodes, calls);
        mode.Forward(sources, [root]);
        var gradients = mode.Backward([(root, scale(rewriter.Builder) ?? rewriter.Builder.Full(1, root.Type))]);
        var found = sources.Where(gradients.ContainsKey).ToArray();
        return rewriter.Builder.Build(
            [.. rewriter.New(function.Results), .. found.Select(s => gradients[s])],
            [.. function.Updates.Select(u => new StateUpdate(u.Path, rewriter[u.Value]))],
            [.. names, .. found.Select(s => TrainingSignature.GradientPrefix + (s.State ?? s.Name))]);
    }
}
