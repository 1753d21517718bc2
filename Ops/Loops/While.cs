using System;

namespace Graph;

public partial class Tensor
{
    /// <summary>
    /// Takes a step again and again as long as a condition holds that the model computes, and no more than <paramref name="most"/> times: an iteration that ends when it has converged, a sequence that is made until its end
    /// comes. The step is compiled once; a call runs as many as it needs.
    /// </summary>
    /// <example>
    /// Newton's square root:
    /// <code>
    /// var root = Tensor.While(x, y => (y * y - x).Abs().Max() > 1e-4f, y => (y + x / y) / 2, most: 30);
    /// </code>
    /// </example>
    /// <remarks>Gradients flow through the steps that were taken. The backward pass goes through all that there could have been, so <paramref name="most"/> costs time and memory in training.</remarks>
    /// <param name="start">What the first step begins with: a tensor, or a tuple or array of tensors. Each has one shape and element type in all steps.</param>
    /// <param name="condition">One bool, of shape []: whether there is another step from here.</param>
    /// <param name="step">One step.</param>
    /// <param name="most">The most steps, at least 1; a number, or a size with a name.</param>
    /// <returns>What the last step left; <paramref name="start"/> when none was taken.</returns>
    /// <exception cref="ArgumentException">In eager code: the condition is no single bool, or a carry changes. In a model that is an error under the expression.</exception>
    public static T While<T>(T start, Func<T, Tensor> condition, Func<T, T> step, int most)
    {
        if (condition is null) throw new ArgumentNullException(nameof(condition));
        if (step is null) throw new ArgumentNullException(nameof(step));
        if (most < 1) throw new ArgumentOutOfRangeException(nameof(most), most, "A loop needs at least 1 iteration.");
        var carry = start;
        for (var i = 0; i < most; i++)
        {
            var goes = condition(carry);
            if (goes.Rank != 0 || goes.Numbers.DType != Compiler.Ir.DType.Bool) throw new ArgumentException($"The condition is {Type(goes)}, expected one bool.", nameof(condition));
            if (goes.Numbers[0] == 0) break;
            var next = step(carry);
            CheckCarry(TensorTreeOf(carry), TensorTreeOf(next));
            carry = next;
        }
        return carry;

        static System.Collections.Generic.List<Tensor> TensorTreeOf(T tree) => Operations.TensorTree.Leaves(tree, nameof(start));
    }
}
