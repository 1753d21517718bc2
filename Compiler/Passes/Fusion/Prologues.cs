using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Passes.Fusion;

/// <summary>
/// Moves cheap arithmetic into the contractions that read its result: each makes the operand from what it is made of, block by block, while it packs it. The result is
/// never written then; normalized rows, scaled or cast weights and inputs are not kept for the backward pass, for what they are made of is there anyway.
/// </summary>
sealed class Prologues(FusionGraph graph, Merger merger, Legality legality, TargetModel target, DimBinding typical, CancellationToken cancel)
{
    public void Run()
    {
        foreach (var group in graph.Groups.Reverse().ToList())
        {
            cancel.ThrowIfCancellationRequested();
            if ((Find(group) ?? FindTail(group)) is not { } prologue) continue;
            foreach (var g in prologue) merger.Dissolve(g);
        }
    }

    // The same of what a group makes of values that leave the function, such as those that the backward pass reads: these are written whatever becomes of the rest.
    List<FusionGroup>? FindTail(FusionGroup group)
    {
        if (!graph.IsScalarOnly(group) || !LeavesFunction(group) || !IsLarge(group)) return null;
        var leaving = graph.Closure([.. group.Members.Where(m => graph.Nodes[m].Outputs.Any(graph.IsRoot))]);
        List<int> kept = [.. group.Members.Where(leaving.Contains)], rest = [.. group.Members.Except(kept)];
        if (rest.Count == 0) return null;
        graph.Replace(kept);
        if (Find(graph.Replace(rest)) is { } found) return found;
        graph.Replace(group.Members);
        return null;
    }

    // The group, with those before it whose results would have to be written for its sake; null when it stays where it is.
    List<FusionGroup>? Find(FusionGroup group)
    {
        if (!graph.IsScalarOnly(group) || !graph.Readers(group).Any(r => graph.Multiplies(r, group))) return null;
        var groups = new List<FusionGroup> { group };
        var members = new SortedSet<int>(group.Members);
        List<Value> operands;
        while (true)
        {
            if (!(IsCheap(members) || IsMadeOnce(groups)) || groups.Any(LeavesFunction)) return null;
            operands = graph.LargeOperands(members);
            if (operands.Select(SourceGroup).FirstOrDefault(s => s is not null && IsMadeForKernelsAround(s, members)) is not { } source) break;
            if (!graph.IsScalarOnly(source)) return null;
            groups.Add(source);
            members.UnionWith(source.Members);
        }
        return Saves(groups, operands.Count) && Readers(groups).All(r => CanMake(r, members) && IsPackedSeldom(r, groups)) ? groups : null;
    }

    FusionGroup? SourceGroup(Value value) => graph.Source(value) is >= 0 and var source ? graph.GroupOf[source] : null;

    bool LeavesFunction(FusionGroup group) => group.Members.SelectMany(m => graph.Nodes[m].Outputs).Any(graph.IsRoot);

    List<FusionGroup> Readers(List<FusionGroup> groups) => [.. groups.SelectMany(graph.Readers).Where(r => !groups.Contains(r)).Distinct()];

    // Whether a group's result is read by nothing but kernels that the group itself may become part of: nobody else needs it in memory.
    bool IsMadeForKernelsAround(FusionGroup group, ICollection<int> members) =>
        CanGrow(group) && !LeavesFunction(group) && graph.Readers(group).All(r => members.Contains(r.First) || (CanGrow(r) && !graph.HasPathBetween(group, r)));

    bool CanGrow(FusionGroup group) => graph.IsScalarOnly(group) || graph.HasReduction(group);

    bool CanMake(FusionGroup reader, ICollection<int> members) =>
        (CanGrow(reader) || graph.IsContraction(reader)) && legality.Of(reader.Members, members) is not null;

    // A convolution packs what its blocks of work share more than once.
    bool IsPackedSeldom(FusionGroup reader, List<FusionGroup> groups) =>
        reader.Members.Select(m => graph.Nodes[m]).Where(n => n.Operation.Kind == OpKind.Convolution).All(
            n => Enumerable.Range(0, n.Inputs.Length).All(i => SourceGroup(n.Inputs[i]) is not { } source || !groups.Contains(source) || ConvolutionPacking.Times(n, i, target.Costs, typical) <= target.Costs.Repeats));

    // In tensors as large as the result: alone it reads its operands, writes the result, and each reader reads that; as a prologue each reader reads the operands.
    bool Saves(List<FusionGroup> groups, int operands)
    {
        var sources = groups.SelectMany(graph.Sources).Where(s => !groups.Contains(s)).ToList();
        // Behind a product of which it is the only reader it saves more: the product is never written then.
        if (sources.Any(s => graph.IsContraction(s) && graph.Readers(s).All(groups.Contains))) return false;
        // In a kernel that has its operands at hand it costs no more than writing the result.
        if (sources.Any(CanGrow)) return operands <= 1;
        var readers = Readers(groups);
        // Several operands would lie in memory until a distant reader comes, instead of one result.
        return operands + 1 + readers.Count > readers.Count * operands && (operands <= 1 || readers.All(r => graph.AreNear(groups[0], r)));
    }

    // One product is all that reads it, and packs each number once: it is no more work than it was, and what is too large for caches is neither written nor read again.
    bool IsMadeOnce(List<FusionGroup> groups) =>
        Readers(groups) is { Count: 1 } readers && readers[0].Members.Select(m => graph.Nodes[m]).FirstOrDefault(n => n.Operation.Kind == OpKind.Contract) is { } product && IsLarge(groups[0])
        && product.Output.Shape.Rank >= 2 && Size(product.Output.Shape, 2) == 1
        && target.Packing.PacksOnce(target.Products.In(product.Output.DType.Accumulator()), Last(product.Output, 2), Last(product.Output, 1), Last(product.Inputs[0], 1));

    bool IsLarge(FusionGroup group) => Size(graph.Nodes[group.Last].Output.Shape, 0) >= PackingModel.LeastMade;

    // The elements of a shape without its last axes, and one of its axes, counted from the end.
    long Size(Shape shape, int without) => Enumerable.Range(0, shape.Rank - without).Aggregate(1L, (size, axis) => size * shape[axis].Evaluate(typical));

    long Last(Value value, int axis) => value.Shape[value.Shape.Rank - axis].Evaluate(typical);

    // An operand may be packed more than once.
    bool IsCheap(ICollection<int> members) => legality.Cost(graph.Closure(members).Select(i => graph.Nodes[i])) is { Dear: 0 } cost && cost.Work <= target.Costs.Prologue;
}
