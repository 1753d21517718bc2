using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.InteropServices;

namespace Graph.Compiler.Ir;

/// <summary>Rebuilds a function: a map from old values to new ones over a <see cref="Builder"/>. The tool of every pass.</summary>
public sealed class Rewriter
{
    public Rewriter(Program program, string name) : this(new Builder(program, name))
    {
    }

    /// <summary>A rewriter that adds to a function under construction.</summary>
    public Rewriter(Builder builder) : this(builder, 0)
    {
    }

    Rewriter(Builder builder, int values) => (Builder, Map) = (builder, new(values));

    /// <summary>A rewriter in which the function's parameters are already mapped to equal new ones.</summary>
    public static Rewriter Over(Program program, Function function)
    {
        var rewriter = new Rewriter(new Builder(program, function.Name), function.Parameters.Length + function.States.Length + function.Nodes.Length);
        foreach (var p in function.Parameters) rewriter.Map.Add(p, rewriter.Builder.Argument(p.Type, p.Name!));
        foreach (var s in function.States) rewriter.Map.Add(s, rewriter.Builder.NewState(s));
        return rewriter;
    }

    public Builder Builder { get; }

    /// <summary>New values by old ones.</summary>
    public Dictionary<Value, Value> Map { get; }

    public Value this[Value old] => Map[old];

    public ImmutableArray<Value> New(IEnumerable<Value> old) => [.. old.Select(v => Map[v])];

    public ImmutableArray<Value> New(ImmutableArray<Value> old)
    {
        var mapped = new Value[old.Length];
        for (var i = 0; i < mapped.Length; i++) mapped[i] = Map[old[i]];
        return ImmutableCollectionsMarshal.AsImmutableArray(mapped);
    }

    /// <summary>Copies a node with its inputs mapped; types are inferred anew.</summary>
    public Node Copy(Node node) => Emit(node, node.Attributes, node.Regions);

    /// <summary>Emits the node's operation with other attributes and regions, and maps its results.</summary>
    public Node Emit(Node node, AttributeMap attributes, ImmutableArray<Function> regions)
    {
        using var _ = Builder.At(node.Origins);
        var inputs = New(node.Inputs);
        var copy = ReferenceEquals(attributes, node.Attributes) && regions.Equals(node.Regions) && HasTypesOf(node, inputs) ? Builder.Again(node, inputs) : Builder.Node(node.Operation, inputs, attributes, regions);
        for (var i = 0; i < node.Outputs.Length; i++)
        {
            Map[node.Outputs[i]] = copy.Outputs[i];
            if (node.Outputs[i].Order.Length == copy.Outputs[i].Shape.Rank) copy.Outputs[i].Order = node.Outputs[i].Order;
        }
        return copy;
    }

    // Then its results have the types that they had; those of a call are the callee's, which may be another one by now.
    static bool HasTypesOf(Node node, ImmutableArray<Value> inputs)
    {
        if (Callees.Of(node) is not null) return false;
        for (var i = 0; i < inputs.Length; i++)
            if (!ReferenceEquals(inputs[i].Type, node.Inputs[i].Type) && inputs[i].Type != node.Inputs[i].Type) return false;
        return true;
    }

    /// <summary>The new function, with the old one's results and state updates mapped.</summary>
    public Function Finish(Function old) => Builder.Build(
        New(old.Results), [.. old.Updates.Select(u => new StateUpdate(u.Path, Map[u.Value]))], old.ResultNames);
}
