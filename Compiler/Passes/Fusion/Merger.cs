using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Fusion;

/// <summary>The rules that merge groups.</summary>
sealed class Merger(FusionGraph graph, Legality legality, CancellationToken cancel)
{
    readonly Dictionary<(FusionGroup, FusionGroup), KernelShape?> shapes = [];

    // The kernel that two groups would make; groups never change, merged ones are new.
    KernelShape? Together(FusionGroup a, FusionGroup b)
    {
        if (!shapes.TryGetValue((a, b), out var shape)) shapes[(a, b)] = shape = legality.Of(new SortedSet<int>(a.Members.Concat(b.Members)));
        return shape;
    }

    /// <summary>Forgets a group: every reader makes its results again.</summary>
    public void Dissolve(FusionGroup group)
    {
        graph.Dissolve(group);
        shapes.Clear();
    }

    // A value that is only read when other work has been done on what it is made of, such as one that the backward pass makes again: made early it would lie in memory for long.
    bool IsForLater(FusionGroup from, FusionGroup reader)
    {
        var readers = graph.Readers(reader).Where(r => r != from).ToList();
        return readers.Count > 0 && !reader.Members.SelectMany(m => graph.Nodes[m].Outputs).Any(graph.IsRoot) && readers.All(r => graph.HasPathBetween(from, r, avoid: reader));
    }

    // Nothing lies between a group and its only reader, and no path leads back along an edge.
    bool WouldWait(FusionGroup from, FusionGroup to)
    {
        var readers = graph.Readers(from);
        if (readers.Contains(to)) return readers.Count > 1 && graph.HasPathBetween(from, to);
        return graph.HasPathBetween(from, to) || graph.HasPathBetween(to, from);
    }

    FusionGroup? TryMerge(FusionGroup from, FusionGroup to)
    {
        cancel.ThrowIfCancellationRequested();
        var members = new SortedSet<int>(from.Members.Concat(to.Members));
        if (Together(from, to) is null || WouldWait(from, to)) return null;
        return graph.Replace(members);
    }

    /// <summary>Scalar arithmetic whose result only one other group of scalar arithmetic reads goes to the reader; from the end, so that chains grow towards their last link.</summary>
    public void Chains()
    {
        foreach (var group in graph.Groups.Reverse().ToList())
        {
            var current = group;
            if (!graph.IsScalarOnly(current) || graph.GroupOf[current.First] != current) continue;
            var readers = graph.Readers(current).ToList();
            if (readers.Count != 1 || !graph.IsScalarOnly(readers[0]) || IsDearOnce(current, readers[0])) continue;
            TryMerge(current, readers[0]);
        }
    }

    // Dear arithmetic on a small tensor that is broadcast would be repeated for every element.
    bool IsDearOnce(FusionGroup from, FusionGroup to)
    {
        var small = from.Members.Max(m => graph.Nodes[m].Output.Shape.Rank == 0 ? 0 : FusionGraph.Axes(graph.Nodes[m].Output));
        var large = to.Members.Max(m => FusionGraph.Axes(graph.Nodes[m].Output));
        return small > 0 && small < large && legality.Cost(from.Members.Select(m => graph.Nodes[m])).Dear > 0;
    }

    /// <summary>A product of which nothing but the sum along its rows is wanted, of its result or of what scalar arithmetic makes of that, adds up as it goes: the elements are neither written nor read again.</summary>
    public void ResultSums()
    {
        for (var i = 0; i < graph.Nodes.Length; i++)
        {
            if (graph.Nodes[i].Operation.Kind != OpKind.Reduce || graph.GroupOf[i] is not { Members.Count: 1 } sum) continue;
            foreach (var source in graph.Sources(sum).Where(s => IsReadBy(s, sum)).ToList())
            {
                // The product itself, or arithmetic behind it.
                var product = graph.IsContraction(source) ? source : graph.IsScalarOnly(source) ? graph.Sources(source).FirstOrDefault(s => graph.IsContraction(s) && IsReadBy(s, source)) : null;
                if (product is null) continue;
                var all = new SortedSet<int>(sum.Members.Concat(source.Members).Concat(product.Members));
                cancel.ThrowIfCancellationRequested();
                if (legality.Of(all) is null) continue;
                graph.Replace(all);
                break;
            }
        }
    }

