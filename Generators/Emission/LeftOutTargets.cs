using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules.Elaboration;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;

namespace Graph.Generators.Emission;

/// <summary>A model whose build would have it compiled for a target that cannot compute it, but does not insist: it is compiled without, the class knows why, and the editor says so.</summary>
static class LeftOutTargets
{
    /// <summary>The model as it is compiled, with the reason.</summary>
    /// <param name="input">The model.</param>
    /// <param name="needed">What it is compiled to without the targets that it may do without.</param>
    /// <param name="members">The members of that.</param>
    /// <param name="refusals">What was wrong with all targets.</param>
    public static EmittedModel Say(ModelInput input, EmittedModel needed, CompiledMembers members, EquatableArray<DiagnosticInfo> refusals)
    {
        var first = refusals.First(d => d.Descriptor.DefaultSeverity == DiagnosticSeverity.Error);
        var reason = first.Message.TrimEnd('.') + ".";
        var hint = DiagnosticInfo.Of(new GraphDiagnostic(DiagnosticIds.LeftOutTarget, first.Location,
            $"{input.Class.Name} is not compiled for {string.Join(", ", input.Optional.Select(t => t.Name))}: {reason} The project asks for this target where it can be had, as every one does that says nothing (GraphTargets: cpu;ptx?). Without the question mark this is an error."));
        return needed with { Members = members with { LeftOut = reason }, Diagnostics = needed.Diagnostics.Add(hint) };
    }
}
