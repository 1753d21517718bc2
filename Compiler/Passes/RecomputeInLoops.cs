using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Recompute;
using Graph.Compiler.Passes.Scheduling;

namespace Graph.Compiler.Passes;

/// <summary>
/// Decides what a loop stacks for a loop that reads it iteration by iteration, as its gradient does: scalar arithmetic and changes of view are made again in the second loop where less has to be stacked then. The rule is that of
/// <see cref="SaveOrRecompute"/>, with both bodies as one function of an iteration.
/// </summary>
/// <remarks>Comes after <see cref="HoistSums"/>, which takes products out of the second loop and stacks what they read.</remarks>
public sealed record RecomputeInLoops() : FunctionPass("RecomputeInLoops")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => Run(function, program);

    static Function Run(Function function, Program program)
    {
        if (!function.Nodes.Any(Bodies.Has)) return function;
        function = Bodies.Rewrite(function, program, (_, body) => Run(body, program));
        // Rewriting a pair leaves every node where it was.
        for (var second = 0; second < function.Nodes.Length; second++)
            for (var first = 0; first < second; first++)
                if (LoopPair.Of(function, function.Nodes[first], function.Nodes[second], program) is { } pair) function = pair.Rewrite(whole => Run(whole, program));
        return function;
    }
}
