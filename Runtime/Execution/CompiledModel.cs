using System.ComponentModel;
using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Compiler.Training;

namespace Graph.Runtime.Execution;

/// <summary>A lowered program with the addresses of its kernels: everything that the instances and sessions of one model share. Immutable.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class CompiledModel
{
    readonly Dictionary<string, CompiledFunction> functions;

    /// <param name="name">The model's name, for messages.</param>
    /// <param name="lowered">What to run.</param>
    /// <param name="kernelAddress">The address of each of its kernels.</param>
    /// <param name="plans">Plans that were made while it was built.</param>
    /// <param name="numerics">What else its bits depend on; null for what the processor's library adds up by.</param>
    public CompiledModel(string name, LoweredProgram lowered, Func<int, nint> kernelAddress, ImmutableArray<MemoryPlan> plans = default, string? numerics = null)
    {
        Name = name;
        Lowered = lowered;
        Kernels = [.. Enumerable.Range(0, lowered.Generated.Length).Select(kernelAddress)];
        KernelNumbers = lowered.Generated.Select((kernel, index) => (kernel, index)).ToDictionary(p => p.kernel.Name, p => p.index, StringComparer.Ordinal);
        functions = lowered.Functions.Select(f => new CompiledFunction(f, lowered, plans.IsDefault ? null : plans.FirstOrDefault(p => p.Function == f))).ToDictionary(f => f.Name, StringComparer.Ordinal);
        if (functions.Remove(DerivedStates.Function, out var derive)) Derive = derive; // nobody calls it but the store
        Training = [.. lowered.Training.Select((t, i) => new CompiledTraining(i, t, this[TrainingSignature.Of(t).TrainStep], Find(t.Loss)))];
        Fingerprint = new(() => KernelFingerprint.OfPlan(lowered, numerics ?? Cpu.Numerics.Text));
    }

    public string Name { get; }

    public LoweredProgram Lowered { get; }

    /// <summary>The ways to train it.</summary>
    internal ImmutableArray<CompiledTraining> Training { get; }

    /// <summary>The training program of that name, or the only one.</summary>
    /// <exception cref="InvalidOperationException">The model is not trained, or in several ways and none is named.</exception>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    internal CompiledTraining TrainingOf(string? name)
    {
        if (Training.IsEmpty) throw new InvalidOperationException($"{Name} has no function {new TrainingSignature("").TrainStep}; it has {string.Join(", ", functions.Keys)}. Training needs a [Loss] and a [Train] method.");
        if (name is null) return Training.Length == 1 ? Training[0] : throw new InvalidOperationException($"{Name} is trained in several ways: {Names()}. Say which one.");
        foreach (var training in Training)
            if (training.Name == name) return training; // allocates nothing
        throw new ArgumentException(Training is [{ Name: "" }] ? $"{Name} is trained in one way only, which has no name, but got {name}." : $"{Name} is not trained by {name}, but by {Names()}.", nameof(name));

        string Names() => string.Join(", ", Training.Select(t => t.Name));
    }

    /// <summary>Names the plan; checkpoints record it. Programs with equal fingerprints give equal bits.</summary>
    public string PlanFingerprint => Fingerprint.Value;

    Lazy<string> Fingerprint { get; }

    internal ImmutableArray<nint> Kernels { get; }

    Dictionary<string, int> KernelNumbers { get; }

    /// <summary>What computes the derived states; null when there are none.</summary>
    internal CompiledFunction? Derive { get; }

    /// <summary>The states that entries assign, and those whose lifetime is a session's: each session has its own.</summary>
    internal ImmutableArray<string> SessionStates => field.IsDefault
        ? field = [.. Functions.Where(f => !f.IsTraining).SelectMany(f => f.AssignedStates).Concat(Lowered.States.Where(s => s.Kind == StateKind.Session).Select(s => s.Path)).Distinct()] : field;

    public IEnumerable<CompiledFunction> Functions => functions.Values;

    internal nint Address(Kernel kernel) => Kernels[KernelNumbers[kernel.Name]];

    /// <summary>The function of that name, or null.</summary>
    public CompiledFunction? Find(string function) => functions.GetValueOrDefault(function);

    /// <exception cref="InvalidOperationException">The model has no such function.</exception>
    public CompiledFunction this[string function] => functions.TryGetValue(function, out var found) ? found
        : throw new InvalidOperationException($"{Name} has no function {function}; it has {string.Join(", ", functions.Keys)}.");
}
