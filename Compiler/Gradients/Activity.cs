using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Gradients;

/// <summary>Which values lie on a path from something that is differentiated for to something that is differentiated.</summary>
static class Activity
{
    /// <summary>The float values that depend on <paramref name="sources"/>, these included.</summary>
    public static HashSet<Value> From(IEnumerable<Value> sources, IEnumerable<Node> nodes)
    {
        var active = new HashSet<Value>(sources);
        foreach (var node in nodes)
            if (node.Inputs.Any(active.Contains))
                foreach (var output in node.Outputs)
                    if (output.DType.IsFloat()) active.Add(output);
        return active;
    }

    /// <summary>The values that <paramref name="roots"/> depend on, these included.</summary>
    public static HashSet<Value> To(IEnumerable<Value> roots, IReadOnlyList<Node> nodes)
    {
        var useful = new HashSet<Value>(roots);
        for (var i = nodes.Count - 1; i >= 0; i--)
            if (nodes[i].Outputs.Any(useful.Contains))
                foreach (var input in nodes[i].Inputs) useful.Add(input);
        return useful;
    }
}
