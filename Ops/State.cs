namespace Graph;

/// <summary>A tensor that the forward pass of a training step updates and that no gradient reaches: running statistics.</summary>
public sealed partial class State : Tensor
{
    /// <summary>A state of the given shape.</summary>
    /// <param name="shape">The dimensions, outermost first: all constant.</param>
    /// <param name="initializer">Its first value; see <see cref="Init"/>.</param>
    /// <param name="name">Its name in paths and checkpoints instead of the field's.</param>
    public State(int[] shape, Initializer initializer, string? name = null)
        : base(shape)
    {
        Initializer = initializer;
        Name = name;
    }

    /// <summary>Its first value.</summary>
    public Initializer Initializer { get; }

    /// <summary>Its name in paths and checkpoints; null for the field's.</summary>
    public string? Name { get; }

    /// <summary>Gives it a new value of the same shape, which later reads see; ignored outside of training steps, but not in eager code.</summary>
    /// <remarks>
    /// Read after it, in the same step, it is the new value itself: a gradient flows through it into what the value was computed from, unlike under PyTorch's <c>no_grad</c>. The number that the step began
    /// with is a constant to every gradient, and so is what one step leaves for the next.
    /// </remarks>
    /// <param name="value">The new value.</param>
    public void Assign(Tensor value) => Write(value);
}
