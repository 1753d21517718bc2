using System;

namespace Graph;

/// <summary>Where operations go when a body runs outside of the compiler: to the reference kernels.</summary>
static partial class Eager
{
    /// <summary>Runs an operation with one result on numbers.</summary>
    /// <exception cref="InvalidOperationException">The operation has no reference kernel, or an operand holds no numbers.</exception>
    internal static Tensor Run(string operation, Tensor[] operands, params (string Name, object? Value)[] attributes) =>
        throw new InvalidOperationException($"{operation} has no numbers to work on: its operands are part of a model that was not created.");

    /// <summary>Gives a state a new value.</summary>
    /// <exception cref="InvalidOperationException">The state belongs to no created model.</exception>
    internal static void Assign(State state, Tensor value) =>
        throw new InvalidOperationException("The state belongs to a model that was not created, so it holds no numbers.");
}
