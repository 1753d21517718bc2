using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Modules.Elaboration;
using Graph.Compiler.Passes;
using Graph.Compiler.Passes.Typing;
using Graph.Generators.Diagnostics;
using Location = Graph.Compiler.Modules.Location;

namespace Graph.Generators.Emission;

/// <summary>Where a model that is trained in float16 may leave its range.</summary>
static class RangeWarnings
{
    const string InModule = "let its module compute in 32 bits: [Precision(Precision.Float32)]";

    /// <summary>One for each place in the source and reason.</summary>
    /// <param name="compiled">The model in one of its precisions.</param>
    /// <param name="origins">The places that origins of nodes refer to.</param>
    /// <param name="location">That of the model.</param>
    public static IEnumerable<DiagnosticInfo> Of(CompiledProgram compiled, IReadOnlyList<Location> origins, Location location)
    {
        if (compiled.Find("Typed") is not { } typed) yield break;
        var said = new HashSet<(RangeRisk, Location)>();
        foreach (var (risk, node) in NarrowRanges.Of(typed))
        {
            var place = node.Origins.Select(o => Origin.Entry(o.Place)).FirstOrDefault(e => e < origins.Count) is { } entry ? origins[entry] : location;
            if (said.Add((risk, place))) yield return DiagnosticInfo.Of(new GraphDiagnostic(Id(risk), place, Message(risk)));
        }
    }

    static string Id(RangeRisk risk) => risk switch
    {
        RangeRisk.Exponential => DiagnosticIds.NarrowExponential,
        RangeRisk.Squares => DiagnosticIds.NarrowSquares,
        RangeRisk.Huge => DiagnosticIds.NarrowNumber,
        RangeRisk.Quotient => DiagnosticIds.NarrowQuotient,
        RangeRisk.Product => DiagnosticIds.NarrowProduct,
        _ => throw new ArgumentOutOfRangeException(nameof(risk), risk, "not a risk"),
    };

    static string Message(RangeRisk risk) => risk switch
    {
        RangeRisk.Exponential =>
            $"The argument of this exponential has no upper bound, and what comes of it is stored in float16, which ends at 65504: above 11.09 it is infinite. Take the maximum away first, use Softmax or LogSumExp, bound the argument with Clamp, or {InModule}.",
        RangeRisk.Squares =>
            $"This square, or sum of squares, is stored in float16: above 255 a square is infinite there, below 0.0002 it is 0. Use Norm, Variance or a normalization, which square in 32 bits, or {InModule}.",
        RangeRisk.Huge =>
            $"A number beyond 65504 comes into what is stored in float16, where it is infinite: a row that is masked as a whole has no softmax then. Pass a mask of bools, use a number that float16 holds, such as -30000, or {InModule}.",
        RangeRisk.Quotient =>
            $"What keeps this divisor from 0 is so small that the quotient, which is stored in float16, may be infinite: float16 ends at 65504. Use an epsilon of at least 1e-4, bound the quotient, or {InModule}.",
        RangeRisk.Product =>
            $"Two activations that nothing normalizes or bounds are multiplied, and the product is stored in float16, which ends at 65504: two of 256 overflow it. Normalize, bound or scale down one of them first, or {InModule}.",
        _ => throw new ArgumentOutOfRangeException(nameof(risk), risk, "not a risk"),
    };
}