    // By nobody else, inside of the function or behind it.
    bool IsReadBy(FusionGroup group, FusionGroup reader) => graph.Readers(group).All(r => r == reader) && !group.Members.SelectMany(m => graph.Nodes[m].Outputs).Any(graph.IsRoot);

    /// <summary>Reductions take what only they read, and what reads them together with the row.</summary>
    public void Rows()
    {
        for (var i = 0; i < graph.Nodes.Length; i++)
        {
            if (graph.GroupOf[i] is not { } group || graph.Nodes[i].Operation.Kind != OpKind.Reduce || graph.IsContraction(group)) continue;
            while (GrowRow(graph.GroupOf[i]!)) { }
        }
    }

    bool GrowRow(FusionGroup row)
    {
        foreach (var source in graph.Sources(row).Where(graph.IsScalarOnly).ToList())
            if (graph.Readers(source).All(r => r == row) && !BelongsToContraction(source) && TryMerge(source, row) is not null) return true;
        foreach (var reader in graph.Readers(row).ToList())
            if ((graph.IsScalarOnly(reader) || graph.HasReduction(reader)) && graph.AreNear(row, reader) && SavesRow(row, reader) && !(MakesWhole(row, reader) && IsForLater(row, reader)) && TryMerge(row, reader) is not null) return true;
        return false;
    }

    // Whether the reader makes something as large as the row's elements.
    bool MakesWhole(FusionGroup row, FusionGroup reader) =>
        Together(row, reader) is { } shape && reader.Members.SelectMany(m => graph.Nodes[m].Outputs).Any(v => shape.All.SetEquals(shape.Map.Atoms(v)));

    // What leaves the function is written anyway: as an epilogue it saves the product's own round trip.
    bool BelongsToContraction(FusionGroup group) =>
        group.Members.Any(m => graph.IsRoot(graph.Nodes[m].Output)) && graph.Sources(group).Any(graph.IsContraction);

    // Whether both look at the same elements of a row, or the reader at what is left of it.
    bool SavesRow(FusionGroup row, FusionGroup reader)
    {
        if (Together(row, reader) is not { } shape) return false;
        if (reader.Members.SelectMany(m => graph.Nodes[m].Outputs).All(v => shape.Map.Atoms(v).All(shape.Kept.Contains))) return true;
        var read = new HashSet<Value>(row.Members.SelectMany(m => graph.Nodes[m].Inputs.Concat(graph.Nodes[m].Outputs)));
        return reader.Members.SelectMany(m => graph.Nodes[m].Inputs).Any(v => read.Contains(v) && shape.All.SetEquals(shape.Map.Atoms(v)));
    }

    /// <summary>Contractions take the scalar arithmetic that reads them; from the last one on, so that a sum of two products goes with the later.</summary>
    public void Epilogues()
    {
        for (var i = graph.Nodes.Length - 1; i >= 0; i--)
        {
            if (graph.GroupOf[i] is null || !legality.Target.Takes(graph.Nodes[i], LibraryHooks.Epilogue)) continue;
            while (graph.Readers(graph.GroupOf[i]!).ToList().FirstOrDefault(r => graph.IsScalarOnly(r) && graph.AreNear(graph.GroupOf[i]!, r) && !IsForLater(graph.GroupOf[i]!, r) && TryMerge(graph.GroupOf[i]!, r) is not null) is not null) { }
        }
    }

    /// <summary>Arithmetic whose result products multiply goes with another product whose epilogue reads an operand of it too: it is written beside that one's result, without a pass over memory of its own.</summary>
    public void Beside()
    {
        foreach (var group in graph.Groups.ToList())
        {
            if (graph.GroupOf[group.First] != group || !graph.IsScalarOnly(group)) continue;
            var readers = graph.Readers(group);
            if (readers.Count == 0 || !readers.All(r => graph.Multiplies(r, group))) continue;
            var read = new HashSet<Value>(graph.LargeOperands(group.Members).Select(FusionGraph.Base));
            var products = Enumerable.Range(0, graph.Nodes.Length).Where(i => graph.Nodes[i].Operation.Kind == OpKind.Elementwise && graph.Nodes[i].Inputs.Any(v => read.Contains(FusionGraph.Base(v)))).Select(i => graph.GroupOf[i]).OfType<FusionGroup>().Distinct();
            foreach (var product in products.Where(p => p != group && graph.IsContraction(p)).ToList())
                if ((product.First < group.First ? graph.AreNear(product, group) : graph.AreNear(group, product)) && TryMerge(product, group) is not null) break;
        }
    }

