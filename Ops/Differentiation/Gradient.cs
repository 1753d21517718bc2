using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>How <paramref name="y"/>, one number, changes with each element of <paramref name="x"/>: ∂y/∂x, of the shape of x. A tensor like any other, through which gradients flow again.</summary>
    /// <param name="y">A real number that was computed from x, in this method or in what it calls: a tensor of one element. For a gradient of each row by itself, give the sum of the rows' numbers.</param>
    /// <param name="x">An argument, a parameter or anything computed, of real numbers. What x itself was computed from is a constant.</param>
    /// <remarks>
    /// y has to be computed from x as it is given: from <c>x</c>, not from another <c>x.Reshape(…)</c> of the same numbers. What is detached on the way is a constant. In eager code, which keeps no record of
    /// what a number was computed from, there are no gradients.
    /// </remarks>
    /// <exception cref="NotSupportedException">In eager code.</exception>
    [Operation("gradient")]
    public static Tensor Gradient(Tensor y, Tensor x) => throw new NotSupportedException("Eager code keeps no record of what a number was computed from, so it has no gradients. Compute it in an [Entry] or a [Loss].");
}

/// <summary>The operations of the gradient, by the rules of those between x and y. Operands: y and x.</summary>
sealed class GradientOperation : LanguageOperation
{
    public override string Name => "gradient";

    protected override Value Expand(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var (y, x) = (operands[0], operands[1]);
        Rules.Real("Gradient", "y", y.DType);
        Rules.Real("Gradient", "x", x.DType);
        if (!y.Shape.Size.Is(1))
            throw new ShapeException($"Gradient needs one number for y, but y is {y.Type}: Sum() or Mean() makes one of it", Diagnostics.GradientOfMany);
        if (!Reached(b.Nodes, x).Contains(y))
            throw new ShapeException("Gradient needs a y that was computed from x, but no real numbers lead from x to y: x has to be the tensor itself that y was computed from, and nothing on every way may be detached", Diagnostics.NotReached);
        var found = ReverseMode.Run(b, 0, [x], [y], [b.Full(1, y.Type)]);
        // Where every way leads through steps, as rounding has, nothing arrives.
        return found.TryGetValue(x, out var gradient) ? gradient : b.Zeros(x.Type);
    }

    static HashSet<Value> Reached(IEnumerable<Node> nodes, Value x)
    {
        var reached = new HashSet<Value> { x };
        foreach (var node in nodes)
            if (node.Operation is not DetachOperation && node.Inputs.Any(reached.Contains))
                foreach (var output in node.Outputs)
                    if (output.DType.IsFloat()) reached.Add(output);
        return reached;
    }
}
