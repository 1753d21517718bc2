using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;

namespace Graph.Compiler.Passes;

/// <summary>
/// Computes each value once: nodes of equal operation, attributes, regions and operands become one. Random operations are keyed by their stream, so equal ones are equal
/// and different ones never merge.
/// </summary>
public sealed record Cse() : FunctionPass("Cse")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => Run(function, program);

    static Function Run(Function function, Program program)
    {
        var bodies = new Dictionary<Node, ImmutableArray<Function>>();
        var repeated = Repeated(function, program, bodies);
        // Mostly there is nothing, and a function of many calls is not built anew for that.
        if (repeated.Count == 0 && bodies.All(b => b.Value.SequenceEqual(b.Key.Regions))) return function;
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
            if (!repeated.TryGetValue(node, out var first)) rewriter.Emit(node, node.Attributes, bodies.TryGetValue(node, out var regions) ? regions : node.Regions);
            else for (var i = 0; i < node.Outputs.Length; i++) rewriter.Map[node.Outputs[i]] = rewriter[first.Outputs[i]];
        return rewriter.Finish(function);
    }

    // The nodes that compute what a node before them does, with that; and the new regions of those that have any.
    static Dictionary<Node, Node> Repeated(Function function, Program program, Dictionary<Node, ImmutableArray<Function>> bodies)
    {
        var repeated = new Dictionary<Node, Node>();
        var known = new Dictionary<Key, Node>(function.Nodes.Length);
        var numbers = new Dictionary<Value, int>(function.States.Length + function.Nodes.Length); // equal ones have one
        int Number(Value value)
        {
            if (!numbers.TryGetValue(value, out var number)) numbers.Add(value, number = numbers.Count);
            return number;
        }
        foreach (var node in function.Nodes)
        {
            ImmutableArray<Function> regions = [];
            if (!node.Regions.IsEmpty) bodies.Add(node, regions = [.. node.Regions.Select(r => Run(r, program))]);
            if (!node.Operation.IsPure) continue;
            var operands = new int[node.Inputs.Length];
            for (var i = 0; i < operands.Length; i++) operands[i] = Number(node.Inputs[i]);
            if (node.Operation.Commutes) Array.Sort(operands);
            var key = new Key(node.Operation, node.Attributes, operands, regions.IsEmpty ? "" : string.Concat(regions.Select(r => ProgramPrinter.Print(r))));
            if (!known.TryGetValue(key, out var first))
            {
                known.Add(key, node);
                continue;
            }
            repeated.Add(node, first);
            for (var i = 0; i < node.Outputs.Length; i++) numbers[node.Outputs[i]] = Number(first.Outputs[i]);
        }
        return repeated;
    }

    sealed class Key : IEquatable<Key>
    {
        readonly Operation operation;
        readonly AttributeMap attributes;
        readonly int[] operands;
        readonly string regions;
        readonly int hash;

        public Key(Operation operation, AttributeMap attributes, int[] operands, string regions)
        {
            (this.operation, this.attributes, this.operands, this.regions) = (operation, attributes, operands, regions);
            hash = unchecked((operation.GetHashCode() * 31 + attributes.GetHashCode()) * 31 + regions.GetHashCode());
            foreach (var operand in operands) hash = unchecked(hash * 31 + operand);
        }

        public bool Equals(Key? other) =>
            other is not null && hash == other.hash && operation == other.operation && operands.AsSpan().SequenceEqual(other.operands) && attributes.Equals(other.attributes) && regions == other.regions;

        public override bool Equals(object? obj) => Equals(obj as Key);
        public override int GetHashCode() => hash;
    }
}
