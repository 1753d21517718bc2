using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Planning;

/// <summary>
/// Looks for a placement within a given number of bytes by depth-first search, from the bottom up: pieces are placed in order of their offsets, each as low as those below it allow.
/// Every solution, pushed down, is of that kind, so the search is complete; it gives up when its budget, which counts work and not time, is spent.
/// </summary>
/// <remarks>The order and the inferences are those of MiniMalloc (Moffitt, ASPLOS 2023).</remarks>
sealed class ArenaSearch
{
    // The search is as deep as there are pieces, and a compiler's thread has little stack.
    const int MostPieces = 1500;

    readonly Piece[] pieces;
    readonly long capacity;
    readonly long[][] bytes;       // of each piece at each of its launches
    readonly int[] preference;     // static order among pieces of equal offset: earlier first
    readonly long[] floor;         // by launch: the top of what is placed there
    readonly long[] remaining;     // by launch: bytes not placed yet
    readonly long[] lowest;        // by launch: the least offset that a piece not placed yet can have
    readonly bool[] isPlaced;
    readonly long[] offsets;
    long budget;

    ArenaSearch(Piece[] pieces, long capacity, long budget, Comparison<Piece> order)
    {
        (this.pieces, this.capacity, this.budget) = (pieces, capacity, budget);
        var launches = pieces.Max(p => p.Last) + 1;
        (floor, remaining, lowest) = (new long[launches], new long[launches], new long[launches]);
        (isPlaced, offsets) = (new bool[pieces.Length], new long[pieces.Length]);
        bytes = [.. pieces.Select(p => new long[p.Last - p.First + 1])];
        for (var i = 0; i < pieces.Length; i++)
        {
            foreach (var span in pieces[i].Spans)
                for (var t = span.First; t <= span.Last; t++) bytes[i][t - pieces[i].First] = span.Bytes;
            for (var t = 0; t < bytes[i].Length; t++) remaining[pieces[i].First + t] += bytes[i][t];
        }
        preference = [.. Enumerable.Range(0, pieces.Length)];
        Array.Sort(preference, (a, b) => order(pieces[a], pieces[b]) is not 0 and var c ? c : a.CompareTo(b));
    }

    /// <summary>Offsets within <paramref name="capacity"/>, or null when none was found within the <paramref name="budget"/>, in the units of <paramref name="work"/>.</summary>
    public static long[]? Find(IReadOnlyList<Piece> pieces, long capacity, long budget, PlanningWork work)
    {
        if (pieces.Count is 0 or > MostPieces || budget <= 0) return null;
        Piece[] all = [.. pieces];
        Comparison<Piece>[] orders =
        [
            (a, b) => b.Area.CompareTo(a.Area),
            (a, b) => (b.Last - b.First).CompareTo(a.Last - a.First),
            (a, b) => b.Bytes.CompareTo(a.Bytes),
            (a, b) => a.First.CompareTo(b.First),
            (a, b) => b.Last.CompareTo(a.Last),
        ];
        foreach (var order in orders)
        {
            var search = new ArenaSearch(all, capacity, budget / orders.Length, order);
            var found = search.Place(0, 0);
            work.Spend(budget / orders.Length - search.budget);
            if (found) return search.offsets;
        }
        return null;
    }

    /// <summary>Places the pieces that are left, none of them below <paramref name="last"/>.</summary>
    bool Place(int count, long last)
    {
        if (count == pieces.Length) return true;
        var candidates = Candidates(last, out var end);
        if (candidates is null) return false;
        foreach (var (offset, piece) in candidates)
        {
            // Above the top of a piece that could lie lower there is always a solution that places that one first.
            if (offset >= end || budget < 0) break;
            var saved = new long[bytes[piece].Length];
            Array.Copy(floor, pieces[piece].First, saved, 0, saved.Length);
            for (var t = 0; t < saved.Length; t++)
            {
                floor[pieces[piece].First + t] = offset + bytes[piece][t];
                remaining[pieces[piece].First + t] -= bytes[piece][t];
            }
            (isPlaced[piece], offsets[piece]) = (true, offset);
            if (Place(count + 1, offset)) return true;
            isPlaced[piece] = false;
            for (var t = 0; t < saved.Length; t++) remaining[pieces[piece].First + t] += bytes[piece][t];
            Array.Copy(saved, 0, floor, pieces[piece].First, saved.Length);
        }
        return false;
    }

    // What can be placed next, lowest first; null when something no longer fits.
    List<(long Offset, int Piece)>? Candidates(long last, out long end)
    {
        end = long.MaxValue;
        for (var t = 0; t < lowest.Length; t++) lowest[t] = long.MaxValue;
        var candidates = new List<(long Offset, int Piece)>();
        foreach (var i in preference)
        {
            if (isPlaced[i]) continue;
            var (first, length) = (pieces[i].First, bytes[i].Length);
            var under = 0L;
            for (var t = 0; t < length; t++) under = Math.Max(under, floor[first + t]);
            var offset = Math.Max(under, last);
            for (var t = 0; t < length; t++) lowest[first + t] = Math.Min(lowest[first + t], offset);
            end = Math.Min(end, offset + pieces[i].Bytes);
            // Below the last one it would have come earlier; what comes between may still lift it.
            if (under >= last) candidates.Add((under, i));
            budget -= length + 2;
        }
        for (var t = 0; t < lowest.Length; t++)
            if (remaining[t] > 0 && lowest[t] + remaining[t] > capacity) return null;
        budget -= lowest.Length / 2;
        // A stable order: of equal offsets the preferred piece first.
        return [.. candidates.OrderBy(c => c.Offset)];
    }
}
