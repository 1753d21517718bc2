using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;

namespace Graph.Compiler.Planning;

/// <summary>
/// Places pieces that live for a while in one arena: offline dynamic storage allocation. Each piece goes, in some order, where the smallest gap is that holds it
/// among the pieces that live at the same time; several orders are tried, then a short exact search, and when nothing is near the bound, orders that learn from what stuck out.
/// </summary>
/// <remarks>
/// Best fit by decreasing size is the heuristic of XLA's GlobalDecreasingSizeBestFitHeap; learning orders are the squeaky wheel optimization of Joslin and Clements (JAIR 1999).
/// Deterministic: the budgets count work, not time.
/// </remarks>
sealed class ArenaPacker
{
    readonly record struct Slot(long Offset, long End, int First, int Last, int Piece);

    readonly Piece[] pieces;
    readonly long bound;
    readonly PlanningWork work;
    readonly long[] offsets;
    readonly Slot[] placed;        // what is placed so far, by offset
    readonly bool isSimple;        // no piece changes its size while it lives
    readonly List<(long From, long To)> forbidden = [];

    ArenaPacker(Piece[] pieces, long bound, PlanningWork work)
    {
        this.pieces = pieces;
        this.bound = bound;
        this.work = work;
        offsets = new long[pieces.Length];
        placed = new Slot[pieces.Length];
        isSimple = Array.TrueForAll(pieces, p => p.Spans.Length == 1);
    }

    /// <summary>What is good enough: 2 % above the bound.</summary>
    public static long Goal(long bound) => bound + bound / 50;

    /// <summary>The best offsets found and the bytes they need. Stops at the bound, or within 2 % of it when a short search finds nothing better.</summary>
    /// <param name="bound">The most bytes that live at once.</param>
    /// <param name="peak">The launch at which they do.</param>
    /// <param name="work">What may be spent, and has been.</param>
    public static (long[] Offsets, long Bytes, string Order) Pack(IReadOnlyList<Piece> list, long bound, int peak, PlanningWork work)
    {
        var packer = new ArenaPacker([.. list], bound, work);
        var best = new long[list.Count];
        var bestBytes = long.MaxValue;
        var bestName = "";
        foreach (var (name, order) in packer.Orders(peak).Concat(packer.LastingFirst(peak)))
        {
            foreach (var firstFit in (bool[])[false, true])
            {
                // Thousands of pieces: the first orders have to do.
                if (work.Left <= 0 && bestName.Length > 0) break;
                var bytes = packer.Place(order, firstFit);
                if (bytes >= bestBytes) continue;
                (bestBytes, bestName) = (bytes, name + (firstFit ? ", first fit" : ", best fit"));
                packer.offsets.CopyTo(best, 0);
                if (bytes <= bound) return (best, bestBytes, bestName);
            }
        }
        if (ArenaSearch.Find(list, bound, work.Share(PlanningWork.Exact), work) is { } perfect) return (perfect, bound, "search");
        if (packer.AroundSearched() is { } searched && packer.Place(searched, firstFit: true) is var around && around < bestBytes)
        {
            (bestBytes, bestName) = (around, "search, then workspaces");
            packer.offsets.CopyTo(best, 0);
            if (around <= bound) return (best, bestBytes, bestName);
        }
        // Near the bound some more is tried for the rest of the way; far from it, whatever is left.
        return bestBytes <= Goal(bound) ? packer.Squeeze(best, bestBytes, bestName, peak, bound, work.Left - PlanningWork.Near) : packer.Squeeze(best, bestBytes, bestName, peak, Goal(bound), 0);
    }

    /// <summary>Places the pieces in a given order, the first gap that holds each; null when that needs more than 2 % above the bound.</summary>
    public static (long[] Offsets, long Bytes)? InOrder(IReadOnlyList<Piece> list, int[] order, long bound, PlanningWork work)
    {
        var packer = new ArenaPacker([.. list], bound, work);
        foreach (var firstFit in (bool[])[true, false])
            if (packer.Place(order, firstFit) is var bytes && bytes <= Goal(bound)) return (packer.offsets, bytes);
        return null;
    }

