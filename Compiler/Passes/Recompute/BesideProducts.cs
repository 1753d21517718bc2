using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Recompute;

/// <summary>
/// Forward values that a product of the backward pass can make again beside its own result, for a product that reads them: <c>h = gelu(u)</c> for the gradient of the weight behind it, where the gradient of u is made of
/// u already. It costs a write, and no pass over memory of its own, and h need not be kept from the forward pass on.
/// </summary>
/// <param name="function">A function with both passes.</param>
/// <param name="forward">The values of its forward pass.</param>
sealed class BesideProducts(Function function, HashSet<Value> forward)
{
    // Of arithmetic on a product's result in the backward pass: its shape, and the forward values that it reads.
    readonly List<(Shape Shape, HashSet<Value> Reads)> epilogues = Epilogues(function, forward);

    /// <summary>Whether a forward value is arithmetic on numbers that such a product has at hand, and only products of the backward pass read it.</summary>
    public bool Makes(Value value) =>
        IsArithmetic(value) && epilogues.Any(e => e.Shape.Equals(value.Shape)) && Ancestors(value) is var from && epilogues.Any(e => e.Shape.Equals(value.Shape) && e.Reads.Overlaps(from)) && IsForProducts(value);

    static bool IsArithmetic(Value value) => value.Producer?.Operation is { IsPure: true, Kind: OpKind.Elementwise };

    static Value Seen(Value value)
    {
        while (value.Producer is { Operation.Kind: OpKind.View } view) value = view.Inputs[0];
        return value;
    }

    // In 16 bits what a product gives is widened first.
    static Value Uncast(Value value) => value.Producer is { Operation: ElementwiseOperation operation } cast && operation.Expression(cast).Op == ScalarOp.Cast ? cast.Inputs[0] : value;

    // What it is made of, element by element, down to what arithmetic does not make.
    static HashSet<Value> Ancestors(Value value)
    {
        var all = new HashSet<Value>();
        var waiting = new Stack<Value>([value]);
        while (waiting.Count > 0)
            foreach (var input in waiting.Pop().Producer!.Inputs)
                if (input.Shape.Equals(value.Shape) && all.Add(input) && IsArithmetic(input)) waiting.Push(input);
        return all;
    }

    bool IsForProducts(Value value)
    {
        var same = new HashSet<Value> { value };
        foreach (var node in function.Nodes)
        {
            if (!node.Inputs.Any(same.Contains)) continue;
            if (node.Operation.Kind == OpKind.View) same.Add(node.Output);
            else if (!forward.Contains(node.Outputs[0]) && node.Operation.Kind != OpKind.Contract) return false;
        }
        return true;
    }

    static List<(Shape, HashSet<Value>)> Epilogues(Function function, HashSet<Value> forward)
    {
        var found = new List<(Shape, HashSet<Value>)>();
        foreach (var node in function.Nodes)
        {
            if (forward.Contains(node.Outputs[0]) || node.Operation.Kind != OpKind.Elementwise) continue;
            if (!node.Inputs.Any(v => v.Shape.Equals(node.Output.Shape) && !forward.Contains(v) && Seen(Uncast(v)).Producer?.Operation.Kind == OpKind.Contract)) continue;
            var (reads, seen) = (new HashSet<Value>(), new HashSet<Value>());
            var waiting = new Stack<Value>([node.Output]);
            while (waiting.Count > 0)
                foreach (var input in waiting.Pop().Producer!.Inputs)
                {
                    if (!seen.Add(input)) continue;
                    if (forward.Contains(input)) reads.Add(input);
                    else if (IsArithmetic(input)) waiting.Push(input);
                }
            found.Add((node.Output.Shape, reads));
        }
        return found;
    }
}
