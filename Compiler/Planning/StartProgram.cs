using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Training;

namespace Graph.Compiler.Planning;

/// <summary>
/// What a model has to know of its program to be made and to run at typical sizes: states, training programs, and what callers see of its functions. It follows from the <see cref="LoweredProgram"/>, which is only read when
/// something else is asked for: another size, a message, a dump.
/// </summary>
/// <param name="name">The model's name.</param>
/// <param name="kernels">How many kernels code is generated for.</param>
/// <param name="states">As the program's.</param>
/// <param name="training">As the program's.</param>
/// <param name="functions">In the order of the program's.</param>
public sealed class StartProgram(string name, int kernels, ImmutableArray<StateDecl> states, ImmutableArray<TrainingProgram> training, StartFunction[] functions)
{
    public string Name { get; } = name;

    public int Kernels { get; } = kernels;

    public ImmutableArray<StateDecl> States { get; } = states;

    public ImmutableArray<TrainingProgram> Training { get; } = training;

    public StartFunction[] Functions { get; } = functions;

    /// <summary>Of a program.</summary>
    /// <param name="program">The program.</param>
    /// <param name="plans">Plans at typical sizes, for functions that are to start at them; empty for none.</param>
    public static StartProgram Of(LoweredProgram program, ImmutableArray<MemoryPlan> plans = default) => new(
        program.Name, program.Generated.Length, program.States, program.Training,
        [.. program.Functions.Select(f => StartFunction.Of(f, program, plans.IsDefault ? null : plans.FirstOrDefault(p => ReferenceEquals(p.Source, f))))]);
}

/// <summary>What a call has to know of a function.</summary>
public sealed class StartFunction
{
    public required string Name { get; init; }

    /// <summary>Its parameters, then its results; a result's name is empty where nobody named it.</summary>
    public required string[] Names { get; init; }

    /// <summary>Their element types.</summary>
    public required DType[] Types { get; init; }

    /// <summary>How many of them are parameters.</summary>
    public required int Arguments { get; init; }

    /// <summary>The named dimensions of a call, in the order of <see cref="DimSolver.Symbols"/>.</summary>
    public required string[] Symbols { get; init; }

    /// <summary>The paths of the states that it gives new values.</summary>
    public required ImmutableArray<string> Assigned { get; init; }

    /// <summary>It is the step of a training program.</summary>
    public bool IsTraining { get; init; }

    /// <summary>It reads what is derived from the model's numbers.</summary>
    public bool ReadsDerived { get; init; }

    /// <summary>It reads or writes what an optimizer keeps.</summary>
    public bool TakesOptimizer { get; init; }

    /// <summary>States of its sessions have named dimensions.</summary>
    public bool HasSizedStates { get; init; }

    /// <inheritdoc cref="LoweredFunction.HasStableAddresses"/>
    public bool HasStableAddresses { get; init; }

    /// <summary>A call at typical sizes; null when nothing is known of one.</summary>
    public TypicalCall? Typical { get; init; }

    /// <summary>Of a function.</summary>
    /// <param name="function">The function.</param>
    /// <param name="program">The program that it is of.</param>
    /// <param name="plan">Its plan at typical sizes; null for none.</param>
    public static StartFunction Of(LoweredFunction function, LoweredProgram program, MemoryPlan? plan)
    {
        var (parameters, results) = (function.Signature.Parameters, function.Signature.Results);
        var solver = new DimSolver(function, program.Dims);
        var touched = new HashSet<string>(function.Buffers.Where(b => b.Kind == BufferKind.State).Select(b => b.Name), StringComparer.Ordinal);
        bool Touches(Func<StateKind, bool> kind) => program.States.Any(s => kind(s.Kind) && touched.Contains(s.Path));
        var hasSizedStates = DimSolver.StateSymbols(function).Count > 0;
        return new()
        {
            Name = function.Name, Arguments = parameters.Length, Names = [.. parameters.Concat(results).Select(t => t.Name)], Types = [.. parameters.Concat(results).Select(t => t.DType)],
            Symbols = [.. solver.Symbols.Select(s => s.Name)], Assigned = function.Signature.Assigned, IsTraining = TrainingSignature.OfStep(program.Training, function.Name) is not null,
            ReadsDerived = !DerivedStates.IsComputedBy(function.Name) && Touches(k => k == StateKind.Derived), TakesOptimizer = Touches(k => k is StateKind.Optimizer or StateKind.Counter),
            HasSizedStates = hasSizedStates, HasStableAddresses = function.HasStableAddresses,
            Typical = plan is null || hasSizedStates ? null : TypicalCall.Of(plan, program, solver),
        };
    }
}