    // Whatever sticks out goes further to the front, and everything is placed anew: soon what is hard to place comes first. Some orders to begin with and some distances, in turns, for
    // neither is best for all.
    (long[], long, string) Squeeze(long[] best, long bestBytes, string bestName, int peak, long goal, long until)
    {
        var starts = Orders(peak).ToDictionary(o => o.Name, o => o.Order);
        foreach (var (name, distance) in Squeezes)
        {
            var order = (int[])starts[name].Clone();
            var keys = new int[order.Length];
            for (var round = 0; round < (distance is null ? 20 : 100) && work.Left > Math.Max(0, until); round++)
            {
                var bytes = Place(order, firstFit: true);
                if (bytes < bestBytes)
                {
                    (bestBytes, bestName) = (bytes, name + ", squeezed");
                    offsets.CopyTo(best, 0);
                }
                if (bytes <= goal) return (best, bestBytes, bestName);
                // Twice the place in the order, so that one that comes forward lands in front of the one that it meets.
                var forward = 2 * (distance ?? order.Length) + 1;
                for (var place = 0; place < order.Length; place++) keys[place] = 2 * place - (offsets[order[place]] + pieces[order[place]].Bytes > goal ? forward : 0);
                Array.Sort(keys, order);
            }
        }
        return (best, bestBytes, bestName);
    }

    // Where the orders begin, and by how many places a piece comes forward (null for all the way, which either helps soon or never).
    static readonly (string Order, int? Distance)[] Squeezes =
        [.. from names in (string[][])[[ByBirth, ByDeath], [Longest, Size]] from distance in (int?[])[5, 15, 50, null] from name in names select (name, distance)];

    const string Size = "decreasing size", Longest = "longest first", ByBirth = "peak first, by birth", ByDeath = "peak first, by death";

    // Those that last as an exact search places them alone, from the bottom up, then what a single launch works in; null when the search finds nothing.
    int[]? AroundSearched()
    {
        var lasting = Enumerable.Range(0, pieces.Length).Where(p => pieces[p].Last > pieces[p].First).ToArray();
        if (lasting.Length == pieces.Length || ArenaSearch.Find([.. lasting.Select(p => pieces[p])], bound, work.Share(PlanningWork.Exact), work) is not { } found) return null;
        var order = lasting.ToArray();
        Array.Sort(found, order);
        return [.. order, .. Enumerable.Range(0, pieces.Length).Except(lasting).OrderByDescending(p => pieces[p].Bytes)];
    }

    // What a single launch works in goes where the others leave room.
    IEnumerable<(string Name, int[] Order)> LastingFirst(int peak)
    {
        if (Array.TrueForAll(pieces, p => p.Last > p.First)) yield break;
        foreach (var (name, order) in Orders(peak)) yield return ("lasting first, " + name, [.. order.OrderByDescending(p => pieces[p].Last > pieces[p].First)]);
    }

    IEnumerable<(string Name, int[] Order)> Orders(int peak)
    {
        var all = Enumerable.Range(0, pieces.Length).ToArray();
        bool AtPeak(int p) => pieces[p].First <= peak && peak <= pieces[p].Last;
        yield return (Size, [.. all.OrderByDescending(p => pieces[p].Bytes).ThenBy(p => pieces[p].First)]);
        yield return ("decreasing area", [.. all.OrderByDescending(p => pieces[p].Area).ThenBy(p => pieces[p].First)]);
        yield return (Longest, [.. all.OrderByDescending(p => pieces[p].Last - pieces[p].First).ThenByDescending(p => pieces[p].Bytes)]);
        yield return (ByBirth, [.. all.OrderByDescending(AtPeak).ThenBy(p => AtPeak(p) ? pieces[p].First : 0).ThenByDescending(p => pieces[p].Bytes)]);
        yield return (ByDeath, [.. all.OrderByDescending(AtPeak).ThenByDescending(p => AtPeak(p) ? pieces[p].Last : 0).ThenByDescending(p => pieces[p].Bytes)]);
        yield return ("peak first, by size", [.. all.OrderByDescending(AtPeak).ThenByDescending(p => pieces[p].Bytes).ThenBy(p => pieces[p].First)]);
        yield return ("by birth", [.. all.OrderBy(p => pieces[p].First).ThenByDescending(p => pieces[p].Bytes)]);
        yield return ("by death", [.. all.OrderByDescending(p => pieces[p].Last).ThenByDescending(p => pieces[p].Bytes)]);
    }

