using System;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>Replaces composite operations by what they are made of.</summary>
public static class Composites
{
    /// <summary>The function without some of its composites, those that definitions bring and those in regions included.</summary>
    /// <param name="function">The function.</param>
    /// <param name="program">The program that calls are resolved in.</param>
    /// <param name="replaced">Tells which.</param>
    public static Function Replace(Function function, Program program, Func<Node, bool> replaced)
    {
        bool Composed(Function f) => f.Nodes.Any(n => (n.Operation.Kind == OpKind.Composite && replaced(n)) || n.Regions.Any(Composed));
        while (Composed(function)) function = Sweep(function, program, replaced);
        return function;
    }

    static Function Sweep(Function function, Program program, Func<Node, bool> replaced)
    {
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
        {
            if (node.Operation.Kind != OpKind.Composite || !replaced(node))
            {
                rewriter.Emit(node, node.Attributes, node.Regions.IsEmpty ? node.Regions : [.. node.Regions.Select(r => Replace(r, program, replaced))]);
                continue;
            }
            using var _ = rewriter.Builder.At(node.Origins);
            // The definition sees the node on the new operands; the node itself does not enter the function.
            var placed = new Node(node.Operation, rewriter.New(node.Inputs), node.Attributes, node.Regions, [.. node.Outputs.Select(o => o.Type)], node.Origins);
            var results = node.Operation.Define(rewriter.Builder, placed);
            for (var i = 0; i < results.Length; i++) rewriter.Map[node.Outputs[i]] = results[i];
        }
        return rewriter.Finish(function);
    }
}
