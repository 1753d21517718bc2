using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;

namespace Graph.Compiler.Planning;

/// <summary>
/// Gives every intermediate of a function an offset in one arena: liveness over the launches, results written over operands that die with them, and an offline packing of what remains.
/// A pure function of its arguments: the generator prints the same plan that the runtime executes.
/// </summary>
public static class Planner
{
    public static MemoryPlan Plan(LoweredFunction function, DimBinding binding)
    {
        var liveness = new Liveness(function, binding);
        var live = liveness.LiveBytes();
        var bound = live.Max();
        var peak = bound == 0 ? -1 : System.Array.IndexOf(live, bound);

        var pieces = liveness.Pieces(inPlace: true);
        var (places, bytes, method) = ArenaPacker.Pack(pieces, bound, peak);
        var inPlace = true;
        if (bytes > bound && liveness.TakesOver.Any(t => t >= 0))
        {
            // Rarely, a long chain at one offset is harder to place than its parts.
            var apart = liveness.Pieces(inPlace: false);
            var (otherPlaces, otherBytes, otherMethod) = ArenaPacker.Pack(apart, bound, peak);
            if (otherBytes < bytes) (pieces, places, bytes, method, inPlace) = (apart, otherPlaces, otherBytes, otherMethod + ", nothing in place", false);
        }

        var offsets = new long[function.Buffers.Length];
        for (var i = 0; i < offsets.Length; i++) offsets[i] = -1;
        for (var i = 0; i < pieces.Count; i++)
            foreach (var buffer in pieces[i].Members) offsets[buffer] = places[i];

        long flops = 0, traffic = 0;
        foreach (var launch in function.Launches)
        {
            flops += launch.Flops.Evaluate(binding);
            traffic += launch.Traffic.Evaluate(binding);
        }
        return new(
            function, binding, [.. offsets], [.. liveness.Bytes], [.. liveness.Lives], [.. liveness.TakesOver.Select(t => inPlace ? t : -1)],
            bytes, bound, peak, flops, traffic, method);
    }

    /// <summary>The most bytes that live at once in the order that the launches have: what <see cref="MemoryPlan.LowerBound"/> is of a plan, without placing anything.</summary>
    public static long PeakBytes(LoweredFunction function, DimBinding binding) => new Liveness(function, binding).LiveBytes().Max();
}
