using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Recompute;
using Graph.Compiler.Passes.Scheduling;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes;

/// <summary>
/// Decides which forward values a training step keeps for its backward pass. Values made by scalar arithmetic, broadcasting, views and random numbers are made again where that
/// keeps fewer bytes alive: the kept values are a minimum cut between what is dear (contractions, convolutions, reductions, library kernels) and what the backward pass reads,
/// as in Chen et al. 2016 and functorch's partitioner. What a contraction of the backward pass reads is always kept, so no kernel is added for it; arguments and states cost nothing.
/// </summary>
/// <remarks>Comes after the last <see cref="Cse"/>, which would merge what is computed twice.</remarks>
public sealed record SaveOrRecompute() : FunctionPass("SaveOrRecompute")
{
    public override Function Run(Function function, Program program, CancellationToken cancel)
    {
        if (TrainingSignature.OfStep(program.Training, function.Name) is not { } training) return function;
        var optimized = TrainingSignature.Of(training).Optimized(training);
        if (function.Nodes.FirstOrDefault(n => LoopOperation.IsApart(n.Attributes)) is { } loop)
            return Bodies.Rewrite(function, program, (node, body) => node == loop ? Run(body, program, Boundary.OfMicroBatch(function, loop, program, optimized)) : body);
        return Run(function, program, Boundary.OfStep(function, program, optimized));
    }

    /// <summary>The function with the values that its backward pass makes again made there.</summary>
    internal static Function Run(Function function, Program program, Boundary boundary)
    {
        var recomputed = boundary.Recomputed();
        if (recomputed.Count == 0) return function;

        var forward = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
            if (boundary.IsForward(node)) forward.Copy(node);
        // The backward pass sees kept values as they are; a recomputed one is made where it is first read.
        var backward = new Rewriter(forward.Builder);
        foreach (var pair in forward.Map)
            if (!recomputed.Contains(pair.Key)) backward.Map.Add(pair.Key, pair.Value);
        foreach (var node in function.Nodes)
        {
            if (boundary.IsForward(node)) continue;
            foreach (var input in node.Inputs) Restore(input, backward);
            backward.Copy(node);
        }
        Value New(Value old) => backward.Map.TryGetValue(old, out var value) && !forward.Map.ContainsKey(old) ? value : forward.Map[old];
        return forward.Builder.Build([.. function.Results.Select(New)], [.. function.Updates.Select(u => new StateUpdate(u.Path, New(u.Value)))], function.ResultNames);
    }

    static void Restore(Value value, Rewriter backward)
    {
        if (backward.Map.ContainsKey(value)) return;
        var waiting = new Stack<Value>();
        waiting.Push(value);
        while (waiting.Count > 0)
        {
            var node = waiting.Peek().Producer!;
            var missing = node.Inputs.FirstOrDefault(i => !backward.Map.ContainsKey(i));
            if (missing is not null) waiting.Push(missing);
            else
            {
                waiting.Pop();
                if (!backward.Map.ContainsKey(node.Outputs[0])) backward.Copy(node);
            }
        }
    }
}
