using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Scheduling;

namespace Graph.Compiler.Passes;

/// <summary>
/// Lets an operation give its first result alone where nothing reads the others and it has a form without them (<see cref="Operation.FirstResultAlone"/>): an entry needs the maxima of windows, but not where they lie.
/// Comes behind differentiation, which is what reads them. What is in loops and branches is looked at as what is around them is.
/// </summary>
public sealed record DropPlaces() : FunctionPass("DropPlaces")
{
    public override Function Run(Function function, Program program, CancellationToken cancel)
    {
        if (function.Nodes.Any(Bodies.Has)) function = Bodies.Rewrite(function, program, (_, body) => Run(body, program, cancel));
        var uses = function.UseCounts();
        var alone = function.Nodes.Where(n => n.Outputs.Length > 1 && !n.Outputs.Skip(1).Any(uses.ContainsKey)).Select(n => (Node: n, Attributes: n.Operation.FirstResultAlone(n)))
            .Where(p => p.Attributes is not null).ToDictionary(p => p.Node, p => p.Attributes!);
        if (alone.Count == 0) return function;
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
        {
            if (!alone.TryGetValue(node, out var attributes))
            {
                rewriter.Copy(node);
                continue;
            }
            using var _ = rewriter.Builder.At(node.Origins);
            rewriter.Map[node.Outputs[0]] = rewriter.Builder.Node(node.Operation, rewriter.New(node.Inputs), attributes).Output;
        }
        return rewriter.Finish(function);
    }
}