    /// <summary>Cheap arithmetic on one tensor is made again by each of its readers, which then read its operand instead of its result.</summary>
    public void Recompute()
    {
        foreach (var group in graph.Groups.Reverse().ToList())
        {
            if (!graph.IsScalarOnly(group) || !IsCheap(group)) continue;
            var readers = graph.Readers(group).ToList();
            if (readers.Count == 0 || group.Members.SelectMany(m => graph.Nodes[m].Outputs).Any(graph.IsRoot)) continue;
            if (!readers.All(r => graph.IsScalarOnly(r) || graph.HasReduction(r) || (graph.IsContraction(r) && !graph.Multiplies(r, group)))) continue;
            if (!readers.All(r => legality.Of(r.Members, group.Members) is not null)) continue;
            Dissolve(group);
        }
    }

    // Few operations, at most one operand as large as the result.
    bool IsCheap(FusionGroup group)
    {
        if (group.Members.Count > legality.Target.Costs.Again || graph.LargeOperands(group.Members).Count > 1) return false;
        return legality.Cost(graph.Closure(group.Members).Select(i => graph.Nodes[i])).Dear == 0;
    }

    /// <summary>Scalar arithmetic with several readers goes to those that are near: each saves a read.</summary>
    public void Neighbours()
    {
        foreach (var group in graph.Groups.ToList())
        {
            if (graph.GroupOf[group.First] != group || !graph.IsScalarOnly(group)) continue;
            var current = group;
            while (graph.Readers(current).ToList().FirstOrDefault(r => graph.IsScalarOnly(r) && graph.AreNear(current, r) && !IsForLater(current, r) && TryMerge(current, r) is not null) is not null)
                current = graph.GroupOf[group.First]!;
        }
    }

    /// <summary>The sum of what a product multiplies, along the axis that the product sums over, goes with the product: it has the operand at hand.</summary>
    public void Sums()
    {
        foreach (var sum in graph.Groups.Where(g => g.Members.Count == 1 && graph.HasReduction(g)).ToList())
        {
            var summed = FusionGraph.Base(graph.Nodes[sum.First].Inputs[0]);
            var products = Enumerable.Range(0, graph.Nodes.Length).Where(i => graph.Nodes[i].Operation.Kind == OpKind.Contract && graph.Nodes[i].Inputs.Any(v => FusionGraph.Base(v) == summed));
            foreach (var product in products.Select(i => graph.GroupOf[i]!).ToList())
                if ((product.First < sum.First ? graph.AreNear(product, sum) : graph.AreNear(sum, product)) && TryMerge(product, sum) is not null) break;
        }
    }

    /// <summary>Reductions over the same axes of the same data are one pass over it.</summary>
    public void Columns()
    {
        var groups = graph.Groups.Where(graph.HasReduction).ToList();
        for (var i = 0; i < groups.Count; i++)
            for (var j = i + 1; j < groups.Count && j <= i + FusionGraph.Window; j++)
            {
                var (a, b) = (graph.GroupOf[groups[i].First]!, graph.GroupOf[groups[j].First]!);
                if (a == b || !graph.HasReduction(a) || !graph.HasReduction(b) || !graph.AreNear(a, b) || !ShareOperand(a, b)) continue;
                TryMerge(a, b);
            }
    }

    bool ShareOperand(FusionGroup a, FusionGroup b)
    {
        if (Together(a, b) is not { } shape) return false;
        var read = new HashSet<Value>(graph.Closure(a.Members).SelectMany(m => graph.Nodes[m].Inputs));
        return graph.Closure(b.Members).SelectMany(m => graph.Nodes[m].Inputs).Any(v => read.Contains(v) && shape.All.SetEquals(shape.Map.Atoms(v)));
    }
}
