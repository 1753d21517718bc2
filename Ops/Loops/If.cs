using System;

namespace Graph;

public partial class Tensor
{
    /// <summary>
    /// One of two computations, by a bool that is known when the model runs: the other one is not run. Both are planned in the one arena, and gradients flow through the one that was taken, whose forward values the
    /// backward pass computes again.
    /// </summary>
    /// <remarks><see cref="Where"/> chooses element by element and computes both sides; for something small it is the faster one. A state that one side assigns keeps its value on the other.</remarks>
    /// <param name="condition">One bool, of shape [].</param>
    /// <param name="yes">What is computed when it is true: a tensor, or a tuple or array of tensors.</param>
    /// <param name="no">What is computed when it is false: tensors of the same types.</param>
    /// <exception cref="ArgumentException">In eager code: the condition is no single bool. In a model that is an error under the expression.</exception>
    public static T If<T>(Tensor condition, Func<T> yes, Func<T> no)
    {
        if (condition is null) throw new ArgumentNullException(nameof(condition));
        if (yes is null) throw new ArgumentNullException(nameof(yes));
        if (no is null) throw new ArgumentNullException(nameof(no));
        if (condition.Rank != 0 || condition.Numbers.DType != Compiler.Ir.DType.Bool) throw new ArgumentException($"The condition is {Type(condition)}, expected one bool.", nameof(condition));
        return condition.Numbers[0] != 0 ? yes() : no();
    }
}
