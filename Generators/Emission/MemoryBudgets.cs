using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Modules.Elaboration;
using Graph.Compiler.Planning;
using Graph.Compiler.Training;
using Graph.Generators.Diagnostics;
using Location = Graph.Compiler.Modules.Location;

namespace Graph.Generators.Emission;

/// <summary>Plans a model at its typical sizes, within its memory budget where it has one.</summary>
static class MemoryBudgets
{
    /// <summary>The plans of the functions, in their order; where one does not fit the budget, what to say of it.</summary>
    /// <param name="model">The model's name.</param>
    /// <param name="lowered">Its functions.</param>
    /// <param name="budget">The most bytes that a call may take with all that is stored; null for no bound.</param>
    /// <param name="origins">The places that origins of nodes refer to.</param>
    /// <param name="location">That of the model.</param>
    public static (List<MemoryPlan> Plans, List<DiagnosticInfo> Errors) Plan(string model, LoweredProgram lowered, long? budget, IReadOnlyList<Location> origins, Location location)
    {
        var (plans, errors) = (new List<MemoryPlan>(), new List<DiagnosticInfo>());
        foreach (var function in lowered.Functions)
        {
            var plan = Planner.PlanTypical(function, lowered.Dims);
            if (TrainingSignature.BudgetOf(lowered.Training, function.Name, budget) is { } bytes)
            {
                var stored = StoredMemory.Of(lowered.States, plan.Binding).During(TrainingSignature.OfStep(lowered.Training, function.Name) is not null);
                var left = bytes - stored;
                if (Rematerializer.Plan(function, plan.Binding, left, out var smallest, plan) is { } fitting) plan = fitting;
                else
                    errors.Add(DiagnosticInfo.Of(new GraphDiagnostic(
                        DiagnosticIds.MemoryBudget, Place(smallest.Peak, origins) ?? location,
                        $"{model}.{function.Name} needs {SizeLimits.Bytes(smallest.ArenaBytes)} for its intermediates{(plan.Binding.Values.Any() ? " at " + plan.Binding : "")}, however much is computed again; of the memory budget of {SizeLimits.Bytes(bytes)}, "
                        + $"{SizeLimits.Bytes(stored)} of weights and states leave {SizeLimits.Bytes(System.Math.Max(0, left))}. The peak is at {Operation(smallest)}.")));
            }
            plans.Add(plan);
        }
        return (plans, errors);
    }

    // Its line is where the error stands.
    static string Operation(MemoryPlan plan) => plan.Peak is not { } peak ? "nowhere"
        : System.FormattableString.Invariant($"#{plan.PeakLaunch} ") + peak.Title + (peak.Origins.Select(o => o.Path).FirstOrDefault(p => p.Length > 0) is { } path ? " of " + path : "");

    static Location? Place(Launch? launch, IReadOnlyList<Location> origins)
    {
        foreach (var origin in launch?.Origins ?? [])
            if (Origin.Entry(origin.Place) is { } entry && entry < origins.Count) return origins[entry];
        return null;
    }
}