/// <summary>A call of a function whose arguments have their typical lengths: all that is solved, checked and planned for other lengths.</summary>
/// <param name="values">The values of the function's symbols.</param>
/// <param name="stated">Of those the ones that no length gives, as the caller states them.</param>
/// <param name="lengths">Elements of each argument and result.</param>
/// <param name="picks">Of each argument that picks classes or rows: the argument, of how many, and what else is allowed where something is.</param>
/// <param name="read">The function under these sizes, when it is asked for.</param>
public sealed class TypicalCall(long[] values, long[] stated, long[] lengths, long[][] picks, Func<BoundFunction> read)
{
    public long[] Values { get; } = values;

    public long[] Stated { get; } = stated;

    public long[] Lengths { get; } = lengths;

    public long[][] Picks { get; } = picks;

    /// <summary>The function under these sizes; each call of this makes it anew.</summary>
    public BoundFunction Read() => read();

    /// <summary>Whether a call has these lengths, and states these sizes.</summary>
    public bool Fits(ReadOnlySpan<long> lengths, ReadOnlySpan<long> stated) => Same(Lengths, lengths) && Same(Stated, stated);

    /// <summary>Whether these are the values.</summary>
    public bool Has(ReadOnlySpan<long> values) => Same(Values, values);

    static bool Same(long[] mine, ReadOnlySpan<long> others)
    {
        if (mine.Length != others.Length) return false;
        for (var i = 0; i < mine.Length; i++)
            if (mine[i] != others[i]) return false;
        return true;
    }

    /// <summary>The call at the sizes of a plan; null when they are none that the function can be called with.</summary>
    internal static TypicalCall? Of(MemoryPlan plan, LoweredProgram program, DimSolver solver)
    {
        var (function, signature) = (plan.Function, plan.Function.Signature);
        // What a training step needs of its sizes and picks is what its loss in training mode does.
        var name = CheckedAs(program, function.Name);
        bool Known(Dim size) => size.Symbols.All(s => solver.Symbols.Any(d => d.Name == s));
        if (solver.Symbols.Any(s => plan.Binding[s.Name] < 1 || plan.Binding[s.Name] > s.Max)) return null;
        if (program.Requirements.Any(r => r.Function == name && Known(r.Size) && r.Size.Evaluate(plan.Binding) < r.Least)) return null;
        var picks = new List<long[]>();
        foreach (var range in program.Ranges.Where(r => r.Function == name && Known(r.Below)))
            for (var i = 0; i < signature.Parameters.Length; i++)
                if (signature.Parameters[i].Name == range.Argument && signature.Parameters[i].DType is DType.I32 or DType.I64)
                    picks.Add(range.Except is { } except ? [i, range.Below.Evaluate(plan.Binding), except] : [i, range.Below.Evaluate(plan.Binding)]);
        return new(
            [.. solver.Symbols.Select(s => plan.Binding[s.Name])], solver.StatedBy(plan.Binding),
            [.. signature.Parameters.Concat(signature.Results).Select(t => t.Shape.Size.Evaluate(plan.Binding))], [.. picks], () => BoundFunction.Of(plan, program));
    }

    /// <summary>The function of a program whose requirements and ranges a function's calls are checked by.</summary>
    public static string CheckedAs(LoweredProgram program, string function) =>
        TrainingSignature.OfStep(program.Training, function) is { } training ? TrainingSignature.Of(training).ForwardLoss : function;
}
