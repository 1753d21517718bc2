using System.ComponentModel;
using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Compiler.Training;

namespace Graph.Runtime.Execution;

/// <summary>
/// A lowered program with the addresses of its kernels: everything that the instances and sessions of one model share. Immutable. What it starts from is there from the beginning; the program itself is read when something is
/// asked for that the start does not say.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class CompiledModel
{
    readonly CompiledFunction[] functions; // few, so that finding one by its name is a walk
    readonly StartProgram start;
    readonly Func<int, nint> kernelAddress;
    readonly Func<CompiledProgram> read;
    readonly string? numerics;
    CompiledProgram? program;

    /// <param name="name">The model's name, for messages.</param>
    /// <param name="lowered">What to run.</param>
    /// <param name="kernelAddress">The address of each of its kernels, which do nothing when they are called for no elements.</param>
    /// <param name="plans">Plans that were made while it was built.</param>
    /// <param name="numerics">What else its bits depend on; null for what the processor's library adds up by.</param>
    public CompiledModel(string name, LoweredProgram lowered, Func<int, nint> kernelAddress, ImmutableArray<MemoryPlan> plans = default, string? numerics = null)
        : this(name, StartProgram.Of(lowered), kernelAddress, () => new(lowered, plans), numerics)
    {
    }

    /// <param name="name">The model's name, for messages.</param>
    /// <param name="start">What it starts from.</param>
    /// <param name="kernelAddress">The address of each of its kernels, which do nothing when they are called for no elements.</param>
    /// <param name="program">The program that <paramref name="start"/> follows from, for what that does not say.</param>
    /// <param name="numerics">What else its bits depend on; null for what the processor's library adds up by.</param>
    internal CompiledModel(string name, StartProgram start, Func<int, nint> kernelAddress, Func<CompiledProgram> program, string? numerics = null)
    {
        Name = name;
        this.start = start;
        this.kernelAddress = kernelAddress;
        this.numerics = numerics;
        read = program;
        // No queries, here and in what a first call runs: each would be loaded, and one over values compiled, when a model starts.
        functions = new CompiledFunction[start.Functions.Length];
        for (var i = 0; i < functions.Length; i++) functions[i] = new(this, start.Functions[i], i);
        var training = new CompiledTraining[start.Training.Length];
        for (var i = 0; i < training.Length; i++) training[i] = new(i, start.Training[i], this[TrainingSignature.Of(start.Training[i]).TrainStep], Find(start.Training[i].Loss));
        Training = ImmutableCollectionsMarshal.AsImmutableArray(training);
    }

    /// <summary>What it starts from.</summary>
    internal StartProgram Start => start;

    /// <summary>A lowered program with the plans that were made while it was built.</summary>
    internal sealed class CompiledProgram(LoweredProgram lowered, ImmutableArray<MemoryPlan> plans)
    {
        public LoweredProgram Lowered { get; } = lowered;

        /// <summary>The plan of a function; null for none.</summary>
        public MemoryPlan? PlanOf(LoweredFunction function)
        {
            if (!plans.IsDefault)
                foreach (var plan in plans)
                    if (ReferenceEquals(plan.Source, function)) return plan;
            return null;
        }
    }

    /// <summary>The program, with its plans. Read when it is first asked for.</summary>
    /// <exception cref="InvalidOperationException">What the class embeds is damaged.</exception>
    internal CompiledProgram Program => program ?? Interlocked.CompareExchange(ref program, read(), null) ?? program; // an exception is not kept

    public string Name { get; }

    /// <summary>The most bytes that a call may take with all that is stored, as its class says; null when it says nothing.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>What runs. Read when it is first asked for.</summary>
    /// <exception cref="InvalidOperationException">What the class embeds is damaged.</exception>
    public LoweredProgram Lowered => Program.Lowered;

    /// <summary>Parameters, buffers and optimizer states.</summary>
    internal ImmutableArray<StateDecl> States => start.States;

    /// <summary>The ways to train it.</summary>
    internal ImmutableArray<CompiledTraining> Training { get; }

    /// <summary>The training program of that name, or the only one.</summary>
    /// <exception cref="InvalidOperationException">The model is not trained, or in several ways and none is named.</exception>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    internal CompiledTraining TrainingOf(string? name)
    {
        if (Training.IsEmpty) throw new InvalidOperationException($"{Name} has no function {new TrainingSignature("").TrainStep}; it has {FunctionNames}. Training needs a [Loss] and a [Train] method.");
        if (name is null) return Training.Length == 1 ? Training[0] : throw new InvalidOperationException($"{Name} is trained in several ways: {Names()}. Say which one.");
        foreach (var training in Training)
            if (training.Name == name) return training; // allocates nothing
        throw new ArgumentException(Training is [{ Name: "" }] ? $"{Name} is trained in one way only, which has no name, but got {name}." : $"{Name} is not trained by {name}, but by {Names()}.", nameof(name));

        string Names() => string.Join(", ", Training.Select(t => t.Name));
    }

    /// <summary>Names the plan; checkpoints record it. Programs with equal fingerprints give equal bits.</summary>
    public string PlanFingerprint => field ??= KernelFingerprint.OfPlan(Lowered, numerics ?? Cpu.Numerics.Text);

    /// <summary>What computes the derived states; null when there are none.</summary>
    internal CompiledFunction? Derive => At(DerivedStates.Function);

    /// <summary>What computes of these at least the working copies of parameters, which training steps read.</summary>
    internal CompiledFunction? DeriveCopies => At(DerivedStates.Copies) ?? Derive;

    /// <summary>The states that entries assign, and those whose lifetime is a session's: each session has its own.</summary>
    internal ImmutableArray<string> SessionStates => field.IsDefault
        ? field = [.. Functions.Where(f => !f.IsTraining).SelectMany(f => f.AssignedStates).Concat(States.Where(s => s.Kind == StateKind.Session).Select(s => s.Path)).Distinct()] : field;

    /// <summary>All but what derives states, which nobody calls but the store.</summary>
    public IEnumerable<CompiledFunction> Functions => functions.Where(f => !DerivedStates.IsComputedBy(f.Name));

    /// <summary>How many functions there are, what derives states among them.</summary>
    internal int FunctionCount => functions.Length;

    /// <summary>The address of a kernel that code is generated for, by its number among those.</summary>
    internal nint Address(int kernel) => kernel >= 0 && kernel < start.Kernels ? kernelAddress(kernel) : throw new ArgumentOutOfRangeException(nameof(kernel), kernel, $"{Name} has code for {start.Kernels} kernels.");

    /// <summary>The function of that name, or null.</summary>
    public CompiledFunction? Find(string function) => DerivedStates.IsComputedBy(function) ? null : At(function);

    CompiledFunction? At(string name)
    {
        foreach (var function in functions)
            if (function.Name == name) return function;
        return null;
    }

    /// <exception cref="InvalidOperationException">The model has no such function.</exception>
    public CompiledFunction this[string function] => Find(function) ?? throw new InvalidOperationException($"{Name} has no function {function}; it has {FunctionNames}.");

    string FunctionNames => string.Join(", ", Functions.Select(f => f.Name));
}
