using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.InteropServices;

namespace Graph.Compiler.Ir;

/// <summary>One operation applied to values. Immutable once built, but for the layout of its outputs.</summary>
public sealed class Node
{
    public Node(Operation operation, ImmutableArray<Value> inputs, AttributeMap attributes, ImmutableArray<Function> regions, ImmutableArray<TensorType> types, ImmutableArray<Origin> origins)
    {
        Operation = operation;
        Inputs = inputs;
        Attributes = attributes;
        Regions = regions;
        Origins = origins;
        var outputs = new Value[types.Length];
        for (var i = 0; i < outputs.Length; i++) outputs[i] = new(types[i], null, null) { Producer = this, Index = i };
        Outputs = ImmutableCollectionsMarshal.AsImmutableArray(outputs);
    }

    public Operation Operation { get; }
    public string Name => Operation.Name;
    public ImmutableArray<Value> Inputs { get; }
    public AttributeMap Attributes { get; }

    /// <summary>The bodies of structured operations: a loop's, a fused kernel's.</summary>
    public ImmutableArray<Function> Regions { get; }
    public ImmutableArray<Value> Outputs { get; }
    public ImmutableArray<Origin> Origins { get; }

    /// <summary>The only result.</summary>
    public Value Output => Outputs.Length == 1 ? Outputs[0] : throw new InvalidOperationException($"{Name} has {Outputs.Length} results.");

    public bool Is(string name) => Operation.Name == name;
}

/// <summary>The new value of a state when the function returns.</summary>
public sealed record StateUpdate(string Path, Value Value);

/// <summary>A pure function: arguments and incoming states to results and new states, through nodes in an order in which every value is defined before it is used.</summary>
public sealed class Function(
    string name, ImmutableArray<Value> parameters, ImmutableArray<Value> states, ImmutableArray<Node> nodes, ImmutableArray<Value> results, ImmutableArray<StateUpdate> updates,
    ImmutableArray<string> resultNames = default)
{
    public string Name { get; } = name;
    public ImmutableArray<Value> Parameters { get; } = parameters;

    /// <summary>The incoming values of the states it reads, each path once.</summary>
    public ImmutableArray<Value> States { get; } = states;
    public ImmutableArray<Node> Nodes { get; } = nodes;
    public ImmutableArray<Value> Results { get; } = results;
    public ImmutableArray<StateUpdate> Updates { get; } = updates;

    /// <summary>Names of the results for people and for the generated members; empty when unnamed.</summary>
    public ImmutableArray<string> ResultNames { get; } = resultNames.IsDefault ? [] : resultNames;

    /// <summary>Every value that leaves the function: results, then new states.</summary>
    public IEnumerable<Value> Roots => Results.Concat(Updates.Select(u => u.Value));

    /// <summary>The function without the nodes that no result and no new state needs, and without states that are not read any more.</summary>
    public Function Pruned()
    {
        var live = new HashSet<Value>(Roots);
        var kept = new List<Node>();
        for (var i = Nodes.Length - 1; i >= 0; i--)
        {
            var node = Nodes[i];
            if (node.Operation.IsPure && !IsAny(node.Outputs, live)) continue;
            kept.Add(node);
            foreach (var input in node.Inputs) live.Add(input);
        }
        var read = States.Where(live.Contains).ToList();
        if (kept.Count == Nodes.Length && read.Count == States.Length) return this;
        kept.Reverse();
        // Nodes cannot change once built, so the functions share them.
        return new(Name, Parameters, [.. read], [.. kept], Results, Updates, ResultNames);
    }

    static bool IsAny(ImmutableArray<Value> values, HashSet<Value> live)
    {
        foreach (var value in values)
            if (live.Contains(value)) return true;
        return false;
    }

    /// <summary>How often each value is read by nodes and roots.</summary>
    public Dictionary<Value, int> UseCounts()
    {
        var uses = new Dictionary<Value, int>(Nodes.Length + States.Length);
        void Use(Value value) => uses[value] = uses.TryGetValue(value, out var count) ? count + 1 : 1;
        foreach (var node in Nodes)
            foreach (var input in node.Inputs) Use(input);
        foreach (var root in Roots) Use(root);
        return uses;
    }
}