    // A binding is planned at its first call, before the JIT would have come round to loops like these.
    const MethodImplOptions Hot = (MethodImplOptions)512; // AggressiveOptimization, which netstandard2.0 has no name for

    /// <summary>Places every piece and returns the bytes needed.</summary>
    [MethodImpl(Hot)]
    long Place(IReadOnlyList<int> order, bool firstFit)
    {
        var count = 0;
        long top = 0;
        for (var i = 0; i < order.Count; i++)
        {
            var piece = pieces[order[i]];
            var offset = isSimple ? FindSimple(piece, count, top, firstFit) : Find(piece, count, top, firstFit);
            offsets[order[i]] = offset;
            var at = Behind(offset, count);
            Array.Copy(placed, at, placed, at + 1, count++ - at);
            placed[at] = new(offset, offset + piece.Bytes, piece.First, piece.Last, order[i]);
            top = Math.Max(top, offset + piece.Bytes);
        }
        return top;
    }

    // Where among the first so many a piece at an offset goes, by offset.
    int Behind(long offset, int count)
    {
        var (from, to) = (0, count);
        while (from < to)
        {
            var middle = (from + to) / 2;
            if (placed[middle].Offset > offset) to = middle;
            else from = middle + 1;
        }
        return from;
    }

    // A gap among what lies there while the piece lives, lowest first: the first that holds it, or the one that it fills best.
    [MethodImpl(Hot)]
    long FindSimple(Piece piece, int count, long top, bool firstFit)
    {
        long low = 0, best = -1, bestSlack = long.MaxValue;
        var i = 0;
        for (; i < count; i++)
        {
            ref readonly var other = ref placed[i];
            if (piece.First > other.Last || other.First > piece.Last) continue;
            if (other.Offset - low is var gap && gap >= piece.Bytes)
            {
                if (firstFit) break;
                if (gap - piece.Bytes < bestSlack) (best, bestSlack) = (low, gap - piece.Bytes);
            }
            low = Math.Max(low, other.End);
        }
        work.Spend(i + 1);
        return i < count ? low : Open(low, top - piece.Bytes - low, best, bestSlack);
    }

    // The same where pieces shrink while they live, so that two need less than their sizes of each other.
    long Find(Piece piece, int count, long top, bool firstFit)
    {
        // Offsets strictly between From and To collide with a piece that lives at the same time.
        forbidden.Clear();
        var sorted = true;
        for (var i = 0; i < count; i++)
        {
            if (!piece.Meets(pieces[placed[i].Piece], out var mine, out var theirs)) continue;
            var at = placed[i].Offset;
            sorted &= forbidden.Count == 0 || forbidden[forbidden.Count - 1].From <= at - mine;
            forbidden.Add((at - mine, at + theirs));
        }
        if (!sorted) forbidden.Sort((a, b) => a.From.CompareTo(b.From));
        work.Spend(1 + 4 * count);

        long low = 0, best = -1, bestSlack = long.MaxValue;
        foreach (var (from, to) in forbidden)
        {
            if (from >= low)
            {
                if (firstFit) return low;
                if (from - low < bestSlack) (best, bestSlack) = (low, from - low);
            }
            low = Math.Max(low, to);
        }
        return Open(low, top - piece.Bytes - low, best, bestSlack);
    }

    // The open end counts as a gap only when nothing else holds the piece, or when it fits below what is already the top.
    static long Open(long low, long slack, long best, long bestSlack) => best < 0 || (slack >= 0 && slack < bestSlack) ? low : best;
}
