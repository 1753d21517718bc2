using System;
using System.Linq;
using System.Runtime.CompilerServices;

namespace Graph;

/// <summary>How long a state lives.</summary>
public enum StateLifetime
{
    /// <summary>As long as the model: changed by training, saved with it, copied to sessions whose entries assign it.</summary>
    Model,
    /// <summary>As long as a session (<c>model.NewSession()</c>): each has its own, with the first value at first, and no file has it. Entries assign it, training does not.</summary>
    Session,
}

/// <summary>What a session's state is stored in. What reads it sees the type that the model computes in; what is assigned is rounded to the nearest number once.</summary>
public enum StateStorage
{
    /// <summary>The type that the model has its parameters in: exact.</summary>
    Full,
    /// <summary>The 16 bits that its module computes in (<see cref="Precision"/>); as <see cref="Full"/> where that computes in more.</summary>
    Computed,
    /// <summary>IEEE 16 bits in every model: off by at most 2⁻¹¹ of a number between 2⁻¹⁴ and 65504; what is larger becomes infinite.</summary>
    Float16,
    /// <summary>The upper 16 bits of a float in every model: off by at most 2⁻⁸ of a number, of the range of a float.</summary>
    BFloat16,
}

/// <summary>A tensor that the model keeps from call to call and that no gradient reaches: running statistics, a cache of keys and values.</summary>
public sealed partial class State : Tensor
{
    /// <summary>A state of the given shape.</summary>
    /// <param name="shape">The dimensions, outermost first: all constant.</param>
    /// <param name="initializer">Its first value; see <see cref="Init"/>.</param>
    /// <param name="name">Its name in paths and checkpoints instead of the field's.</param>
    /// <param name="lifetime">How long it lives, and whose it is.</param>
    /// <param name="storage">What a session's state is stored in.</param>
    [OverloadResolutionPriority(1)] // [] is no list of names
    public State(int[] shape, Initializer initializer, string? name = null, StateLifetime lifetime = StateLifetime.Model, StateStorage storage = StateStorage.Full)
        : base(shape)
    {
        (Lifetime, Storage) = (lifetime, storage);
        if (initializer is ListedInitializer listed && listed.Values.Length != Length)
            throw new ArgumentException($"The initializer has {listed.Values.Length} numbers, but a state of shape [{string.Join(", ", shape)}] has {Length}.", nameof(initializer));
        Initializer = initializer;
        Name = name;
    }

    /// <summary>A state of a session with named dimensions, <c>new(["B", 512, 64], Init.Zeros, lifetime: StateLifetime.Session)</c>: each session says how large its own is, by its first call or when it is made.</summary>
    /// <param name="shape">The dimensions, outermost first: each an <c>int</c>, or a <c>string</c>, the name of a dimension that the model declares (<see cref="DimAttribute"/>).</param>
    /// <param name="initializer">Its first value.</param>
    /// <param name="name">Its name in paths instead of the field's.</param>
    /// <param name="lifetime">A session's: a state of the model has one size.</param>
    /// <param name="storage">What it is stored in.</param>
    /// <remarks>Outside of compiled code <see cref="Tensor.Shape"/> has 0 where a name stands.</remarks>
    /// <exception cref="ArgumentException">A dimension is neither.</exception>
    public State(object[] shape, Initializer initializer, string? name = null, StateLifetime lifetime = StateLifetime.Session, StateStorage storage = StateStorage.Full)
        : this([.. shape.Select(Size)], initializer, name, lifetime, storage)
    {
    }

    static int Size(object dimension) => dimension switch
    {
        int size => size,
        string => 0,
        _ => throw new ArgumentException($"A dimension of a state is a number or a name, but got {dimension ?? "null"}.", "shape"),
    };

    /// <summary>How long it lives, and whose it is.</summary>
    public StateLifetime Lifetime { get; }

    /// <summary>What it is stored in.</summary>
    public StateStorage Storage { get; }

    /// <summary>Its first value.</summary>
    public Initializer Initializer { get; }

    /// <summary>Its name in paths and checkpoints; null for the field's.</summary>
    public string? Name { get; }

    /// <summary>Gives it a new value of the same shape, which later reads in the same call see.</summary>
    /// <param name="value">The new value.</param>
    /// <remarks>
    /// The last value that a training step or an entry assigns is what is kept, and what the next call reads: in the model by a step, in its session by an entry. Evaluating a loss (its generated method, not a training step) keeps nothing: later reads in that call
    /// see the value, and the state stays what it was. A layer that gathers statistics in training alone asks for <see cref="Mode.Training"/>. In eager code the state is written at once.
    /// <para>Read after it, in the same step, it is the new value itself: a gradient flows through it into what the value was computed from, unlike under PyTorch's <c>no_grad</c>; assign
    /// <c>value.Detach()</c> where none is to. The number that the step began with is a constant to every gradient, and so is what one step leaves for the next.</para>
    /// </remarks>
    public void Assign(Tensor value) => Write(value);
}
