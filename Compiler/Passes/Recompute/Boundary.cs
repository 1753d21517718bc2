using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Recompute;

/// <summary>Where a function turns from forward to backward, and what is worth keeping across.</summary>
sealed class Boundary
{
    readonly Function function;
    readonly Func<Value, Value, long> bytes;
    readonly ImmutableArray<Value> kept;
    readonly HashSet<Value> forward = [];
    readonly Dictionary<Value, int> number = [];
    readonly HashSet<Value> written;

    /// <summary>Of a training step: what its first result depends on, and the states that its forward pass assigns, is forward, everything else backward.</summary>
    /// <param name="function">The step.</param>
    /// <param name="program">Its program.</param>
    /// <param name="optimized">The states that the optimizer changes, and not the forward pass.</param>
    public static Boundary OfStep(Function function, Program program, ISet<string> optimized)
    {
        var binding = DimBinding.Typical(program.Dims);
        return new(function, Ends(function, optimized), [], (_, source) => source.Type.BytesAt(binding));
    }

    /// <summary>Of a micro-batch of a training step: what its loss and the states that its forward pass assigns depend on is forward.</summary>
    /// <param name="step">The step.</param>
    /// <param name="loop">The loop over micro-batches in it.</param>
    /// <param name="program">Its program.</param>
    /// <param name="optimized">The states that the optimizer changes, and not the forward pass.</param>
    public static Boundary OfMicroBatch(Function step, Node loop, Program program, ISet<string> optimized)
    {
        var binding = DimBinding.Typical(program.Dims);
        var wanted = new HashSet<Value>(Ends(step, optimized));
        for (var i = step.Nodes.Length - 1; step.Nodes[i] != loop; i--)
            if (step.Nodes[i].Outputs.Any(wanted.Contains)) wanted.UnionWith(step.Nodes[i].Inputs);
        var body = loop.Regions[0];
        return new(body, body.Results.Where((_, i) => wanted.Contains(loop.Outputs[i])), [], (_, source) => source.Type.BytesAt(binding));
    }

    static IEnumerable<Value> Ends(Function step, ISet<string> optimized) => [.. step.Results.Take(1), .. step.Updates.Where(u => !optimized.Contains(u.Path)).Select(u => u.Value)];

    /// <param name="function">The function.</param>
    /// <param name="ends">What the forward part is there for: all that they depend on is forward, everything else backward.</param>
    /// <param name="kept">Parameters that the backward part finds only if they are kept, as it finds results of the forward part; the others cost nothing.</param>
    /// <param name="bytes">The memory that keeping a value costs, given it and what it is a view of: itself if it is none.</param>
    public Boundary(Function function, IEnumerable<Value> ends, ImmutableArray<Value> kept, Func<Value, Value, long> bytes)
    {
        (this.function, this.kept, this.bytes) = (function, kept, bytes);
        var roots = new HashSet<Value>(ends);
        foreach (var parameter in kept)
        {
            forward.Add(parameter);
            number.Add(parameter, number.Count);
        }
        for (var i = function.Nodes.Length - 1; i >= 0; i--)
        {
            var node = function.Nodes[i];
            if (!node.Outputs.Any(roots.Contains)) continue;
            foreach (var output in node.Outputs)
            {
                forward.Add(output);
                number.Add(output, number.Count);
            }
            foreach (var input in node.Inputs) roots.Add(input);
        }
        written = Written();
    }

    public bool IsForward(Node node) => forward.Contains(node.Outputs[0]);

    /// <summary>Made by scalar arithmetic or a change of view, which the backward kernels that read it can take in.</summary>
    static bool IsCheap(Value value) => value.Producer!.Operation is { IsPure: true, Kind: OpKind.Elementwise or OpKind.View };

