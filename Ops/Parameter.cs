using System;
using System.Collections.Generic;
using System.Linq;

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

    /// <summary>Whether something stands in its place (<see cref="Parametrize"/>): what reads of it see, <see cref="Tensor.ToArray"/> too. Its own numbers are those of the model's store.</summary>
    public bool IsParametrized => Substitutes is not null;

    /// <summary>What the parameters of its parametrizations are under, first to last.</summary>
    public IEnumerable<string> ParametrizationNames => Substitutes is null ? [] : Substitutes.Select(s => s.Name);

    /// <summary>How its numbers are drawn.</summary>
    public Initializer Initializer { get; }

    /// <summary>Its name in paths and checkpoints; null for the field's.</summary>
    public string? Name { get; }
}
