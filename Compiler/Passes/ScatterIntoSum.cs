using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Scheduling;

namespace Graph.Compiler.Passes;

/// <summary>
/// Lets a kernel that adds onto zeros add onto what its result is added to: a table that is also a classifier's weight has a dense gradient, onto which only the rows that
/// were looked up need be added. Without it a table of zeros is made, filled, read and added. The operation says that it takes the sum (<see cref="LibraryHooks.Addend"/>).
/// </summary>
public sealed record ScatterIntoSum() : FunctionPass("ScatterIntoSum")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => Run(Bodies.Rewrite(function, program, (_, body) => Run(body, program, cancel)), program);

    static Function Run(Function function, Program program)
    {
        var uses = function.UseCounts();
        // What is read elsewhere too has to be kept, and would be copied.
        bool IsReadOnce(Value v)
        {
            for (; uses[v] == 1; v = v.Producer.Inputs[0])
                if (v.Producer is not { Operation.Kind: OpKind.View }) return v.Producer is not null;
            return false;
        }
        var sums = new Dictionary<Node, (Node Scatter, Value Into)>();
        var moved = new HashSet<Node>();
        foreach (var node in function.Nodes)
        {
            if (!node.Is(ScalarOp.Add) || node.Inputs.Any(v => v.Type != node.Output.Type || !IsReadOnce(v))) continue;
            var scatter = node.Inputs.Select(v => v.Producer!).LastOrDefault(p => p.Operation.Library(p)?.Hooks.HasFlag(LibraryHooks.Addend) == true);
            if (scatter is null) continue;
            sums.Add(node, (scatter, node.Inputs.First(v => v != scatter.Output)));
            moved.Add(scatter);
        }
        if (sums.Count == 0) return function;

        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
        {
            if (moved.Contains(node)) continue;
            if (!sums.TryGetValue(node, out var sum))
            {
                rewriter.Copy(node);
                continue;
            }
            using var _ = rewriter.Builder.At(sum.Scatter.Origins);
            rewriter.Map[node.Output] = rewriter.Builder.Node(sum.Scatter.Operation, rewriter.New([.. sum.Scatter.Inputs, sum.Into]), sum.Scatter.Attributes).Output;
        }
        return rewriter.Finish(function);
    }
}
