using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Gradients;

/// <summary>
/// Reverse-mode differentiation of a list of nodes: walks them backwards, asking each operation on the way for its rule and adding up what reaches a value over several ways. The order of these
/// additions is that of the walk. The nodes are copied into a function under construction first, or belong to it already.
/// </summary>
public sealed class ReverseMode
{
    readonly Builder builder;
    readonly Rewriter? rewriter;
    readonly ImmutableArray<Node> nodes;
    readonly Dictionary<Node, LoopGradient> loops = [];
    readonly IReadOnlyDictionary<Node, CallGradient> calls = ImmutableDictionary<Node, CallGradient>.Empty;
    readonly Dictionary<Node, ImmutableArray<Value>> kept = []; // what the forward calls gave
    HashSet<Value> active = [];

    /// <summary>Differentiates nodes of another function, which <see cref="Forward"/> copies.</summary>
    /// <param name="rewriter">Where to.</param>
    /// <param name="nodes">The nodes.</param>
    /// <param name="calls">The gradients of the calls among them, whose functions the rewriter's program has.</param>
    public ReverseMode(Rewriter rewriter, ImmutableArray<Node> nodes, IReadOnlyDictionary<Node, CallGradient>? calls = null)
    {
        (this.rewriter, this.nodes) = (rewriter, nodes);
        this.calls = calls ?? this.calls;
        builder = rewriter.Builder;
    }

    ReverseMode(Builder builder, ImmutableArray<Node> nodes, IEnumerable<Value> sources)
    {
        (this.builder, this.nodes) = (builder, nodes);
        active = Activity.From(sources, nodes);
    }

    /// <summary>The gradients of values through the nodes that a builder got last. A loop among these runs a second time, for it has not kept what its reversal needs.</summary>
    /// <param name="builder">Where the backward pass goes.</param>
    /// <param name="first">The number of the first of these nodes.</param>
    /// <param name="sources">What gradients are wanted for.</param>
    /// <param name="outputs">What is differentiated.</param>
    /// <param name="seeds">Their gradients; null for one that has none.</param>
    /// <returns>The gradients by source and by every value between; absent where none arrives.</returns>
    /// <exception cref="NotSupportedException">An operation on the way has no gradient.</exception>
    public static Dictionary<Value, Value> Run(Builder builder, int first, IEnumerable<Value> sources, IReadOnlyList<Value> outputs, IReadOnlyList<Value?> seeds)
    {
        var mode = new ReverseMode(builder, [.. builder.Nodes.Skip(first)], sources);
        return mode.Backward(outputs.Zip(seeds, (output, seed) => (output, seed)).Where(p => p.seed is not null).Select(p => (p.output, p.seed!)));
    }

    ImmutableArray<Value> New(ImmutableArray<Value> old) => rewriter?.New(old) ?? old;

    /// <summary>Copies the nodes; loops that will be differentiated also give what their reversal needs.</summary>
    /// <param name="sources">What gradients are wanted for.</param>
    /// <param name="roots">What is differentiated.</param>
    /// <exception cref="InvalidOperationException">The nodes belong to the function under construction already.</exception>
    public void Forward(IEnumerable<Value> sources, IEnumerable<Value> roots)
    {
        if (rewriter is null) throw new InvalidOperationException("The nodes are in their function already.");
        active = Activity.From(sources, nodes);
        var useful = Activity.To(roots, nodes);
        foreach (var node in nodes)
        {
            if (node.Operation == StructureOperations.Loop && node.Outputs.Any(o => active.Contains(o) && useful.Contains(o)))
            {
                using var _ = builder.At(node.Origins);
                var loop = new LoopGradient(node, [.. node.Inputs.Select(active.Contains)], [.. node.Outputs.Select(o => active.Contains(o) && useful.Contains(o))], builder.Program);
                var outputs = loop.EmitForward(builder, rewriter.New(node.Inputs));
                for (var i = 0; i < node.Outputs.Length; i++) rewriter.Map[node.Outputs[i]] = outputs[i];
                loops.Add(node, loop);
            }
            else if (calls.TryGetValue(node, out var call))
            {
                using var _ = builder.At(node.Origins);
                kept[node] = call.EmitForward(builder, rewriter.New(node.Inputs));
                for (var i = 0; i < node.Outputs.Length; i++) rewriter.Map[node.Outputs[i]] = kept[node][i];
            }
            else rewriter.Copy(node);
        }
    }

    /// <summary>Emits the backward pass.</summary>
    /// <param name="seeds">The gradients of values of the old function, as values of the new one; several for one value add up.</param>
    /// <returns>The gradients by old values; absent where none arrives.</returns>
    /// <exception cref="NotSupportedException">An operation on the way has no gradient.</exception>
    public Dictionary<Value, Value> Backward(IEnumerable<(Value Old, Value Gradient)> seeds)
    {
        var gradients = new Dictionary<Value, Value>();
        void Accumulate(Value old, Value gradient) => gradients[old] = gradients.TryGetValue(old, out var sum) ? builder.Add(sum, gradient) : gradient;

        foreach (var (old, gradient) in seeds)
            if (active.Contains(old)) Accumulate(old, gradient);
        foreach (var node in nodes.Reverse())
        {
            if (!node.Outputs.Any(gradients.ContainsKey) || !node.Inputs.Any(active.Contains)) continue;
            using var _ = builder.At(node.Origins);
            var given = node.Outputs.Select(o => gradients.TryGetValue(o, out var g) ? g : null).ToImmutableArray();
            var needed = node.Inputs.Select(active.Contains).ToImmutableArray();
            if (node.Operation == StructureOperations.Loop && !loops.ContainsKey(node))
            {
                var again = new LoopGradient(node, needed, [.. given.Select(g => g is not null)], builder.Program);
                again.EmitForward(builder, New(node.Inputs));
                loops.Add(node, again);
            }
            var found = loops.TryGetValue(node, out var loop)
                ? loop.EmitBackward(builder, New(node.Inputs), given)
                : calls.TryGetValue(node, out var call) ? call.EmitBackward(builder, New(node.Inputs), kept[node], given)
                : node.Operation == StructureOperations.If ? BranchGradient.Emit(builder, node, New(node.Inputs), given, needed)
                : node.Operation.Gradient(new(builder, node, New(node.Inputs), New(node.Outputs), given, needed));
            if (found.Length != node.Inputs.Length) throw new InvalidOperationException($"The gradient rule of {node.Name} gives {found.Length} values for {node.Inputs.Length} operands.");
            for (var i = 0; i < found.Length; i++)
                if (needed[i] && found[i] is { } gradient)
                    Accumulate(node.Inputs[i], Fit(gradient, node.Inputs[i].Type));
        }
        return gradients;
    }

    // A rule may leave a gradient broadcast, or in the wider type of the result.
    Value Fit(Value gradient, TensorType type) => builder.Cast(builder.SumTo(gradient, type.Shape), type.DType);
}
