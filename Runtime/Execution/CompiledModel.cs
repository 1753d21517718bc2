using System.ComponentModel;
using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.InteropServices;
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
    readonly ImmutableArray<Kernel> generated;
    readonly nint[] addresses;

    /// <param name="name">The model's name, for messages.</param>
    /// <param name="lowered">What to run.</param>
    /// <param name="kernelAddress">The address of each of its kernels.</param>
    /// <param name="plans">Plans that were made while it was built.</param>
    /// <param name="numerics">What else its bits depend on; null for what the processor's library adds up by.</param>
    public CompiledModel(string name, LoweredProgram lowered, Func<int, nint> kernelAddress, ImmutableArray<MemoryPlan> plans = default, string? numerics = null)
    {
        Name = name;
        Lowered = lowered;
        // No queries, here and in what a first call runs: each would be loaded, and one over values compiled, when a model starts.
        generated = lowered.Generated;
        addresses = new nint[generated.Length];
        for (var i = 0; i < addresses.Length; i++) addresses[i] = kernelAddress(i);
        functions = new(StringComparer.Ordinal);
        foreach (var function in lowered.Functions)
        {
            MemoryPlan? planned = null;
            if (!plans.IsDefault)
                foreach (var plan in plans)
                    if (ReferenceEquals(plan.Function, function)) planned ??= plan;
            functions.Add(function.Name, new(function, lowered, planned));
        }
        if (functions.Remove(DerivedStates.Function, out var derive)) Derive = derive; // nobody calls it but the store
        var training = new CompiledTraining[lowered.Training.Length];
        for (var i = 0; i < training.Length; i++) training[i] = new(i, lowered.Training[i], this[TrainingSignature.Of(lowered.Training[i]).TrainStep], Find(lowered.Training[i].Loss));
        Training = ImmutableCollectionsMarshal.AsImmutableArray(training);
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

    /// <summary>What computes the derived states; null when there are none.</summary>
    internal CompiledFunction? Derive { get; }

    /// <summary>The states that entries assign, and those whose lifetime is a session's: each session has its own.</summary>
    internal ImmutableArray<string> SessionStates => field.IsDefault
        ? field = [.. Functions.Where(f => !f.IsTraining).SelectMany(f => f.AssignedStates).Concat(Lowered.States.Where(s => s.Kind == StateKind.Session).Select(s => s.Path)).Distinct()] : field;

    public IEnumerable<CompiledFunction> Functions => functions.Values;

    /// <exception cref="ArgumentException">It is none of the program's kernels that code is generated for.</exception>
    internal nint Address(Kernel kernel)
    {
        for (var i = 0; i < addresses.Length; i++)
            if (generated[i].Name == kernel.Name) return addresses[i];
        throw new ArgumentException($"{Name} has no code for the kernel {kernel.Name}.", nameof(kernel));
    }

    /// <summary>The function of that name, or null.</summary>
    public CompiledFunction? Find(string function) => functions.GetValueOrDefault(function);

    /// <exception cref="InvalidOperationException">The model has no such function.</exception>
    public CompiledFunction this[string function] => functions.TryGetValue(function, out var found) ? found
        : throw new InvalidOperationException($"{Name} has no function {function}; it has {string.Join(", ", functions.Keys)}.");
}
