using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;

namespace Graph.Compiler.Passes.Fusion;

/// <summary>The rules that merge groups.</summary>
sealed class Merger(FusionGraph graph, Legality legality, CancellationToken cancel)
{
    // A reader further away than so many nodes belongs to another phase, such as the backward pass: merging would make its operands early and keep them long.
    const int Window = 24;

    static bool IsOf(Node node, params OpKind[] kinds) => kinds.Contains(node.Operation.Kind);

    bool IsScalarOnly(FusionGroup group) => group.Kind is null && group.Members.All(m => IsOf(graph.Nodes[m], OpKind.Elementwise));

    bool HasReduction(FusionGroup group) => group.Kind is null && group.Members.Any(m => IsOf(graph.Nodes[m], OpKind.Reduce)) && group.Members.All(m => IsOf(graph.Nodes[m], OpKind.Elementwise, OpKind.Reduce));

    bool IsContraction(FusionGroup group) => group.Kind is null && group.Members.Any(m => IsOf(graph.Nodes[m], OpKind.Contract, OpKind.Convolution));

    bool AreNear(FusionGroup from, FusionGroup to)
    {
        var between = 0;
        for (var i = from.Last + 1; i < to.First && between <= Window; i++)
            if (graph.GroupOf[i] is not null) between++;
        return between <= Window;
    }

    readonly Dictionary<(FusionGroup, FusionGroup), KernelShape?> shapes = [];

