using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Scheduling;

/// <summary>What a function costs under one binding of its dimensions.</summary>
/// <param name="Nodes">Nodes that do something at run time: aliases are not counted.</param>
/// <param name="PeakBytes">The most bytes of intermediates alive at once in the order of the nodes: no plan for this order can do with fewer.</param>
/// <param name="PeakNode">The node at which they are; null in a function without nodes.</param>
/// <param name="Flops">Floating-point operations; a multiply-add counts two.</param>
/// <param name="BytesMoved">Bytes that the nodes read and write when each operand and result goes through memory once.</param>
public sealed record Statistics(int Nodes, long PeakBytes, Node? PeakNode, long Flops, long BytesMoved)
{
    /// <summary>Computes them; calls count what their callee does.</summary>
    public static Statistics Of(Function function, Program program, DimBinding binding)
    {
        var order = new Order(function, binding, null, program);
        var (bytes, at) = order.Peak([.. Enumerable.Range(0, order.Count)]);
        long flops = 0, moved = 0;
        var nodes = 0;
        for (var i = 0; i < function.Nodes.Length; i++)
        {
            var node = function.Nodes[i];
            if (order.IsAlias(i)) continue;
            nodes++;
            moved += node.Inputs.Distinct().Sum(v => v.Type.BytesAt(binding)) + node.Outputs.Sum(v => v.Type.BytesAt(binding));
            flops += Operations(node, program, binding);
        }
        return new(nodes, bytes, at < 0 ? null : function.Nodes[at], flops, moved);
    }

    /// <summary>Floating-point operations of a node.</summary>
    static long Operations(Node node, Program program, DimBinding binding)
    {
        if (node.Operation == StructureOperations.Call)
        {
            var callee = CallOperation.Callee(program, node.Attributes);
            foreach (var size in StructureOperations.Unify(callee, [.. node.Inputs.Select(i => i.Type)])) binding = binding.With(size.Key, size.Value.Evaluate(binding));
            return callee.Nodes.Sum(n => Operations(n, program, binding));
        }
        if (node.Operation == StructureOperations.Update)
        {
            var rule = CallOperation.Callee(program, node.Attributes);
            var name = UpdateOperation.Length(rule);
            return node.Outputs.Where((_, i) => i % rule.Results.Length == 0).Sum(o => rule.Nodes.Sum(n => Operations(n, program, binding.With(name, o.Shape.Size.Evaluate(binding)))));
        }
        if (node.Operation == StructureOperations.Loop)
            return node.Attributes.Dims("count")[0].Evaluate(binding) * node.Regions[0].Nodes.Sum(n => Operations(n, program, binding));
        return node.Operation.Flops(node).Evaluate(binding);
    }

    /// <summary>One line for dumps; the source line is that of the peak.</summary>
    public override string ToString() =>
        System.FormattableString.Invariant($"{Nodes} nodes, {Flops} operations, {BytesMoved} bytes moved, {PeakBytes} bytes live")
        + (PeakNode is null ? "" : " at " + PeakNode.Name + (PeakNode.Origins.IsEmpty ? "" : " (" + PeakNode.Origins[0] + ")"));
}
