using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Modules.Elaboration;
using Graph.Compiler.Planning;
using Graph.Generators.Diagnostics;
using Location = Graph.Compiler.Modules.Location;

namespace Graph.Generators.Emission;

/// <summary>What a model will ask of the machine that it runs on: said while it is built when that is much, for the first call is a late place to learn it.</summary>
static class MemoryNeeds
{
    /// <summary>Eight gigabytes are worth a word.</summary>
    public const long Much = 8L << 30;

    /// <summary>One warning for each function whose intermediates take much at typical sizes, where the largest is made, and one for parameters and optimizer states that do.</summary>
    /// <param name="model">The model's name.</param>
    /// <param name="lowered">Its functions.</param>
    /// <param name="plans">Their plans at typical sizes.</param>
    /// <param name="origins">The places that origins of nodes refer to.</param>
    /// <param name="location">That of the model.</param>
    public static IEnumerable<DiagnosticInfo> Warnings(string model, LoweredProgram lowered, IReadOnlyList<MemoryPlan> plans, IReadOnlyList<Location> origins, Location location)
    {
        var typical = DimBinding.Typical(lowered.Dims);
        foreach (var plan in plans)
        {
            var (function, peak) = (plan.Function, plan.LowerBound);
            if (peak < Much) continue;
            var largest = function.Buffers.Where(b => b.Kind == BufferKind.Arena).OrderByDescending(b => plan.Bytes[b.Id]).First();
            var maker = function.Launches.First(l => l.Operands.Any(o => o.IsWritten && o.Buffer == largest));
            var symbols = function.Buffers.SelectMany(b => b.Elements.Symbols).Distinct().ToList();
            var at = string.Join(", ", lowered.Dims.Where(d => symbols.Contains(d.Name)).Select(d => System.FormattableString.Invariant($"{d.Name} = {d.Typical}")));
            yield return Warning(
                $"{model}.{function.Name} needs {SizeLimits.Bytes(peak)} for its intermediates{(at.Length > 0 ? " at " + at : "")}; the largest, made here, takes {SizeLimits.Bytes(plan.Bytes[largest.Id])}.",
                maker.Origins.Select(o => Origin.Entry(o.Place)).FirstOrDefault(entry => entry < origins.Count) is { } entry ? origins[entry] : location);
        }
        var stored = lowered.States.Sum(s => s.Type.BytesAt(typical));
        if (stored >= Much) yield return Warning($"{model} holds {SizeLimits.Bytes(stored)} of parameters, states and what its optimizer keeps.", location);
    }

    static DiagnosticInfo Warning(string message, Location location) => DiagnosticInfo.Of(new GraphDiagnostic(DiagnosticIds.MuchMemory, location, message));
}
