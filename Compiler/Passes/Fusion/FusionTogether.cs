using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes.Fusion;

/// <summary>Groups over many small tensors at once: what a training step does with every parameter.</summary>
static class FusionTogether
{
    /// <summary>All calls of the optimizer's rule are one launch.</summary>
    public static void Updates(FusionGraph graph)
    {
        var calls = Enumerable.Range(0, graph.Nodes.Length).Where(i => graph.Nodes[i].Operation == StructureOperations.Call && graph.Nodes[i].Attributes.Text("callee") == FunctionNames.Update).ToList();
        if (calls.Count > 0) graph.Replace(calls, "update");
    }

    /// <summary>The shares of the gradient's norm, their sum, and the scalar arithmetic on it.</summary>
    public static void Norm(FusionGraph graph)
    {
        var squares = new Dictionary<int, int>();
        for (var i = 0; i < graph.Nodes.Length; i++)
            if (Square(graph, i) is >= 0 and var square) squares.Add(i, square);
        // Sums of shares only. Two equal gradients have one share, which is added twice.
        HashSet<int> sums;
        int total;
        while (true)
        {
            sums = [.. squares.Keys];
            for (var i = 0; i < graph.Nodes.Length; i++)
                if (graph.Nodes[i].Is(ScalarOp.Add) && graph.Nodes[i].Inputs.All(v => graph.Producer(v) is var p && sums.Contains(p))) sums.Add(i);
            total = sums.Count == 0 ? -1 : sums.Max();
            // A sum of squares that something else reads, such as a loss, is no share.
            var others = sums.Where(s => s != total && (graph.IsRoot(graph.Nodes[s].Output) || graph.Consumers(s).Any(c => !sums.Contains(c)))).ToList();
            if (others.Count == 0) break;
            if (!others.Any(squares.Remove)) return;
        }
        if (squares.Count < 3 || sums.Count == squares.Count) return;
        var members = new SortedSet<int>(squares.Values);
        members.UnionWith(sums);
        for (var i = total + 1; i < graph.Nodes.Length; i++)
            if (graph.GroupOf[i] is { Kind: null } && graph.Nodes[i].Operation.Kind == OpKind.Elementwise && graph.Nodes[i].Output.Shape.Rank == 0 && Follows(graph, i, members, total)) members.Add(i);
        graph.Replace(members, "norm");
    }

    // The node that squares what the full sum i adds up; -1 when i is something else.
    static int Square(FusionGraph graph, int i)
    {
        var node = graph.Nodes[i];
        if (node.Operation.Reduce(node)?.Operation != ScalarOp.Add || node.Output.Shape.Rank > 0 || node.Output.DType != DType.F32) return -1;
        var p = graph.Producer(node.Inputs[0]);
        if (p < 0 || !graph.Nodes[p].Is(ScalarOp.Mul) || graph.Nodes[p].Inputs[0] != graph.Nodes[p].Inputs[1] || graph.Consumers(p).Count != 1) return -1;
        return graph.Nodes[p].Inputs[0].DType == DType.F32 ? p : -1;
    }

    static bool Follows(FusionGraph graph, int i, ICollection<int> members, int total)
    {
        var sources = graph.Nodes[i].Inputs.Select(graph.Source).ToList();
        return sources.Any(s => s >= 0 && members.Contains(s)) && sources.All(s => s >= 0 && (graph.IsFree(s) || (members.Contains(s) && s >= total)));
    }
}
