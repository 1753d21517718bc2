using System.ComponentModel;
using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Compiler.Training;

namespace Graph.Runtime.Execution;

/// <summary>A function with what its calls need: which symbols its arguments' lengths give, and how long arguments and results are.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class CompiledFunction
{
    readonly Polynomial[] lengths;

    internal CompiledFunction(LoweredFunction lowered, LoweredProgram program, MemoryPlan? planned)
    {
        Lowered = lowered;
        IsTraining = TrainingSignature.OfStep(program.Training, lowered.Name) is not null;
        AssignedStates = lowered.Signature.Assigned;
        Solver = new(lowered, program.Dims);
        var sizes = ImmutableArray.CreateBuilder<StateSize>();
        foreach (var name in DimSolver.StateSymbols(lowered)) sizes.Add(new(SymbolOf(name), name, Source(name)?.Name));
        StateSizes = sizes.ToImmutable();
        var symbols = Solver.Names;
        ReadsDerived = lowered.Name != DerivedStates.Function && HasDerived(lowered, program);
        Checks = new(lowered.Signature, program, Solver);
        Plans = new(this, planned);
        lengths = new Polynomial[Arguments + Results];
        for (var i = 0; i < lengths.Length; i++) lengths[i] = new((i < Arguments ? lowered.Signature.Parameters[i] : lowered.Signature.Results[i - Arguments]).Shape.Size, symbols);
    }

    static bool HasDerived(LoweredFunction function, LoweredProgram program)
    {
        foreach (var state in program.States)
            if (state.Kind == StateKind.Derived)
                foreach (var buffer in function.Buffers)
                    if (buffer.Kind == BufferKind.State && buffer.Name == state.Path) return true;
        return false;
    }

    // The first parameter that has a dimension of that name.
    NamedTensor? Source(string symbol)
    {
        foreach (var parameter in Lowered.Signature.Parameters)
            if (parameter.Shape.Size.Has(symbol)) return parameter;
        return null;
    }

    public string Name => Lowered.Name;

    /// <summary>It changes parameters or states.</summary>
    internal bool AssignsStates => !AssignedStates.IsEmpty;

    /// <summary>It is the step of a training program, whose states are the model's and not a session's.</summary>
    internal bool IsTraining { get; }

    public LoweredFunction Lowered { get; }

    /// <summary>It is an entry or loss that draws random numbers, so its last argument is a seed that the caller does not give.</summary>
    internal bool Draws => Lowered.Signature.Parameters is { IsEmpty: false } all && all[all.Length - 1].Name == TrainingSignature.CallSeed;

    /// <summary>The paths of the states that a call gives new values: the parameters and moments of a training step, and what <c>State.Assign</c> assigns in an entry. Empty for a call that only reads.</summary>
    public ImmutableArray<string> AssignedStates { get; }

    internal DimSolver Solver { get; }

    /// <summary>Whether it reads what is derived from the model's numbers.</summary>
    internal bool ReadsDerived { get; }

    /// <summary>A named dimension that states of the function have.</summary>
    /// <param name="Symbol">Its number among the solver's symbols.</param>
    /// <param name="Name">Its name.</param>
    /// <param name="Argument">The argument that has it too; null when only the session says how large it is.</param>
    internal sealed record StateSize(int Symbol, string Name, string? Argument);

    /// <summary>The named dimensions of the states of sessions that it uses; none for a function without such states.</summary>
    internal ImmutableArray<StateSize> StateSizes { get; }

    int SymbolOf(string name)
    {
        for (var i = 0; i < Solver.Symbols.Length; i++)
            if (Solver.Symbols[i].Name == name) return i;
        throw new ArgumentException($"{Name} has no dimension {name}.", nameof(name));
    }

    internal CallChecks Checks { get; }

    /// <summary>Its plans, by binding.</summary>
    internal PlanCache Plans { get; }

    internal int Arguments => Lowered.Signature.Parameters.Length;

    internal int Results => Lowered.Signature.Results.Length;

    internal string ResultName(int index) => Lowered.Signature.Results[index].Name is { Length: > 0 } name ? name : Results == 1 ? "result" : "result " + index;

    internal DimBinding Binding(ReadOnlySpan<long> values)
    {
        var binding = DimBinding.Empty;
        for (var i = 0; i < values.Length; i++) binding = binding.With(Solver.Symbols[i].Name, values[i]);
        return binding;
    }

    /// <summary>Elements of every argument, then of every result.</summary>
    internal long[] Lengths(long[] values)
    {
        var result = new long[lengths.Length];
        for (var i = 0; i < result.Length; i++) result[i] = lengths[i].Evaluate(values);
        return result;
    }

    /// <summary>Checks the values of the symbols against their bounds.</summary>
    /// <exception cref="ArgumentException">One is below 1 or above its bound; the message names the argument that gave it.</exception>
    internal void CheckBounds(ReadOnlySpan<long> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var symbol = Solver.Symbols[i];
            if (values[i] >= 1 && values[i] <= symbol.Max) continue;
            var source = Source(symbol.Name)!;
            throw new ArgumentException($"{Name}: {symbol.Name} is {values[i]} by the length of {source.Name} {source.Shape}, expected 1 to {symbol.Max}.", source.Name);
        }
    }

    /// <summary>Checks that the sizes of a binding can be counted: one that overflows would be planned too small, and kernels would write beyond it.</summary>
    /// <exception cref="OutOfMemoryException">They cannot; the message names the dimensions.</exception>
    internal void CheckMemory(ReadOnlySpan<long> values)
    {
        var binding = Binding(values);
        try
        {
            double bytes = 0;
            foreach (var size in Lowered.BytesOf(binding)) bytes += size;
            foreach (var launch in Lowered.Launches) _ = (launch.Flops.Evaluate(binding), launch.Traffic.Evaluate(binding));
            if (bytes < long.MaxValue / 2) return;
        }
        catch (OverflowException)
        {
            // Said below.
        }
        throw new OutOfMemoryException($"There is no memory for the intermediates of {Name} with {binding}: their bytes are beyond what 64 bits count.");
    }

    /// <summary>Says what is wrong with a call whose lengths do not fit.</summary>
    internal ArgumentException WrongLength(int index, long length, long expected, DimBinding binding)
    {
        var isResult = index >= Arguments;
        var value = isResult ? Lowered.Signature.Results[index - Arguments] : Lowered.Signature.Parameters[index];
        var name = isResult ? ResultName(index - Arguments) : value.Name!;
        var shape = string.Join(", ", value.Shape.Evaluate(binding));
        return new($"{Name}: {name} has {length} elements, expected {expected}: {value.Shape}{(binding.Values.Any() ? $" with {binding}" : "")} is [{shape}].", name);
    }
}
