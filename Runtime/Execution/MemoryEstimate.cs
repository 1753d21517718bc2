using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Compiler.Training;

namespace Graph.Runtime.Execution;

/// <summary>Answers what a model will take: from its states, and from the plans that its calls would have.</summary>
static class MemoryEstimate
{
    /// <param name="model">The model.</param>
    /// <param name="threads">Threads of a call; 0 for one a processor.</param>
    /// <param name="budget">The most bytes that a call may take; null for no bound.</param>
    /// <param name="sizes">Its named dimensions; one that is left out has its typical size.</param>
    /// <exception cref="ArgumentException">There is no such dimension, it is named twice, or an operation cannot work with the sizes.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is not within its bounds, or <paramref name="threads"/> is negative.</exception>
    public static ModelMemory Of(CompiledModel model, int threads, long? budget, ReadOnlySpan<(string Name, int Size)> sizes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        if (budget is <= 0) throw new ArgumentOutOfRangeException(nameof(budget), budget, "A memory budget is a number of bytes above 0, or null for none.");
        if (threads == 0) threads = Environment.ProcessorCount;
        var binding = Binding(model, sizes);
        var stored = StoredMemory.Of(model.States, binding);
        var functions = ImmutableArray.CreateBuilder<FunctionMemory>();
        foreach (var function in model.Functions) functions.Add(Of(model, function, binding, budget, stored.During(function.IsTraining), threads));
        return new()
        {
            Model = model.Name, Sizes = binding.ToString(), Weights = stored.Weights, Masters = stored.Masters, Moments = stored.Moments, Derived = stored.Derived, Threads = threads, Functions = functions.ToImmutable(),
        };
    }

    static DimBinding Binding(CompiledModel model, ReadOnlySpan<(string Name, int Size)> sizes)
    {
        var dims = DimSolver.Called(model.Lowered).ToList();
        var binding = DimBinding.Typical(dims);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, size) in sizes)
        {
            var dim = dims.Find(d => d.Name == name)
                ?? throw new ArgumentException($"{model.Name} has no dimension {name}; it has {(dims.Count == 0 ? "none" : string.Join(", ", dims.Select(d => d.Name)))}.", nameof(sizes));
            if (size < 1 || size > dim.Max) throw new ArgumentOutOfRangeException(name, size, $"{name} of {model.Name} is expected to be 1 to {dim.Max}.");
            if (!seen.Add(name)) throw new ArgumentException($"{name} is given twice.", nameof(sizes));
            binding = binding.With(name, size);
        }
        return binding;
    }

    static FunctionMemory Of(CompiledModel model, CompiledFunction function, DimBinding binding, long? budget, long stored, int threads)
    {
        var values = function.Solver.ValuesOf(function.Name, binding);
        function.CheckMemory(values);
        function.Checks.Sizes(values);
        var timeline = new MemoryTimeline(function.Plan(values, budget), model.Lowered.States);
        var plan = timeline.Plan;
        return new()
        {
            Function = function.Name,
            Stored = stored,
            Arena = plan.ArenaBytes,
            Activations = timeline.Peak.Activations + timeline.Peak.Arguments,
            Gradients = timeline.Peak.Gradients,
            Workspaces = timeline.Peak.Workspaces,
            Threads = plan.ThreadBytes * threads,
            LargestOperation = Planner.LargestLaunchBytes(plan.Function, plan.Binding),
            Repeated = plan.Repeated,
            Peak = plan.Peak is { } peak ? new(plan.PeakLaunch, peak.Title, Source(peak)) : null,
            AtPeak = [.. timeline.AtPeak.Select(b => b.MadeBy < 0 ? new MemoryTensor(b.Kind, b.Bytes, "the caller", "") : new(b.Kind, b.Bytes, plan.Function.Launches[b.MadeBy].Title, Source(plan.Function.Launches[b.MadeBy])))],
            Timeline = [.. timeline.Moments.Zip(plan.Function.Launches, (moment, launch) => new MemoryMoment(launch.Title, Source(launch), moment.Activations + moment.Arguments, moment.Gradients, moment.Workspaces))],
        };
    }

    static string Source(Launch launch) => launch.Origins.IsEmpty ? "" : launch.Origins[0].ToString();
}
