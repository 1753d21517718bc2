using System.Threading;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes;

/// <summary>
/// Replaces calls by the callee's nodes, its named dimensions by the operands' sizes. Those of an optimizer's rule come later, with the training step: one kernel serves all parameters.
/// </summary>
public sealed record Inline() : FunctionPass("Inline")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => Inliner.Run(function, program);
}
