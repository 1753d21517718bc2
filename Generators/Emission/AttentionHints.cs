using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Modules.Elaboration;
using Graph.Compiler.Passes.Rules;
using Graph.Generators.Diagnostics;
using Location = Graph.Compiler.Modules.Location;

namespace Graph.Generators.Emission;

/// <summary>Where a model writes attention by hand: it keeps all its scores, which the operation does not.</summary>
static class AttentionHints
{
    /// <summary>One for each place in the source, at the softmax.</summary>
    /// <param name="elaborated">The model's program as it is written.</param>
    /// <param name="origins">The places that origins of nodes refer to.</param>
    public static IEnumerable<DiagnosticInfo> Of(Program elaborated, IReadOnlyList<Location> origins)
    {
        var said = new HashSet<Location>();
        foreach (var softmax in elaborated.Functions.SelectMany(WrittenAttention.Find))
            if (softmax.Origins.Select(o => Origin.Entry(o.Place)).FirstOrDefault(entry => entry < origins.Count) is { } entry && said.Add(origins[entry]))
                yield return DiagnosticInfo.Of(new GraphDiagnostic(DiagnosticIds.WrittenAttention, origins[entry],
                    $"This softmax between two products is attention, whose weights {softmax.Output.Shape} are all kept. Tensor.ScaledDotProductAttention(query, key, value, causal, scale, mask, …) computes the same tile by tile and keeps none."));
    }
}
