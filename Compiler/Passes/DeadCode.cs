using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes;

/// <summary>Drops nodes that no result and no state needs, and states that are not read any more.</summary>
public sealed record DeadCode() : FunctionPass("DeadCode")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => Run(function);

    internal static Function Run(Function function)
    {
        var live = new HashSet<Value>(function.Roots);
        var kept = new List<Node>();
        foreach (var node in function.Nodes.Reverse())
        {
            if (node.Operation.IsPure && !node.Outputs.Any(live.Contains)) continue;
            kept.Add(node);
            foreach (var input in node.Inputs) live.Add(input);
        }
        var states = function.States.Where(live.Contains).ToList();
        if (kept.Count == function.Nodes.Length && states.Count == function.States.Length) return function;
        kept.Reverse();
        // Nodes cannot change once built, so the functions share them.
        return new(function.Name, function.Parameters, [.. states], [.. kept], function.Results, function.Updates, function.ResultNames);
    }
}
