using System.Threading;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes;

/// <summary>Drops nodes that no result and no state needs, and states that are not read any more.</summary>
public sealed record DeadCode() : FunctionPass("DeadCode")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => function.Pruned();
}
