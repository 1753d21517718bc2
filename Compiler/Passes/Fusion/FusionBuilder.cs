using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Fusion;

/// <summary>Writes the function with its groups as fused nodes, in an order in which every group comes after what it reads.</summary>
sealed class FusionBuilder(FusionGraph graph, Program program, Legality legality)
{
    readonly Rewriter rewriter = Rewriter.Over(program, graph.Function);

    public Function Build()
    {
        var waiting = new Dictionary<FusionGroup, int>();
        var ready = new SortedSet<(int Last, int First)>();
        var byKey = new Dictionary<(int, int), FusionGroup>();
        foreach (var group in graph.Groups)
        {
            byKey.Add((group.Last, group.First), group);
            waiting[group] = Sources(group).Count;
            if (waiting[group] == 0) ready.Add((group.Last, group.First));
        }
        var readers = new Dictionary<FusionGroup, List<FusionGroup>>();
        foreach (var group in graph.Groups)
            foreach (var source in Sources(group))
            {
                if (!readers.TryGetValue(source, out var list)) readers[source] = list = [];
                list.Add(group);
            }
        var left = waiting.Count;
        while (ready.Count > 0)
        {
            var group = byKey[ready.Min];
            ready.Remove(ready.Min);
            Emit(group);
            left--;
            if (!readers.TryGetValue(group, out var list)) continue;
            foreach (var reader in list)
                if (--waiting[reader] == 0) ready.Add((reader.Last, reader.First));
        }
        if (left > 0) throw new InvalidOperationException($"Fusion made {left} kernels of {graph.Function.Name} wait for each other.");
        foreach (var root in graph.Function.Roots) Outside(root);
        return rewriter.Finish(graph.Function);
    }

    // The groups that a kernel's operands come from, those of what it makes again included.
    HashSet<FusionGroup> Sources(FusionGroup group)
    {
        var result = new HashSet<FusionGroup>();
        foreach (var i in graph.Closure(group.Members))
            foreach (var input in graph.Nodes[i].Inputs)
                if (graph.Source(input) is var s && s >= 0 && graph.GroupOf[s] is { } source && source != group) result.Add(source);
        return result;
    }

    void Emit(FusionGroup group)
    {
        var first = graph.Nodes[group.First];
        var shape = legality.Of(group.Members);
        // A lone contraction, library kernel or loop stays what it is.
        if (group.Members.Count == 1 && first.Operation.Kind is not (OpKind.Elementwise or OpKind.Reduce) && !(shape is not null && MakesOperands(group)))
        {
            foreach (var input in first.Inputs) Outside(input);
            rewriter.Copy(first);
            return;
        }
        var outputs = group.Members.SelectMany(m => graph.Nodes[m].Outputs).Where(v => graph.IsOutput(v, group.Members)).ToImmutableArray();
        Emit(graph.Closure(group.Members), outputs, shape?.Archetype ?? "map", Origin.Merge(group.Members.Select(m => graph.Nodes[m].Origins)));
    }

    // Whether a contraction makes something that it multiplies while it packs it.
    bool MakesOperands(FusionGroup group) => graph.Closure(group.Members).Count > 1;

    void Emit(List<int> closure, ImmutableArray<Value> outputs, string archetype, ImmutableArray<Origin> origins)
    {
        if (outputs.IsEmpty) return;
        var region = new Rewriter(program with { Functions = rewriter.Builder.Program.Functions }, "region");
        var inside = new HashSet<int>(closure);
        var operands = new List<Value>();
        foreach (var i in closure)
        {
            foreach (var input in graph.Nodes[i].Inputs)
            {
                if (region.Map.ContainsKey(input)) continue;
                if (graph.Producer(input) is var p && p >= 0 && inside.Contains(p)) throw new InvalidOperationException("A fused value is read before it is made.");
                region.Map[input] = region.Builder.Argument(input.Type, "x" + operands.Count);
                operands.Add(Outside(input));
            }
            region.Copy(graph.Nodes[i]);
        }
        var body = region.Builder.Build([.. outputs.Select(v => region.Map[v])]);
        using var _ = rewriter.Builder.At(origins);
        var node = rewriter.Builder.Node(StructureOperations.Fused, [.. operands], AttributeMap.Of(("archetype", archetype)), [body]);
        for (var i = 0; i < outputs.Length; i++) rewriter.Map[outputs[i]] = node.Outputs[i];
    }

    // A value as an operand: views of what is there, and constants that something other than arithmetic reads.
    Value Outside(Value value)
    {
        if (rewriter.Map.TryGetValue(value, out var known)) return known;
        var p = graph.Producer(value);
        if (graph.Nodes[p].Operation.Kind == OpKind.View)
        {
            Outside(graph.Nodes[p].Inputs[0]);
            rewriter.Copy(graph.Nodes[p]);
        }
        else Emit(graph.Closure([p]), [value], "map", graph.Nodes[p].Origins);
        return rewriter.Map[value];
    }
}
