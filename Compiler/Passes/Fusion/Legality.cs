using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Space;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Passes.Fusion;

/// <summary>What a kernel of some nodes would look like: its archetype, and its iteration space.</summary>
/// <param name="Archetype">map, row, reduce, contract or conv.</param>
/// <param name="Map">Its axes.</param>
/// <param name="All">Every atom that its elements run over.</param>
/// <param name="Kept">Those of reductions' results.</param>
sealed record KernelShape(string Archetype, AxisMap Map, HashSet<Atom> All, HashSet<Atom> Kept);

/// <summary>Decides whether nodes can be one kernel, and a good one.</summary>
sealed class Legality(FusionGraph graph, DimBinding typical, TargetModel target)
{
    /// <summary>Whose limits decide.</summary>
    public TargetModel Target { get; } = target;

    /// <summary>The shape of a kernel of these members; null when they do not fit.</summary>
    /// <param name="members">Its own nodes.</param>
    /// <param name="copied">Nodes of another group that it makes again for itself.</param>
    public KernelShape? Of(ICollection<int> members, ICollection<int>? copied = null)
    {
        var closure = graph.Closure(members, copied);
        var nodes = closure.Select(i => graph.Nodes[i]).ToList();
        if (!IsSmall(nodes)) return null;
        var outputs = members.SelectMany(m => graph.Nodes[m].Outputs).Where(v => graph.IsOutput(v, members)).ToList();
        if (outputs.Count > Target.Kernels.Results || Operands(closure, members) > Target.Kernels.Operands) return null;
        if (nodes.Count(n => n.Operation.Kind is OpKind.Contract or OpKind.Convolution) is > 0 and var contractions)
            return contractions > 1 ? null : Contract(nodes.First(n => n.Operation.Kind is OpKind.Contract or OpKind.Convolution), nodes, outputs);
        if (AxisMap.TryCreate(nodes) is not { } map) return null;
        var all = new HashSet<Atom>();
        foreach (var n in nodes)
            foreach (var v in n.Inputs.Concat(n.Outputs)) all.UnionWith(map.Atoms(v));
        var reduces = nodes.Where(n => n.Operation.Kind == OpKind.Reduce && !map.Reduced(n).IsEmpty).ToList();
        if (reduces.Count == 0) return outputs.All(v => all.SetEquals(map.Atoms(v))) ? new("map", map, all, all) : null;
        return KeepsOrder(reduces, closure, map) ? Reduce(reduces, nodes, map, all, outputs) : null;
    }

    bool IsSmall(List<Node> nodes) => Cost(nodes) is var (work, dear) && work <= Target.Kernels.Operations && dear <= Target.Kernels.Dear;

    /// <summary>Scalar operations of some nodes, and how many of them are dear.</summary>
    public (int Work, int Dear) Cost(IEnumerable<Node> nodes)
    {
        int work = 0, dear = 0;
        foreach (var node in nodes)
        {
            if (node.Operation is not ElementwiseOperation elementwise) continue;
            foreach (var s in elementwise.Expression(node).Ordered())
            {
                if (s.Op is ScalarOp.Input or ScalarOp.Constant or ScalarOp.Dimension) continue;
                work++;
                if (Target.IsDear(s.Op)) dear++;
            }
        }
        return (work, dear);
    }

    int Operands(List<int> closure, ICollection<int> members)
    {
        var inside = new HashSet<int>(closure);
        return closure.SelectMany(i => graph.Nodes[i].Inputs).Distinct().Count(v => graph.Producer(v) is var p && (p < 0 || !inside.Contains(p)));
    }

    // The prologues, the product and the epilogue have iteration spaces of their own: what a contraction multiplies may be read by its epilogue too, along other axes.
    KernelShape? Contract(Node contract, List<Node> nodes, List<Value> outputs)
    {
        var c = contract.Output;
        var parts = ContractParts.Of(contract, nodes, outputs);
        if (!parts.Sums.IsEmpty && !TakesSums(contract, parts.Sums, nodes)) return null;
        if (!parts.ResultSums.IsEmpty && !TakesResultSum(contract, parts, outputs)) return null;
        if (!IsPrologue(contract, 0, parts.PrologueA) || !IsPrologue(contract, 1, parts.PrologueB)) return null;
        if (!parts.Epilogue.All(n => n.Operation.Kind is OpKind.Elementwise or OpKind.View) || AxisMap.TryCreate(parts.Epilogue) is not { } map) return null;
        var tile = new HashSet<Atom>(map.Atoms(c));
        if (!parts.Epilogue.All(n => map.Atoms(n.Output).All(tile.Contains))) return null;
        if (contract.Operation.Kind == OpKind.Contract && map[c, c.Shape.Rank - 1].Length > 1) return null;
        if (!outputs.All(v => parts.Sums.Concat(parts.ResultSums).Any(s => s.Output == v) || tile.SetEquals(map.Atoms(v)))) return null;
        return new(contract.Operation.Kind == OpKind.Contract ? "contract" : "conv", map, tile, tile);
    }

