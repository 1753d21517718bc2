using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Scheduling;
using Graph.Compiler.Passes.Fusion;
using Graph.Compiler.Space;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes;

/// <summary>
/// Gathers primitive operations into kernels, by the memory traffic that it saves: chains of scalar arithmetic, rows with their reductions (softmax, normalization, cross entropy),
/// cheap arithmetic in front of contractions and convolutions as their prologues, scalar arithmetic behind contractions and convolutions as their epilogues, or beside them where those read the same, sums of what contractions multiply, sums of their rows, column sums that read the same data.
/// A fused node's region is an ordinary function of primitives, so the reference interpreter runs it.
/// </summary>
/// <remarks>Greedy and deterministic: rules in a fixed order over nodes in their order. Views of a kernel's operands stay outside; they are strides of the operands.</remarks>
/// <param name="Target">Whose limits and costs decide.</param>
public sealed record Fuse(TargetModel Target) : FunctionPass("Fuse")
{
    public override Function Run(Function function, Program program, CancellationToken cancel)
    {
        function = Bodies.Rewrite(function, program, (_, body) => Run(body, program, cancel));
        // The optimizer's rule is fused where it is applied.
        if (TrainingSignature.IsRule(program, function.Name)) return function;
        var graph = new FusionGraph(function);
        var typical = DimBinding.Typical(program.Dims);
        var legality = new Legality(graph, typical, Target);
        var merger = new Merger(graph, legality, cancel);
        merger.Chains();
        new Prologues(graph, merger, legality, Target, typical, cancel).Run();
        merger.ResultSums();
        merger.Rows();
        merger.Epilogues();
        merger.Beside();
        merger.Recompute();
        merger.Neighbours();
        merger.Sums();
        merger.Columns();
        merger.Chains();
        return new FusionBuilder(graph, program, legality).Build();
    }
}
