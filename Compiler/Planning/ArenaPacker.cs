using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Planning;

/// <summary>
/// Places pieces that live for a while in one arena: offline dynamic storage allocation. Each piece goes, in some order, where the smallest gap is that holds it
/// among the pieces that live at the same time; several orders are tried, and when none meets the bound, orders near the best one.
/// </summary>
/// <remarks>Best fit by decreasing size is the heuristic of XLA's GlobalDecreasingSizeBestFitHeap. Deterministic: the budget counts work, not time.</remarks>
sealed class ArenaPacker
{
    // Pairs of pieces looked at, over all attempts: about 100 ms.
    const long Budget = 60_000_000;

    // What the exact search may spend before that, in its own units: about as long.
    const long SearchBudget = 100_000_000;

    readonly Piece[] pieces;
    readonly long bound;
    readonly long[] offsets;
    readonly int[] placed;         // pieces placed so far, by offset
    readonly List<(long From, long To)> forbidden = [];
    long work;

    ArenaPacker(Piece[] pieces, long bound)
    {
        this.pieces = pieces;
        this.bound = bound;
        offsets = new long[pieces.Length];
        placed = new int[pieces.Length];
    }

    /// <summary>The best offsets found and the bytes they need; stops when <paramref name="bound"/> is met.</summary>
    public static (long[] Offsets, long Bytes, string Order) Pack(IReadOnlyList<Piece> list, long bound, int peak)
    {
        var packer = new ArenaPacker([.. list], bound);
        var best = new long[list.Count];
        var bestBytes = long.MaxValue;
        var bestName = "";
        int[] bestOrder = [];
        foreach (var (name, order) in packer.Orders(peak))
        {
            foreach (var firstFit in (bool[])[false, true])
            {
                var bytes = packer.Place(order, firstFit);
                if (bytes >= bestBytes) continue;
                (bestBytes, bestName, bestOrder) = (bytes, name + (firstFit ? ", first fit" : ", best fit"), order);
                packer.offsets.CopyTo(best, 0);
                if (bytes <= bound) return (best, bestBytes, bestName);
            }
        }
        if (ArenaSearch.Find(list, bound, SearchBudget) is { } perfect) return (perfect, bound, "search");
        return packer.Repair(best, bestBytes, bestName, bestOrder);
    }

    // Local search over orders: a piece that sticks out, or any other, goes somewhere further in front; what is no worse is kept.
    (long[], long, string) Repair(long[] best, long bestBytes, string bestName, int[] start)
    {
        var order = start.ToArray();
        var trial = new int[order.Length];
        var random = 0x9E3779B97F4A7C15UL;
        int Random(int below)
        {
            random = unchecked(random * 6364136223846793005UL + 1442695040888963407UL);
            return (int)((random >> 33) % (ulong)below);
        }
        var current = Place(order, firstFit: false);
        for (var attempt = 0; work < Budget && bestBytes > bound && order.Length > 1; attempt++)
        {
            var from = Random(order.Length);
            if ((attempt & 1) == 0 && Array.FindIndex(order, p => offsets[p] + pieces[p].Bytes >= current) is > 0 and var offender) from = offender;
            var to = Random(from + 1);
            order.CopyTo(trial, 0);
            Array.Copy(order, to, trial, to + 1, from - to);
            trial[to] = order[from];
            var bytes = Place(trial, firstFit: (attempt & 2) != 0);
            if (bytes < bestBytes)
            {
                (bestBytes, bestName) = (bytes, "local search");
                offsets.CopyTo(best, 0);
            }
            // Now and then a step back, so that the search leaves a dead end.
            if (bytes > current && Random(64) != 0) continue;
            current = bytes;
            (order, trial) = (trial, order);
        }
        return (best, bestBytes, bestName);
    }

    IEnumerable<(string, int[])> Orders(int peak)
    {
        var all = Enumerable.Range(0, pieces.Length).ToArray();
        bool AtPeak(int p) => pieces[p].First <= peak && peak <= pieces[p].Last;
        yield return ("decreasing size", [.. all.OrderByDescending(p => pieces[p].Bytes).ThenBy(p => pieces[p].First)]);
        yield return ("decreasing area", [.. all.OrderByDescending(p => pieces[p].Area).ThenBy(p => pieces[p].First)]);
        yield return ("longest first", [.. all.OrderByDescending(p => pieces[p].Last - pieces[p].First).ThenByDescending(p => pieces[p].Bytes)]);
        yield return ("peak first, by birth", [.. all.OrderByDescending(AtPeak).ThenBy(p => AtPeak(p) ? pieces[p].First : 0).ThenByDescending(p => pieces[p].Bytes)]);
        yield return ("peak first, by death", [.. all.OrderByDescending(AtPeak).ThenByDescending(p => AtPeak(p) ? pieces[p].Last : 0).ThenByDescending(p => pieces[p].Bytes)]);
        yield return ("peak first, by size", [.. all.OrderByDescending(AtPeak).ThenByDescending(p => pieces[p].Bytes).ThenBy(p => pieces[p].First)]);
        yield return ("by birth", [.. all.OrderBy(p => pieces[p].First).ThenByDescending(p => pieces[p].Bytes)]);
        yield return ("by death", [.. all.OrderByDescending(p => pieces[p].Last).ThenByDescending(p => pieces[p].Bytes)]);
    }

    /// <summary>Places every piece and returns the bytes needed.</summary>
    long Place(IReadOnlyList<int> order, bool firstFit)
    {
        var count = 0;
        long top = 0;
        for (var i = 0; i < order.Count; i++)
        {
            var piece = pieces[order[i]];
            var offset = Find(piece, count, top, firstFit);
            offsets[order[i]] = offset;
            var at = count++;
            while (at > 0 && offsets[placed[at - 1]] > offset)
            {
                placed[at] = placed[at - 1];
                at--;
            }
            placed[at] = order[i];
            top = Math.Max(top, offset + piece.Bytes);
        }
        work += (long)order.Count * order.Count / 2;
        return top;
    }

    long Find(Piece piece, int count, long top, bool firstFit)
    {
        // Offsets strictly between From and To collide with a piece that lives at the same time.
        forbidden.Clear();
        var sorted = true;
        for (var i = 0; i < count; i++)
        {
            var other = pieces[placed[i]];
            if (!piece.Meets(other, out var mine, out var theirs)) continue;
            var at = offsets[placed[i]];
            sorted &= forbidden.Count == 0 || forbidden[forbidden.Count - 1].From <= at - mine;
            forbidden.Add((at - mine, at + theirs));
        }
        if (!sorted) forbidden.Sort((a, b) => a.From.CompareTo(b.From));

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
        // The open end counts as a gap only when nothing else holds the piece, or when it fits below what is already the top.
        var slack = top - piece.Bytes - low;
        return best < 0 || (slack >= 0 && slack < bestSlack) ? low : best;
    }
}
