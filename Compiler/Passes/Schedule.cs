using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Scheduling;

namespace Graph.Compiler.Passes;

/// <summary>
/// Orders the nodes of every function so that few bytes live at once: the best of the natural order, the order on demand, and list schedules along both, at the typical sizes.
/// Never worse than the natural order, which stays when nothing is better.
/// </summary>
public sealed record Schedule() : FunctionPass("Schedule")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => Run(function, null, program, cancel);

    static Function Run(Function function, Node? around, Program program, CancellationToken cancel)
    {
        function = Bodies.Rewrite(function, program, (node, body) => Run(body, node, program, cancel));
        if (function.Nodes.Length < 2) return function;
        var order = new Order(function, DimBinding.Typical(program.Dims), around, program);
        int[] given = [.. Enumerable.Range(0, order.Count)];
        // The same, unless a state would be read after its new value is written.
        var natural = order.List(given, eager: false, greedy: false);
        var best = natural;
        var least = order.Peak(natural).Bytes;
        foreach (var candidate in Candidates(order, natural))
        {
            cancel.ThrowIfCancellationRequested();
            var bytes = order.Peak(candidate).Bytes;
            if (bytes >= least) continue;
            (best, least) = (candidate, bytes);
        }
        // Nodes cannot change once built, so both functions hold the same ones.
        return best.SequenceEqual(given) ? function
            : new(function.Name, function.Parameters, function.States, [.. best.Select(i => function.Nodes[i])], function.Results, function.Updates, function.ResultNames);
    }

    static IEnumerable<int[]> Candidates(Order order, int[] natural)
    {
        yield return order.List(natural, eager: true, greedy: false);
        var demand = order.OnDemand();
        yield return demand;
        yield return order.List(demand, eager: true, greedy: false);
        yield return order.List(natural, eager: true, greedy: true);
    }
}