    // Whether a product adds up what it multiplies on the way: in sequence, and each operand once. A sum in lanes or in parts is a kernel of its own.
    bool TakesSums(Node contract, ImmutableArray<Node> sums, List<Node> nodes)
    {
        if (!Target.Takes(contract, LibraryHooks.Sums)) return false;
        var operands = sums.Select(s => ReductionOrder.Of(s, Target, typical) is { Lanes: 1, Parts: 1 } ? OperandSums.Of(contract, s, nodes) : null).ToList();
        return operands.All(o => o is not null) && operands.Distinct().Count() == operands.Count;
    }

    // Whether a product adds up the rows of what it makes: in the lanes of that sum, a row in one task, where it pays, and the elements go nowhere else.
    bool TakesResultSum(Node contract, ContractParts parts, List<Value> outputs) =>
        parts.ResultSums.Length == 1 && parts.ResultSums[0] is var sum && outputs.All(o => o == sum.Output || parts.Sums.Any(s => s.Output == o))
        && Target.Takes(contract, LibraryHooks.ResultSums) && Target.Takes(contract, LibraryHooks.Epilogue)
        && contract.Output.Shape[contract.Output.Shape.Rank - 1].TryConstant(out var columns) && columns <= Target.MostSummedColumns
        && (Target.Products.Blocks(contract.Inputs[0].Shape[contract.Inputs[0].Shape.Rank - 1].Evaluate(typical)) == 1 || contract.Output.Shape.Size.Evaluate(typical) >= Target.LeastSummedElements)
        && ReductionOrder.Of(sum, Target, typical) is { Lanes: > 1, Parts: 1 } && ResultSums.IsOfRows(contract, sum, parts.Epilogue);

    // Whether nodes can make blocks of an operand: scalar arithmetic over the operand's own elements, one axis of the blocks being one of the loops.
    bool IsPrologue(Node contract, int operand, ImmutableArray<Node> nodes)
    {
        if (nodes.IsEmpty) return true;
        var value = contract.Inputs[operand];
        if (!Target.Takes(contract, LibraryHooks.Prologue)) return false;
        if (!nodes.All(n => n.Operation.Kind is OpKind.Elementwise or OpKind.View) || AxisMap.TryCreate(nodes) is not { } map) return false;
        var tile = new HashSet<Atom>(map.Atoms(value));
        return nodes.All(n => map.Atoms(n.Output).All(tile.Contains)) && (contract.Operation.Convolution(contract) is { } form ? HasPixels(nodes, map, value, operand == form.Weight ? 1 : 2) : HasRowsOrColumns(contract.Output, map, value));
    }

    // Blocks of a product's operand are numbered by the product's batch, and their rows or columns are one axis.
    static bool HasRowsOrColumns(Value product, AxisMap map, Value value)
    {
        var rank = value.Shape.Rank;
        return rank == product.Shape.Rank && Enumerable.Range(0, rank - 2).All(i => value.Shape[i] == product.Shape[i]) && (map[value, rank - 1].Length <= 1 || map[value, rank - 2].Length <= 1);
    }

    // The axes behind those of a convolution's rows, the pixels of an image, are one axis: what the nodes read has all of them behind one another, or none.
    static bool HasPixels(ImmutableArray<Node> nodes, AxisMap map, Value value, int from)
    {
        ImmutableArray<Atom> pixels = [.. Enumerable.Range(from, value.Shape.Rank - from).SelectMany(axis => map[value, axis])];
        var made = new HashSet<Value>(nodes.SelectMany(n => n.Outputs));
        return nodes.SelectMany(n => n.Inputs).Where(v => !made.Contains(v)).Select(v => map.Atoms(v).Where(pixels.Contains).ToList()).All(own => own.Count == 0 || own.SequenceEqual(pixels));
    }

