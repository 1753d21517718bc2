using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Planning;

/// <summary>
/// Gives every intermediate of a function an offset in one arena: liveness over the launches, results written over operands that die with them, and an offline packing of what remains.
/// A pure function of its arguments: the generator prints the same plan that the runtime executes.
/// </summary>
public static class Planner
{
    /// <param name="function">The launches.</param>
    /// <param name="binding">The values of its named dimensions.</param>
    /// <param name="like">A plan of the same function in another binding, whose order is tried first: mostly it is as good here, and is found at once.</param>
    public static MemoryPlan Plan(LoweredFunction function, DimBinding binding, MemoryPlan? like = null)
    {
        if (CheckpointMarks.Order(function, binding) is { } order) return Rematerializer.PlanIn(function, binding, order);
        if (like?.Repeated > 0) like = null; // of other buffers
        var work = new PlanningWork();
        var liveness = new Liveness(function, binding);
        var live = liveness.LiveBytes();
        var bound = live.Max();
        var peak = bound == 0 ? -1 : System.Array.IndexOf(live, bound);

        var pieces = liveness.Pieces(inPlace: true);
        var (places, bytes, method) = like is null ? ArenaPacker.Pack(pieces, bound, peak, work) : Again(pieces, like, bound, peak, work);
        var (inPlace, spent) = (true, work.Spent);
        if (bytes > ArenaPacker.Goal(bound) && liveness.TakesOver.Any(t => t >= 0))
        {
            // Rarely, a long chain at one offset is harder to place than its parts.
            var apart = liveness.Pieces(inPlace: false);
            var more = new PlanningWork();
            var (otherPlaces, otherBytes, otherMethod) = ArenaPacker.Pack(apart, bound, peak, more);
            spent += more.Spent;
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
            bytes, bound, peak, flops, traffic, method) { Work = spent };
    }

    /// <summary>The plan at typical sizes of those dimensions that the function's parameters have.</summary>
    public static MemoryPlan PlanTypical(LoweredFunction function, ImmutableArray<DimSymbol> declared) =>
        Plan(function, DimBinding.Typical(new DimSolver(function, declared).Symbols));

    // From the bottom up as in another binding, judged by the sizes of this one.
    static (long[] Offsets, long Bytes, string Method) Again(List<Piece> pieces, MemoryPlan like, long bound, int peak, PlanningWork work)
    {
        var order = Enumerable.Range(0, pieces.Count).OrderBy(p => like.Offsets[pieces[p].Members[0]]).ThenBy(p => pieces[p].First).ToArray();
        return ArenaPacker.InOrder(pieces, order, bound, work) is var (offsets, bytes) ? (offsets, bytes, $"the order of {like.Binding}") : ArenaPacker.Pack(pieces, bound, peak, work);
    }

    /// <summary>The most bytes that live at once in the order that the launches have: what <see cref="MemoryPlan.LowerBound"/> is of a plan, without placing anything.</summary>
    public static long PeakBytes(LoweredFunction function, DimBinding binding) => new Liveness(function, binding).LiveBytes().Max();

    /// <summary>The most bytes that one launch has in the arena at once, its operands, results and workspace, each rounded up to the alignment, what it may write over an operand counted once: no order and no repetition of launches needs less.</summary>
    public static long LargestLaunchBytes(LoweredFunction function, DimBinding binding)
    {
        var bytes = function.BytesOf(binding);
        long most = 0;
        foreach (var launch in function.Launches)
        {
            if (launch is RepeatLaunch or BranchLaunch) continue;
            var buffers = new HashSet<Kernels.Buffer>(launch.Operands.Select(o => o.Buffer).Where(function.IsPlanned));
            var inPlace = new HashSet<Kernels.Buffer>(launch.InPlace.Select(p => (Written: launch.Operands[p.Written].Buffer, Read: launch.Operands[p.Read].Buffer)).Where(p => p.Written != p.Read && buffers.Contains(p.Read) && bytes[p.Written.Id] <= bytes[p.Read.Id]).Select(p => p.Written));
            most = System.Math.Max(most, buffers.Where(b => !inPlace.Contains(b)).Sum(b => function.Align(bytes[b.Id])));
        }
        return most;
    }
}
