using System;

namespace Graph;

/// <summary>A tensor that training changes. Its shape is constant; its numbers live in the model's parameter store.</summary>
public sealed partial class Parameter : Tensor
{
    /// <summary>A parameter of the given shape.</summary>
    /// <param name="shape">The dimensions, outermost first: all constant.</param>
    /// <param name="initializer">How its numbers are drawn; see <see cref="Init"/>.</param>
    /// <param name="name">Its name in paths and checkpoints instead of the field's.</param>
    public Parameter(int[] shape, Initializer initializer, string? name = null)
        : base(shape)
    {
        if (initializer is ListedInitializer listed && listed.Values.Length != Length)
            throw new ArgumentException($"The initializer has {listed.Values.Length} numbers, but a parameter of shape [{string.Join(", ", shape)}] has {Length}.", nameof(initializer));
        Initializer = initializer;
        Name = name;
    }

    /// <summary>How its numbers are drawn.</summary>
    public Initializer Initializer { get; }

    /// <summary>Its name in paths and checkpoints; null for the field's.</summary>
    public string? Name { get; }
}
