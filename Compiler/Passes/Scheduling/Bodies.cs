using System;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Scheduling;

/// <summary>The functions within a function whose nodes are launched one by one, as the function's own are: the bodies of loops and branches. A fused region is one kernel and none of these.</summary>
static class Bodies
{
    /// <summary>Whether a node's regions are bodies.</summary>
    public static bool Has(Node node) => node.Operation == StructureOperations.Loop || node.Operation == StructureOperations.If;

    /// <summary>The function with every body rewritten; itself when it has none.</summary>
    public static Function Rewrite(Function function, Program program, Func<Node, Function, Function> rewrite)
    {
        if (!function.Nodes.Any(Has)) return function;
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
            rewriter.Emit(node, node.Attributes, Has(node) ? [.. node.Regions.Select(r => rewrite(node, r))] : node.Regions);
        return rewriter.Finish(function);
    }
}