    // Whether one kernel can add up as each of its reductions does alone.
    bool KeepsOrder(List<Node> reduces, List<int> closure, AxisMap map)
    {
        var orders = reduces.Select(r => (Node: r, Order: ReductionOrder.Of(r, Target, typical))).ToList();
        if (orders.Any(o => o.Order.Parts != orders[0].Order.Parts)) return false;
        var ordered = orders.Where(o => o.Order.Lanes > 0).ToList();
        if (ordered.Count == 0) return true;
        var runs = ReducedRuns.Of(map, ordered.Select(o => o.Node));
        if (runs.IsDefault || ordered.Any(o => o.Order.Lanes != ordered[0].Order.Lanes)) return false;
        var inside = new HashSet<int>(closure);
        var operands = closure.SelectMany(i => graph.Nodes[i].Inputs).Distinct().Where(v => graph.Producer(v) is var p && (p < 0 || !inside.Contains(p))).ToList();
        bool IsOneAxis(ImmutableArray<Atom> run) => operands.All(v => ReducedRuns.IsOneAxis(map, v, run));
        return (ordered[0].Order.Lanes == 1 || IsOneAxis(runs[runs.Length - 1])) && (orders[0].Order.Parts == 1 || IsOneAxis(runs[0]));
    }

    KernelShape? Reduce(List<Node> reduces, List<Node> nodes, AxisMap map, HashSet<Atom> all, List<Value> outputs)
    {
        var reduced = new HashSet<Atom>(map.Reduced(reduces[0]));
        if (reduces.Any(r => !reduced.SetEquals(map.Reduced(r)))) return null;
        var kept = new HashSet<Atom>(all.Where(a => !reduced.Contains(a)));
        // An element's value may not be summed along one reduced axis only, and results have the kept axes or all.
        var whole = outputs.Where(v => all.SetEquals(map.Atoms(v))).ToList();
        if (!outputs.All(v => kept.SetEquals(map.Atoms(v)) || (reduced.Count > 0 && whole.Contains(v)))) return null;
        if (reduces.Any(r => !all.SetEquals(map.Atoms(r.Inputs[0])))) return null;

        var depth = Depths(nodes);
        var stages = depth.Values.Max();
        if (stages > Target.Kernels.Passes) return null;
        var several = reduces.Any(r => depth[r] > 1) || whole.Any(v => Depth(v, depth) > 0);
        long Size(IEnumerable<Atom> atoms) => atoms.Aggregate(1L, (n, a) => n * a.Size.Evaluate(typical));
        var rowLike = IsRowLike(reduces, map, reduced);
        if (!rowLike && whole.Count > 0 && (several ? Size(reduced) > Target.Memory.ColumnRows : true)) return null;
        if (several)
        {
            if (!rowLike && Size(reduced) > Target.Memory.ColumnRows) return null;
            // Few long rows would leave threads idle, rows of several axes too long for the cache would be read from memory again and again.
            if (Size(kept) < Target.Work.FewRows && Size(reduced) > Target.Work.LongRow) return null;
            if (reduced.Count > 1 && Size(reduced) * 4 > Target.Memory.RowBytes) return null;
        }
        // What is cut into parts is whole only when all of them are done.
        if ((several || whole.Count > 0) && reduces.Any(r => ReductionOrder.Of(r, Target, typical).Parts > 1)) return null;
        return new(several || whole.Count > 0 ? "row" : "reduce", map, all, kept);
    }

    // Whether elements that lie behind one another belong to one sum.
    static bool IsRowLike(List<Node> reduces, AxisMap map, HashSet<Atom> reduced)
    {
        var atoms = map.Atoms(reduces[0].Inputs[0]);
        return reduced.Contains(atoms[atoms.Length - 1]);
    }

    // How many reductions, one behind another, a node's result stands on.
    static Dictionary<Node, int> Depths(List<Node> nodes)
    {
        var depth = new Dictionary<Node, int>();
        foreach (var n in nodes)
            depth[n] = n.Inputs.Select(v => Depth(v, depth)).DefaultIfEmpty(0).Max() + (n.Operation.Kind == OpKind.Reduce ? 1 : 0);
        return depth;
    }

    static int Depth(Value v, Dictionary<Node, int> depth) => v.Producer is { } p && depth.TryGetValue(p, out var d) ? d : 0;
}