    /// <summary>The forward values that the backward pass makes again from kept ones, arguments and states.</summary>
    /// <param name="ends">What the backward pass gives, where it may be a forward value as it is.</param>
    public HashSet<Value> Recomputed(params IEnumerable<Value> ends)
    {
        var needed = new HashSet<Value>();
        var stored = new HashSet<Value>();
        foreach (var node in function.Nodes)
        {
            if (IsForward(node)) continue;
            foreach (var input in node.Inputs)
                if (forward.Contains(input)) needed.Add(input);
        }
        foreach (var end in ends)
            if (forward.Contains(end)) needed.Add(end);
        if (needed.Count == 0) return [];
        Stored(stored);

        var distance = Distances(needed);
        int source = 2 * number.Count, sink = source + 1;
        var cut = new MinimumCut(sink + 1);
        foreach (var node in function.Nodes)
        {
            if (!IsForward(node)) continue;
            foreach (var value in node.Outputs)
            {
                var at = 2 * number[value];
                cut.Edge(at, at + 1, Weight(value, distance.TryGetValue(value, out var d) ? d : 20));
                if (stored.Contains(value) || !IsCheap(value)) cut.Edge(source, at, MinimumCut.Infinite);
                else
                    foreach (var input in node.Inputs)
                        if (number.TryGetValue(input, out var before)) cut.Edge(2 * before + 1, at, MinimumCut.Infinite);
                if (needed.Contains(value)) cut.Edge(at + 1, sink, MinimumCut.Infinite);
            }
        }
        foreach (var parameter in kept)
        {
            var at = 2 * number[parameter];
            cut.Edge(source, at, MinimumCut.Infinite);
            cut.Edge(at, at + 1, Weight(parameter, distance.TryGetValue(parameter, out var d) ? d : 20));
            if (needed.Contains(parameter)) cut.Edge(at + 1, sink, MinimumCut.Infinite);
        }
        var sinkSide = cut.SinkSide(source, sink);
        // A scalar without operands is part of whatever kernel reads it: a second one would save nothing.
        return [.. number.Keys.Where(v => v.Producer is not null && sinkSide[2 * number[v]] && IsCheap(v) && !stored.Contains(v) && (v.Shape.Rank > 0 || !v.Producer!.Inputs.IsEmpty))];
    }

    // Values that a contraction, a convolution or a library kernel of the backward pass reads, if only through views: they lie in memory anyway, and making them again
    // would be a kernel of its own; but for what a product makes beside its result (BesideProducts).
    void Stored(HashSet<Value> stored)
    {
        for (var i = function.Nodes.Length - 1; i >= 0; i--)
        {
            var node = function.Nodes[i];
            var stores = IsDear(node) ? !IsForward(node) : node.Operation.Kind == OpKind.View && stored.Contains(node.Output);
            if (!stores || node.Operation.View(node)?.Repeats(node.Output.Shape) == true) continue; // what is expanded is smaller than the result
            foreach (var input in node.Inputs) stored.Add(input);
        }
        var beside = new BesideProducts(function, forward);
        stored.RemoveWhere(v => forward.Contains(v) && beside.Makes(Source(v)));
    }

    // Steps from a value to the nearest one that the backward pass reads.
    Dictionary<Value, int> Distances(HashSet<Value> needed)
    {
        var distance = new Dictionary<Value, int>();
        for (var i = function.Nodes.Length - 1; i >= 0; i--)
        {
            var node = function.Nodes[i];
            if (!IsForward(node)) continue;
            var nearest = int.MaxValue - 1;
            foreach (var output in node.Outputs)
            {
                if (needed.Contains(output)) distance[output] = 0;
                if (distance.TryGetValue(output, out var d)) nearest = Math.Min(nearest, d);
            }
            foreach (var input in node.Inputs)
                if (forward.Contains(input)) distance[input] = Math.Min(distance.TryGetValue(input, out var known) ? known : int.MaxValue, nearest + 1);
        }
        return distance;
    }

    // Bytes of the memory that keeping the value keeps alive; a tenth more for every step that would have to be made again, so that long chains are cut where that costs little;
    // and as much as three steps for a value that the forward kernels would write for the backward pass alone.
    long Weight(Value value, int distance)
    {
        var source = Source(value);
        return Math.Max(1, bytes(value, source)) * (10 + Math.Min(distance, 20) + (written.Contains(source) ? 0 : 3));
    }

    // Values that the forward pass has to write to memory whatever the backward pass wants: what a dear operation reads, what it makes for a reduction, and what is read on both
    // sides of a dear operation, as a residual is.
    HashSet<Value> Written()
    {
        var written = new HashSet<Value>();
        var depth = new Dictionary<Value, int>(); // dear operations on the way from the arguments
        int Depth(Value value) => depth.TryGetValue(value, out var known) ? known : 0;
        foreach (var node in function.Nodes)
        {
            if (!IsForward(node)) continue;
            var here = node.Inputs.IsEmpty ? 0 : node.Inputs.Max(Depth);
            var dear = IsDear(node);
            foreach (var input in node.Inputs)
            {
                if (!forward.Contains(input)) continue;
                var source = Source(input);
                if (dear || Depth(input) < here || (node.Operation.Kind == OpKind.Reduce && source.Producer is { } maker && IsDear(maker))) written.Add(source);
            }
            foreach (var output in node.Outputs) depth[output] = here + (dear ? 1 : 0);
        }
        return written;
    }

    static bool IsDear(Node node) => node.Operation.Kind is not (OpKind.Elementwise or OpKind.View or OpKind.Reduce);

    /// <summary>What a view looks at, within the forward pass.</summary>
    public Value Source(Value value)
    {
        while (value.Producer is { Operation.Kind: OpKind.View } view && forward.Contains(view.Inputs[0])) value = view.Inputs[0];
        return value;
    }
}
