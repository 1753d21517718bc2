using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes;

/// <summary>
/// Turns <c>forward_loss</c> to <c>gradients</c>: the same arguments, results and state updates, and the gradient of the first result with respect to every trained parameter
/// that it depends on. Reverse mode, by one rule an operation; the rules emit operations that can be differentiated again.
/// </summary>
public sealed record Differentiate() : Pass("Differentiate")
{
    public override Program Run(Program program, CancellationToken cancel = default)
    {
        if (program.Find(FunctionNames.ForwardLoss) is not { } loss) return program;
        var trained = loss.States.Where(s => program.FindState(s.State!) is { Kind: StateKind.Parameter }).ToArray();
        // In the order of declaration, so that whatever adds over parameters does it in a stable order.
        var position = program.States.Select((s, i) => (s.Path, i)).ToDictionary(p => p.Path, p => p.i);
        var gradients = Function(program, loss, [.. trained.OrderBy(s => position[s.State!])], FunctionNames.Gradients);
        return program with { Functions = program.Functions.Replace(loss, gradients) };
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
        var names = function.Results.Select((_, i) => i < function.ResultNames.Length ? function.ResultNames[i] : "result" + i);
        var flat = Inliner.Run(function, program, keep: null);
        var bySource = function.Parameters.Concat(function.States).Zip(flat.Parameters.Concat(flat.States), (old, now) => (old, now)).ToDictionary(p => p.old, p => p.now);

        var rewriter = new Rewriter(program, name);
        foreach (var p in flat.Parameters) rewriter.Map[p] = rewriter.Builder.Argument(p.Type, p.Name!);
        foreach (var s in flat.States) rewriter.Map[s] = rewriter.Builder.State(s);
        var root = flat.Results[0];
        var mode = new ReverseMode(rewriter, flat.Nodes);
        mode.Forward(sources.Select(s => bySource[s]), [root]);
        var gradients = mode.Backward([(root, rewriter.Builder.Full(1, root.Type))]);
        var found = sources.Where(s => gradients.ContainsKey(bySource[s])).ToArray();
        return rewriter.Builder.Build(
            [.. rewriter.New(flat.Results), .. found.Select(s => gradients[bySource[s]])],
            [.. flat.Updates.Select(u => new StateUpdate(u.Path, rewriter[u.Value]))],
            [.. names, .. found.Select(s => FunctionNames.GradientPrefix + (s.State ?? s.Name))]);
    }
}
