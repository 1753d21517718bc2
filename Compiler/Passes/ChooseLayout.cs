using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Scheduling;
using Graph.Compiler.Space;

namespace Graph.Compiler.Passes;

/// <summary>
/// Picks the order in which the axes of kernels' results lie in memory, so that a transposition and reshape behind them is an alias: the product of attention weights and values is written
/// as [batch, position, head, width], which is what joining the heads reads. Operands may lie in any order, so nothing else changes.
/// </summary>
public sealed record ChooseLayout() : FunctionPass("ChooseLayout")
{
    public override Function Run(Function function, Program program, CancellationToken cancel)
    {
        function = Bodies.Rewrite(function, program, (_, body) => Run(body, program, cancel));
        var chosen = Choose(function);
        if (chosen.Count == 0) return function;
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
        {
            rewriter.Copy(node);
            foreach (var output in node.Outputs)
                if (chosen.TryGetValue(output, out var order)) rewriter[output].Order = order;
        }
        return rewriter.Finish(function);
    }

    static Dictionary<Value, ImmutableArray<int>> Choose(Function function)
    {
        var strides = new Dictionary<Value, ImmutableArray<Dim>>();
        var chosen = new Dictionary<Value, ImmutableArray<int>>();
        var dense = NeedDense(function);
        foreach (var value in function.Parameters.Concat(function.States)) strides[value] = value.Strides;
        foreach (var node in function.Nodes)
        {
            foreach (var output in node.Outputs) strides[output] = output.Strides;
            if (node.Operation.Kind != OpKind.View) continue;
            var through = Views.Strides(node, strides[node.Inputs[0]]);
            if (through.IsDefault && Wanted(node, dense, chosen) is { } want)
            {
                chosen[want.Value] = want.Order;
                Refresh(function, node, strides, chosen);
                through = Views.Strides(node, strides[node.Inputs[0]]);
            }
            if (!through.IsDefault) strides[node.Output] = through;
        }
        return chosen;
    }

    // Strides of everything before a node, after a layout has changed.
    static void Refresh(Function function, Node until, Dictionary<Value, ImmutableArray<Dim>> strides, Dictionary<Value, ImmutableArray<int>> chosen)
    {
        foreach (var node in function.Nodes)
        {
            if (node == until) return;
            if (node.Operation.Kind == OpKind.View)
            {
                if (Views.Strides(node, strides[node.Inputs[0]]) is { IsDefault: false } through) strides[node.Output] = through;
                else strides[node.Output] = node.Output.Strides;
            }
            else
                foreach (var output in node.Outputs)
                    if (chosen.TryGetValue(output, out var order)) strides[output] = Strides(output.Shape, order);
        }
    }

    static ImmutableArray<Dim> Strides(Shape shape, ImmutableArray<int> order)
    {
        var strides = new Dim[shape.Rank];
        var stride = Dim.One;
        for (var i = order.Length - 1; i >= 0; i--)
        {
            strides[order[i]] = stride;
            stride *= shape[order[i]];
        }
        return [.. strides];
    }

    // What leaves the function lies row by row, and what a library kernel does not read and write through strides.
    static HashSet<Value> NeedDense(Function function)
    {
        var result = new HashSet<Value>(function.Roots.Select(Base));
        foreach (var node in function.Nodes)
            if (node.Operation.Library(node) is { } traits)
            {
                result.UnionWith(node.Inputs.Where((_, i) => !traits.Strided.Contains(i)).Select(Base));
                result.UnionWith(node.Outputs.Where((_, i) => !traits.StridedResults.Contains(i)));
            }
            else if (Bodies.Has(node) || node.Operation == StructureOperations.Call || node.Operation == StructureOperations.Update || node.Regions.Any(r => r.Nodes.Any(NeedsDense)))
            {
                result.UnionWith(node.Inputs.Select(Base));
                result.UnionWith(node.Outputs);
            }
        return result;
    }

    static bool NeedsDense(Node node) => node.Operation.Kind == OpKind.Structure || (node.Operation.Library(node) is { } traits && (traits.Strided.Length < node.Inputs.Length || traits.StridedResults.Length < node.Outputs.Length));

    static Value Base(Value value)
    {
        while (value.Producer is { Operation.Kind: OpKind.View } view) value = view.Inputs[0];
        return value;
    }

    // The layout of the reshape's source, behind transpositions, with which the reshape is an alias.
    static (Value Value, ImmutableArray<int> Order)? Wanted(Node reshape, HashSet<Value> dense, Dictionary<Value, ImmutableArray<int>> chosen)
    {
        var value = reshape.Inputs[0];
        var order = Enumerable.Range(0, value.Shape.Rank).ToArray();
        while (value.Producer is { Operation.Kind: OpKind.View } view)
        {
            if (view.Operation.View(view)?.Order(view.Inputs[0].Shape, view.Output.Shape) is not { IsDefault: false } axes) return null;
            order = [.. order.Select(axis => axes[axis])];
            value = view.Inputs[0];
        }
        if (value.Producer is not { } producer || dense.Contains(value) || chosen.ContainsKey(value) || !value.Order.IsEmpty) return null;
        if (producer.Operation.Kind is not (OpKind.Elementwise or OpKind.Reduce or OpKind.Contract) && producer.Operation != StructureOperations.Fused) return null;
        return (value, [.. order]);
    }
}
