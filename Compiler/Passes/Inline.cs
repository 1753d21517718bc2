using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes;

/// <summary>
/// Replaces calls by the callee's nodes, its named dimensions by the operands' sizes. Calls of the optimizer's rule stay: one kernel serves all parameters.
/// </summary>
public sealed record Inline() : FunctionPass("Inline")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => Inliner.Run(function, program, keep: FunctionNames.Update);
}
