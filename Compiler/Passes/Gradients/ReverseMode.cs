using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Gradients;

/// <summary>
/// Reverse-mode differentiation of a list of nodes: copies them into a function under construction, then walks them backwards, asking each operation on the way for its rule
/// and adding up what reaches a value over several ways. The order of these additions is that of the walk.
/// </summary>
sealed class ReverseMode(Rewriter rewriter, ImmutableArray<Node> nodes)
{
    readonly Dictionary<Node, LoopGradient> loops = [];
    HashSet<Value> active = [];

    Builder Builder => rewriter.Builder;

    /// <summary>Copies the nodes; loops that will be differentiated also give what their reversal needs.</summary>
    /// <param name="sources">What gradients are wanted for.</param>
    /// <param name="roots">What is differentiated.</param>
    public void Forward(IEnumerable<Value> sources, IEnumerable<Value> roots)
    {
        active = Activity.From(sources, nodes);
        var useful = Activity.To(roots, nodes);
        foreach (var node in nodes)
        {
            if (node.Operation == StructureOperations.Loop && node.Outputs.Any(o => active.Contains(o) && useful.Contains(o)))
            {
                using var _ = Builder.At(node.Origins);
                var loop = new LoopGradient(node, [.. node.Inputs.Select(active.Contains)], [.. node.Outputs.Select(o => active.Contains(o) && useful.Contains(o))], Builder.Program);
                var outputs = loop.EmitForward(Builder, rewriter.New(node.Inputs));
                for (var i = 0; i < node.Outputs.Length; i++) rewriter.Map[node.Outputs[i]] = outputs[i];
                loops.Add(node, loop);
            }
            else rewriter.Copy(node);
        }
    }

    /// <summary>Emits the backward pass.</summary>
    /// <param name="seeds">The gradients of values of the old function, as values of the new one; several for one value add up.</param>
    /// <returns>The gradients by old values; absent where none arrives.</returns>
    public Dictionary<Value, Value> Backward(IEnumerable<(Value Old, Value Gradient)> seeds)
    {
        var gradients = new Dictionary<Value, Value>();
        void Accumulate(Value old, Value gradient) => gradients[old] = gradients.TryGetValue(old, out var sum) ? Builder.Add(sum, gradient) : gradient;

        foreach (var (old, gradient) in seeds)
            if (active.Contains(old)) Accumulate(old, gradient);
        foreach (var node in nodes.Reverse())
        {
            if (!node.Outputs.Any(gradients.ContainsKey) || !node.Inputs.Any(active.Contains)) continue;
            using var _ = Builder.At(node.Origins);
            var given = node.Outputs.Select(o => gradients.TryGetValue(o, out var g) ? g : null).ToImmutableArray();
            var needed = node.Inputs.Select(active.Contains).ToImmutableArray();
            var found = loops.TryGetValue(node, out var loop)
                ? loop.EmitBackward(Builder, rewriter.New(node.Inputs), given)
                : node.Operation.Gradient(new(Builder, node, rewriter.New(node.Inputs), rewriter.New(node.Outputs), given, needed));
            if (found.Length != node.Inputs.Length) throw new InvalidOperationException($"The gradient rule of {node.Name} gives {found.Length} values for {node.Inputs.Length} operands.");
            for (var i = 0; i < found.Length; i++)
                if (needed[i] && found[i] is { } gradient)
                    Accumulate(node.Inputs[i], Fit(gradient, node.Inputs[i].Type));
        }
        return gradients;
    }

    // A rule may leave a gradient broadcast, or in the wider type of the result.
    Value Fit(Value gradient, TensorType type) => Builder.Cast(Builder.SumTo(gradient, type.Shape), type.DType);
}