    // The kernel that two groups would make; groups never change, merged ones are new.
    KernelShape? Together(FusionGroup a, FusionGroup b)
    {
        if (!shapes.TryGetValue((a, b), out var shape)) shapes[(a, b)] = shape = legality.Of(new SortedSet<int>(a.Members.Concat(b.Members)));
        return shape;
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
            if (!IsScalarOnly(current) || graph.GroupOf[current.First] != current) continue;
            var readers = graph.Readers(current).ToList();
            if (readers.Count != 1 || !IsScalarOnly(readers[0]) || IsDearOnce(current, readers[0])) continue;
            TryMerge(current, readers[0]);
        }
    }

    // Dear arithmetic on a small tensor that is broadcast would be repeated for every element.
    bool IsDearOnce(FusionGroup from, FusionGroup to)
    {
        var small = from.Members.Max(m => graph.Nodes[m].Output.Shape.Rank == 0 ? 0 : Count(graph.Nodes[m].Output));
        var large = to.Members.Max(m => Count(graph.Nodes[m].Output));
        return small > 0 && small < large && from.Members.Any(m => ((ElementwiseOperation)graph.Nodes[m].Operation).Expression(graph.Nodes[m]).Ordered().Any(s => KernelStages.IsExpensive(s.Op)));
    }

    static int Count(Value value) => value.Shape.Count(d => !d.Is(1));

    /// <summary>Reductions take what only they read, and what reads them together with the row.</summary>
    public void Rows()
    {
        for (var i = 0; i < graph.Nodes.Length; i++)
        {
            if (graph.GroupOf[i] is not { Kind: null } || !IsOf(graph.Nodes[i], OpKind.Reduce)) continue;
            while (GrowRow(graph.GroupOf[i]!)) { }
        }
    }

    bool GrowRow(FusionGroup row)
    {
        foreach (var source in graph.Sources(row).Where(IsScalarOnly).ToList())
            if (graph.Readers(source).All(r => r == row) && !BelongsToContraction(source) && TryMerge(source, row) is not null) return true;
        foreach (var reader in graph.Readers(row).ToList())
            if ((IsScalarOnly(reader) || HasReduction(reader)) && AreNear(row, reader) && SavesRow(row, reader) && !(MakesWhole(row, reader) && IsForLater(row, reader)) && TryMerge(row, reader) is not null) return true;
        return false;
    }

    // Whether the reader makes something as large as the row's elements.
    bool MakesWhole(FusionGroup row, FusionGroup reader) =>
        Together(row, reader) is { } shape && reader.Members.SelectMany(m => graph.Nodes[m].Outputs).Any(v => shape.All.SetEquals(shape.Map.Atoms(v)));

    // What leaves the function is written anyway: as an epilogue it saves the product's own round trip.
    bool BelongsToContraction(FusionGroup group) =>
        group.Members.Any(m => graph.IsRoot(graph.Nodes[m].Output)) && graph.Sources(group).Any(IsContraction);

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
            if (graph.GroupOf[i] is not { Kind: null } || !IsOf(graph.Nodes[i], OpKind.Contract, OpKind.Convolution)) continue;
            if (graph.Nodes[i].Is("conv2d_grad_weight")) continue;
            while (graph.Readers(graph.GroupOf[i]!).ToList().FirstOrDefault(r => IsScalarOnly(r) && AreNear(graph.GroupOf[i]!, r) && !IsForLater(graph.GroupOf[i]!, r) && TryMerge(graph.GroupOf[i]!, r) is not null) is not null) { }
        }
    }

    /// <summary>Cheap arithmetic on one tensor is made again by each of its readers, which then read its operand instead of its result.</summary>
    public void Recompute()
    {
        foreach (var group in graph.Groups.Reverse().ToList())
        {
            if (!IsScalarOnly(group) || !IsCheap(group)) continue;
            var readers = graph.Readers(group).ToList();
            if (readers.Count == 0 || group.Members.SelectMany(m => graph.Nodes[m].Outputs).Any(graph.IsRoot)) continue;
            if (!readers.All(r => r.Kind is null && (IsScalarOnly(r) || HasReduction(r) || (IsContraction(r) && !FeedsContraction(group, r))))) continue;
            if (!readers.All(r => legality.Of(r.Members, group.Members) is not null)) continue;
            graph.Dissolve(group);
            shapes.Clear();
        }
    }

    bool FeedsContraction(FusionGroup group, FusionGroup reader) =>
        reader.Members.Where(m => IsOf(graph.Nodes[m], OpKind.Contract, OpKind.Convolution)).SelectMany(m => graph.Nodes[m].Inputs).Any(v => group.Members.Contains(graph.Source(v)));

    // Few operations, at most one operand as large as the result.
    bool IsCheap(FusionGroup group)
    {
        if (group.Members.Count > 6) return false;
        var inside = new HashSet<int>(graph.Closure(group.Members));
        var largest = group.Members.Max(m => Count(graph.Nodes[m].Output));
        var operands = inside.SelectMany(i => graph.Nodes[i].Inputs).Distinct().Where(v => graph.Producer(v) is var p && (p < 0 || !inside.Contains(p))).ToList();
        if (operands.Count(v => Count(v) >= largest) > 1) return false;
        return !inside.Select(i => graph.Nodes[i]).Where(n => n.Operation is ElementwiseOperation)
            .Any(n => ((ElementwiseOperation)n.Operation).Expression(n).Ordered().Any(s => KernelStages.IsExpensive(s.Op)));
    }

    /// <summary>Scalar arithmetic with several readers goes to those that are near: each saves a read.</summary>
    public void Neighbours()
    {
        foreach (var group in graph.Groups.ToList())
        {
            if (graph.GroupOf[group.First] != group || !IsScalarOnly(group)) continue;
            var current = group;
            while (graph.Readers(current).ToList().FirstOrDefault(r => IsScalarOnly(r) && AreNear(current, r) && !IsForLater(current, r) && TryMerge(current, r) is not null) is not null)
                current = graph.GroupOf[group.First]!;
        }
    }

    /// <summary>Reductions over the same axes of the same data are one pass over it.</summary>
    public void Columns()
    {
        var groups = graph.Groups.Where(HasReduction).ToList();
        for (var i = 0; i < groups.Count; i++)
            for (var j = i + 1; j < groups.Count && j <= i + Window; j++)
            {
                var (a, b) = (graph.GroupOf[groups[i].First]!, graph.GroupOf[groups[j].First]!);
                if (a == b || !HasReduction(a) || !HasReduction(b) || !AreNear(a, b) || !ShareOperand(a, b)) continue;
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
