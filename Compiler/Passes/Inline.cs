using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes;

/// <summary>
/// Replaces calls by the callee's nodes, its named dimensions by the operands' sizes. What a function calls often, with operands of the same types, stays a function, which every later pass works on once
/// (<see cref="Callees"/>). Calls of an optimizer's rule come later, with the training step: one kernel serves all parameters.
/// </summary>
public sealed record Inline() : FunctionPass("Inline")
{
    public override Function Run(Function function, Program program, CancellationToken cancel)
    {
        var calls = function.Nodes.Where(n => n.Operation == StructureOperations.Call).GroupBy(n => CallOperation.CalleeName(n)!);
        var stay = new HashSet<Node>(calls.Where(g => Stays(CallOperation.Callee(program, g.First().Attributes), [.. g])).SelectMany(g => g));
        return Inliner.Run(function, program, stay.Contains);
    }

    static bool Stays(Function callee, IReadOnlyList<Node> calls) =>
        calls.Count >= Callees.FewestCalls && Callees.IsLarge(callee.Nodes) && calls.All(c => c.Inputs.Select(i => i.Type).SequenceEqual(callee.Parameters.Select(p => p.Type)));
}
