using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Space;

/// <summary>A strided walk over the atoms of an iteration space: an operand, or the index that an iota or a random number stands for.</summary>
/// <param name="Strides">By atom; absent means 0.</param>
/// <param name="Bytes">Size of an element; 0 for an index, which moves no memory.</param>
public sealed record Walk(Dictionary<Atom, Dim> Strides, int Bytes, bool Written)
{
    public Dim Stride(Atom atom) => Strides.TryGetValue(atom, out var stride) ? stride : Dim.Zero;

    /// <summary>Row-major strides over a list of atoms, times <paramref name="unit"/>.</summary>
    public static void AddRowMajor(Dictionary<Atom, Dim> strides, ImmutableArray<Atom> atoms, Dim unit)
    {
        for (var i = atoms.Length - 1; i >= 0; i--)
        {
            strides[atoms[i]] = unit;
            unit *= atoms[i].Size;
        }
    }
}

/// <summary>An axis of a loop nest: adjacent atoms that every walk passes as if they were one.</summary>
public sealed record NestAxis(ImmutableArray<Atom> Atoms, bool Reduced)
{
    public Dim Size => Atoms.Aggregate(Dim.One, (size, a) => size * a.Size);

    /// <summary>The stride of a walk along the merged axis: that of its innermost atom.</summary>
    public Dim Stride(Walk walk) => walk.Stride(Atoms[Atoms.Length - 1]);
}

/// <summary>Orders the atoms of an iteration space, merges those that lie behind one another in all operands and picks the vectorised axis.</summary>
public static class LoopNest
{
    /// <summary>Axes from outermost to innermost; the last one is the lane.</summary>
    /// <param name="atoms">What is walked.</param>
    /// <param name="reduced">Which of them are reduced.</param>
    /// <param name="walks">The operands.</param>
    /// <param name="typical">Sizes to choose by.</param>
    /// <param name="runs">The order in which the reduced ones have to be walked (<see cref="ReducedRuns"/>); empty when any will do.</param>
    /// <param name="alongRow">With runs: the last of them is the lane.</param>
    public static ImmutableArray<NestAxis> Choose(
        IReadOnlyList<Atom> atoms, ISet<Atom> reduced, IReadOnlyList<Walk> walks, DimBinding typical, ImmutableArray<ImmutableArray<Atom>> runs, bool alongRow)
    {
        long Size(IEnumerable<Atom> list) => list.Aggregate(1L, (n, a) => n * a.Size.Evaluate(typical));
        var ranked = walks.Where(w => w.Bytes > 0).OrderByDescending(w => Size(w.Strides.Keys)).ThenByDescending(w => w.Written).ToList();
        // Each atom is placed by its stride in the largest operand that varies along it.
        long Rank(Atom a)
        {
            foreach (var walk in ranked)
                if (walk.Strides.TryGetValue(a, out var stride) && !stride.Is(0)) return stride.Evaluate(typical);
            return 0;
        }
        var order = atoms.Select((a, i) => (a, i, Rank: Rank(a))).OrderByDescending(t => t.Rank).ThenBy(t => t.i).Select(t => t.a).ToList();
        if (!runs.IsEmpty)
        {
            var kept = Collapse(order.Where(a => !reduced.Contains(a)), reduced, walks);
            var inside = runs.SelectMany(run => Collapse(run, reduced, walks));
            if (alongRow || kept.Count == 0) return [.. kept, .. inside];
            var across = kept.OrderBy(a => LaneCost(a, walks, typical, Size)).ThenByDescending(a => kept.IndexOf(a)).First();
            return [.. kept.Where(a => a != across), .. inside, across];
        }
        var axes = Collapse(order, reduced, walks);
        if (axes.Count < 2) return [.. axes];
        var lane = axes.OrderBy(a => LaneCost(a, walks, typical, Size)).ThenByDescending(a => axes.IndexOf(a)).First();
        // Kept axes outside, reduced ones inside, the lane innermost.
        return [.. axes.Where(a => a != lane && !a.Reduced), .. axes.Where(a => a != lane && a.Reduced), lane];
    }

    /// <summary>Merges neighbours of one list.</summary>
    public static List<NestAxis> Collapse(IEnumerable<Atom> order, ISet<Atom> reduced, IReadOnlyList<Walk> walks)
    {
        var axes = new List<NestAxis>();
        foreach (var atom in order)
        {
            if (axes.Count > 0 && axes[axes.Count - 1] is var last && last.Reduced == reduced.Contains(atom)
                && walks.All(w => last.Stride(w) == w.Stride(atom) * atom.Size))
                axes[axes.Count - 1] = last with { Atoms = last.Atoms.Add(atom) };
            else axes.Add(new([atom], reduced.Contains(atom)));
        }
        return axes;
    }

    // Memory moved by a walk whose lanes are apart is counted eight times: a vector of it takes as many loads as it has lanes.
    static double LaneCost(NestAxis axis, IReadOnlyList<Walk> walks, DimBinding typical, Func<IEnumerable<Atom>, long> size)
    {
        double cost = 0;
        foreach (var walk in walks)
        {
            if (walk.Bytes == 0) continue;
            var stride = axis.Stride(walk);
            cost += size(walk.Strides.Keys) * (stride.Is(1) ? 1 : stride.Is(0) ? 0.5 : 8);
        }
        var length = axis.Size.Evaluate(typical);
        return cost * (1 + 12.0 / Math.Max(1, length));
    }
}
