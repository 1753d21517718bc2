using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>What gradient rules share.</summary>
static class Gradients
{
    /// <summary>The gradient of input <paramref name="i"/>, computed only if somebody wants it: summed over broadcast axes and cast to the input's type. Null for integers.</summary>
    public static Value? For(this GradContext g, int i, Func<Expr> gradient)
    {
        var type = g.Input(i).Value.DType;
        return g.Needs(i) && type.IsFloat() ? g.Builder.Cast(g.ToInput(i, gradient()), type) : null;
    }

    public static Expr Of(this Builder b, Value value) => new(b, value);

    /// <summary>
    /// The gradients of <paramref name="wrt"/> through the nodes that the builder got since <paramref name="first"/>, by their own rules, given those of <paramref name="outputs"/>.
    /// </summary>
    public static Dictionary<Value, Value> Reverse(Builder b, int first, IReadOnlyCollection<Value> wrt, IReadOnlyList<Value> outputs, IReadOnlyList<Value?> seeds)
    {
        var nodes = b.Nodes.Skip(first).ToArray();
        var reached = new HashSet<Value>(wrt);
        foreach (var node in nodes)
            if (node.Inputs.Any(reached.Contains))
                foreach (var output in node.Outputs)
                    if (output.DType.IsFloat()) reached.Add(output);

        var adjoints = new Dictionary<Value, Value>();
        void Accumulate(Value value, Value? gradient)
        {
            if (gradient is not null) adjoints[value] = adjoints.TryGetValue(value, out var sum) ? b.Add(sum, gradient) : gradient;
        }
        for (var i = 0; i < outputs.Count; i++) Accumulate(outputs[i], seeds[i]);
        foreach (var node in Enumerable.Reverse(nodes))
        {
            if (!node.Outputs.Any(o => adjoints.ContainsKey(o)) || !node.Inputs.Any(reached.Contains)) continue;
            var gradients = node.Operation.Gradient(new(
                b, node, node.Inputs, node.Outputs, [.. node.Outputs.Select(o => adjoints.TryGetValue(o, out var a) ? a : null)], [.. node.Inputs.Select(reached.Contains)]));
            for (var i = 0; i < gradients.Length; i++)
                if (reached.Contains(node.Inputs[i])) Accumulate(node.Inputs[i], gradients[i]);
        }
        return adjoints;
    }
}
