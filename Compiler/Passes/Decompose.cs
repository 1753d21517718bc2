using System.Threading;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes;

/// <summary>Replaces every composite operation by what it is made of, until only primitives are left.</summary>
public sealed record Decompose() : FunctionPass("Decompose")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => Composites.Replace(function, program, _ => true);
}
