using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Passes;

/// <summary>Replaces attention by other operations for a target that has no kernel for it.</summary>
/// <param name="Target">What is compiled for.</param>
public sealed record SpellOutAttention(TargetModel Target) : FunctionPass("SpellOutAttention")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) =>
        Target.Attention is null && HasAttention(function) ? new Decompose().Run(Rewritten(function, program), program, cancel) : function;

    static bool HasAttention(Function function) => function.Nodes.Any(n => n.Operation.Attention(n) is not null || n.Regions.Any(HasAttention));

    static Function Rewritten(Function function, Program program)
    {
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
        {
            if (node.Operation.Attention(node) is null)
            {
                rewriter.Emit(node, node.Attributes, [.. node.Regions.Select(r => Rewritten(r, program))]);
                continue;
            }
            using var _ = rewriter.Builder.At(node.Origins);
            var placed = new Node(node.Operation, rewriter.New(node.Inputs), node.Attributes, node.Regions, [.. node.Outputs.Select(o => o.Type)], node.Origins);
            var results = node.Operation.Define(rewriter.Builder, placed);
            for (var i = 0; i < results.Length; i++) rewriter.Map[node.Outputs[i]] = results[i];
        }
        return rewriter.Finish(function);
    }
}
