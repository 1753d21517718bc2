using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Modules.Elaboration;
using Graph.Compiler.Passes;
using Graph.Generators.Diagnostics;
using Location = Graph.Compiler.Modules.Location;

namespace Graph.Generators.Emission;

/// <summary>What a target lacks for a compiled program: elaboration refuses what a model says, and this what the compiler made of it, gradients above all.</summary>
static class MissingKernels
{
    /// <summary>One error for each reason and place in the source, for one target.</summary>
    /// <param name="compiled">The program, compiled for the target.</param>
    /// <param name="origins">The places that origins of nodes refer to.</param>
    /// <param name="location">That of the model.</param>
    public static IEnumerable<DiagnosticInfo> Errors(CompiledProgram compiled, IReadOnlyList<Location> origins, Location location)
    {
        var (target, program) = (compiled.Target, compiled.Final);
        foreach (var (reason, node, function) in Nodes(program)
            .Select(n => (Reason: n.Node.Outputs.Select(o => target.Refuse(o.DType)).FirstOrDefault(r => r is not null) ?? target.Lacks(n.Node, program), n.Node, n.Function)).Where(n => n.Reason is not null)
            .GroupBy(n => (n.Reason, At(n.Node))).Select(g => g.First()))
            yield return DiagnosticInfo.Of(new GraphDiagnostic(DiagnosticIds.NoKernel, At(node), $"{reason}. {function} needs it for what is computed here, or for its gradient."));

        Location At(Node node) => node.Origins.Select(o => Origin.Entry(o.Place)).FirstOrDefault(entry => entry < origins.Count) is { } entry ? origins[entry] : location;
    }

    // Fused nodes are looked into: it is their inner nodes that have kernels and places.
    static IEnumerable<(Node Node, string Function)> Nodes(Program program) => program.Functions.SelectMany(f => Within(f).Select(n => (n, f.Name)));

    static IEnumerable<Node> Within(Function function) => function.Nodes.SelectMany(n => n.Regions.IsEmpty ? [n] : n.Regions.SelectMany(Within));
}
