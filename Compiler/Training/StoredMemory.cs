using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Training;

/// <summary>Bytes of a model's states, by what they are for.</summary>
/// <param name="Weights">Parameters as products read them, running statistics, constants, states of sessions.</param>
/// <param name="Masters">Parameters of which working copies are made.</param>
/// <param name="Moments">What optimizers keep, and counters.</param>
/// <param name="Derived">What is computed from the weights alone, but the working copies.</param>
public sealed record StoredMemory(long Weights, long Masters, long Moments, long Derived)
{
    public static StoredMemory Of(ImmutableArray<StateDecl> states, DimBinding binding)
    {
        long weights = 0, masters = 0, moments = 0, derived = 0;
        var parameters = new HashSet<string>(states.Where(s => s.Kind == StateKind.Parameter).Select(s => s.Path), StringComparer.Ordinal);
        bool IsCopy(StateDecl state) => state.Kind == StateKind.Derived && WorkingCopies.ParameterOf(state.Path) is var of && of != state.Path && parameters.Contains(of);
        var copied = new HashSet<string>(states.Where(IsCopy).Select(s => WorkingCopies.ParameterOf(s.Path)), StringComparer.Ordinal);
        foreach (var state in states)
        {
            var bytes = state.Type.BytesAt(binding);
            switch (state.Kind)
            {
                case StateKind.Parameter when copied.Contains(state.Path): masters += bytes; break;
                case StateKind.Parameter or StateKind.Buffer or StateKind.Session or StateKind.Constant: weights += bytes; break;
                case StateKind.Optimizer or StateKind.Counter: moments += bytes; break;
                case StateKind.Derived when IsCopy(state): weights += bytes; break;
                case StateKind.Derived: derived += bytes; break;
                default: throw new InvalidOperationException($"The state {state.Path} is of the unknown kind {state.Kind}.");
            }
        }
        return new(weights, masters, moments, derived);
    }

    /// <summary>What a function needs to be there while it runs: a step of training moments, any other what is derived.</summary>
    /// <param name="isTraining">Whether the function is one.</param>
    public long During(bool isTraining) => Weights + Masters + (isTraining ? Moments : Derived);
}
