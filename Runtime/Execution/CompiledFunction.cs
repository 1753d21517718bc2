using System.ComponentModel;
using System;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Compiler.Training;

namespace Graph.Runtime.Execution;

/// <summary>A function with what its calls need: which symbols its arguments' lengths give, and how long arguments and results are.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class CompiledFunction
{
    readonly CompiledModel model;
    readonly StartFunction start;
    Sized? sized;

    internal CompiledFunction(CompiledModel model, StartFunction start, int index)
    {
        Index = index;
        this.model = model;
        this.start = start;
    }

    /// <summary>What calls of other than typical sizes need: which symbols the lengths give, what is checked, plans.</summary>
    sealed class Sized
    {
        public Sized(CompiledFunction function, CompiledModel.CompiledProgram program, StartFunction start)
        {
            var lowered = program.Lowered;
            Lowered = lowered.Find(start.Name)!;
            Solver = new(Lowered, lowered.Dims);
            var signature = Lowered.Signature;
            var names = Solver.Names;
            var sizes = ImmutableArray.CreateBuilder<StateSize>();
            foreach (var name in DimSolver.StateSymbols(Lowered)) sizes.Add(new(names.IndexOf(name), name, Source(signature, name)?.Name));
            StateSizes = sizes.ToImmutable();
            Checks = new(signature, lowered, Solver);
            Plans = new(function, Lowered, Solver, program.PlanOf(Lowered));
            Lengths = new Polynomial[start.Names.Length];
            for (var i = 0; i < Lengths.Length; i++) Lengths[i] = new((i < start.Arguments ? signature.Parameters[i] : signature.Results[i - start.Arguments]).Shape.Size, names);
        }

        public LoweredFunction Lowered { get; }

        public DimSolver Solver { get; }

        public ImmutableArray<StateSize> StateSizes { get; }

        public CallChecks Checks { get; }

        public PlanCache Plans { get; }

        public Polynomial[] Lengths { get; }
    }

    // Made once: sessions share the plans.
    Sized AnySize
    {
        get
        {
            if (Volatile.Read(ref sized) is { } made) return made;
            var program = model.Program;
            lock (start) return sized ?? Make(program);
        }
    }

    Sized Make(CompiledModel.CompiledProgram program)
    {
        var made = new Sized(this, program, start);
        Volatile.Write(ref sized, made);
        return made;
    }

    // The first parameter that has a dimension of that name.
    static NamedTensor? Source(FunctionSignature signature, string symbol)
    {
        foreach (var parameter in signature.Parameters)
            if (parameter.Shape.Size.Has(symbol)) return parameter;
        return null;
    }

    public string Name => start.Name;

    /// <summary>Its number among the model's functions.</summary>
    internal int Index { get; }

    /// <summary>It changes parameters or states.</summary>
    internal bool AssignsStates => !AssignedStates.IsEmpty;

    /// <summary>It is the step of a training program, whose states are the model's and not a session's.</summary>
    internal bool IsTraining => start.IsTraining;

    /// <summary>What runs. Read when it is first asked for.</summary>
    /// <exception cref="InvalidOperationException">What the model's class embeds is damaged.</exception>
    public LoweredFunction Lowered => AnySize.Lowered;

    /// <summary>A call at typical sizes; null when nothing is known of one.</summary>
    internal TypicalCall? Typical => start.Typical;

    /// <summary>The element type of an argument or, behind those, a result.</summary>
    internal DType TypeOf(int index) => start.Types[index];

    /// <summary>The name of an argument or, behind those, a result; empty where nobody named it.</summary>
    internal string NameOf(int index) => start.Names[index];

    /// <summary>It is an entry or loss that draws random numbers, so its last argument is a seed that the caller does not give.</summary>
    internal bool Draws => Arguments > 0 && NameOf(Arguments - 1) == TrainingSignature.CallSeed;

    /// <summary>It reads or writes what an optimizer keeps.</summary>
    internal bool TakesOptimizer => start.TakesOptimizer;

    /// <inheritdoc cref="LoweredFunction.HasStableAddresses"/>
    internal bool HasStableAddresses => start.HasStableAddresses;

    /// <summary>The paths of the states that a call gives new values: the parameters and moments of a training step, and what <c>State.Assign</c> assigns in an entry. Empty for a call that only reads.</summary>
    public ImmutableArray<string> AssignedStates => start.Assigned;

    internal DimSolver Solver => AnySize.Solver;

    /// <summary>Whether it reads what is derived from the model's numbers.</summary>
    internal bool ReadsDerived => start.ReadsDerived;

    /// <summary>A named dimension that states of the function have.</summary>
    /// <param name="Symbol">Its number among the solver's symbols.</param>
    /// <param name="Name">Its name.</param>
    /// <param name="Argument">The argument that has it too; null when only the session says how large it is.</param>
    internal sealed record StateSize(int Symbol, string Name, string? Argument);

    /// <summary>Whether states of sessions that it uses have named dimensions.</summary>
    internal bool HasSizedStates => start.HasSizedStates;

    /// <summary>The named dimensions of the states of sessions that it uses; none for a function without such states.</summary>
    internal ImmutableArray<StateSize> StateSizes => HasSizedStates ? AnySize.StateSizes : [];

    internal CallChecks Checks => AnySize.Checks;

    /// <summary>Its plans, by binding.</summary>
    internal PlanCache Plans => AnySize.Plans;

    internal int Arguments => start.Arguments;

    internal int Results => start.Names.Length - start.Arguments;

    /// <summary>How many named dimensions its calls have.</summary>
    internal int Symbols => start.Symbols.Length;

    internal string ResultName(int index) => NameOf(Arguments + index) is { Length: > 0 } name ? name : Results == 1 ? "result" : "result " + index;

    internal DimBinding Binding(ReadOnlySpan<long> values)
    {
        var binding = DimBinding.Empty;
        for (var i = 0; i < values.Length; i++) binding = binding.With(start.Symbols[i], values[i]);
        return binding;
    }

    /// <summary>Elements of every argument, then of every result.</summary>
    internal long[] Lengths(long[] values)
    {
        if (Typical is { } typical && typical.Has(values)) return typical.Lengths;
        var lengths = AnySize.Lengths;
        var result = new long[lengths.Length];
        for (var i = 0; i < result.Length; i++) result[i] = lengths[i].Evaluate(values);
        return result;
    }

    // Of what is said of all calls and what its training program says, the smaller.
    long? Within(long? budget) => TrainingSignature.BudgetOf(model.Start.Training, Name, budget);

    /// <summary>Its plan under a binding.</summary>
    /// <param name="values">The values of its symbols.</param>
    /// <param name="budget">The most bytes that a call may take with all that is stored; null for no bound.</param>
    /// <exception cref="InsufficientMemoryException">It cannot run within the budget.</exception>
    internal MemoryPlan Plan(long[] values, long? budget) =>
        Plans.Get(values, Within(budget) is { } bytes ? bytes - StoredMemory.Of(model.States, Binding(values)).During(IsTraining) : null);

    /// <summary>Its launches under a binding, in numbers.</summary>
    /// <inheritdoc cref="Plan"/>
    internal BoundFunction Bound(long[] values, long? budget) =>
        Within(budget) == Within(model.MemoryBudget) && Typical is { } typical && typical.Has(values) ? typical.Read() : BoundFunction.Of(Plan(values, budget), model.Lowered);

    /// <summary>Checks the values of the symbols against their bounds.</summary>
    /// <exception cref="ArgumentException">One is below 1 or above its bound; the message names the argument that gave it.</exception>
    internal void CheckBounds(ReadOnlySpan<long> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var symbol = Solver.Symbols[i];
            if (values[i] >= 1 && values[i] <= symbol.Max) continue;
            var source = Source(Lowered.Signature, symbol.Name)!;
            if (DimSymbol.WholeOf(symbol.Name) is var (whole, parts) && parts > 1)
                throw new ArgumentException($"{Name}: {whole} is {values[i] * parts} by the length of {source.Name}, expected {parts} to {symbol.Max * parts} for its {parts} micro-batches.", source.Name);
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
