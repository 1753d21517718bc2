using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes.Fusion;

/// <summary>Groups over many small tensors at once: what a training step does with every parameter.</summary>
static class FusionTogether
{
    /// <summary>All calls of the optimizer's rules are one launch, or one for each form that their kernels have.</summary>
    public static void Updates(FusionGraph graph, Program program)
    {
        var calls = Enumerable.Range(0, graph.Nodes.Length).Where(i => graph.Nodes[i].Operation == StructureOperations.Call && TrainingSignature.IsRule(program, graph.Nodes[i].Attributes.Text("callee")!)).ToList();
        if (calls.Count > 0) graph.Replace(calls, "update");
    }
}
