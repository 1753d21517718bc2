using System;
using System.Threading;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;

namespace Graph.Runtime.Execution;

/// <summary>The plans of one function, shared by all sessions of all its models' instances: a binding is planned once, and then again only when very many others came in between.</summary>
sealed class PlanCache
{
    // Some thousands of plans of a small function, hundreds of a large one.
    const long Budget = 16 << 20;

    readonly Lock gate = new();
    readonly BindingCache<MemoryPlan> plans = new(Budget);
    readonly BindingCache<MemoryPlan> limited = new(Budget); // by the binding, and the bytes behind it

    readonly CompiledFunction function;
    readonly LoweredFunction lowered;

    /// <param name="function">Whose plans.</param>
    /// <param name="lowered">What is planned.</param>
    /// <param name="solver">The order of its symbols.</param>
    /// <param name="planned">One that is there from the beginning; null for none.</param>
    public PlanCache(CompiledFunction function, LoweredFunction lowered, DimSolver solver, MemoryPlan? planned)
    {
        this.function = function;
        this.lowered = lowered;
        if (planned is null) return;
        var values = new long[solver.Symbols.Length];
        for (var i = 0; i < values.Length; i++) values[i] = planned.Binding[solver.Symbols[i].Name];
        if (planned.Order.IsEmpty) plans.Add(values, planned, BytesOf(planned));
        if (planned.Budget is { } budget) limited.Add([.. values, budget], planned, BytesOf(planned));
    }

    /// <summary>How many plans were made here.</summary>
    public int Made { get; private set; }

    /// <summary>The plan of a binding.</summary>
    /// <param name="values">The values of the function's symbols.</param>
    /// <param name="budget">The most bytes of arena; null for as many as it takes.</param>
    /// <exception cref="InsufficientMemoryException">There is no plan within the budget; the message says what the least is, and where.</exception>
    public MemoryPlan Get(ReadOnlySpan<long> values, long? budget = null)
    {
        // One thread plans; another that needs the same plan finds it then.
        lock (gate)
        {
            if (budget is { } bytes)
            {
                long[] key = [.. values, bytes];
                if (limited.Find(key) is { } fitting) return fitting;
                fitting = Within(Get(values), bytes);
                limited.Add(key, fitting, BytesOf(fitting));
                return fitting;
            }
            if (plans.Find(values) is { } known) return known;
            var plan = Planner.Plan(lowered, function.Binding(values), Near(values));
#if DEBUG
            PlanVerifier.Verify(plan);
#endif
            Made++;
            plans.Add(values.ToArray(), plan, BytesOf(plan));
            return plan;
        }
    }

    MemoryPlan Within(MemoryPlan unlimited, long budget)
    {
        var plan = Rematerializer.Plan(lowered, unlimited.Binding, budget, out var smallest, unlimited);
        if (plan is null)
            throw new InsufficientMemoryException(
                $"{function.Name} needs {smallest.ArenaBytes:N0} bytes for its intermediates{(unlimited.Binding.ToString() is { Length: > 0 } sizes ? " with " + sizes : "")}, however much is computed again, and the memory budget leaves {Math.Max(0, budget):N0}: "
                + $"the peak is at {smallest.PeakDescription}.");
#if DEBUG
        PlanVerifier.Verify(plan);
#endif
        Made++;
        return plan;
    }

    // The smallest binding that is larger everywhere; else the latest.
    MemoryPlan? Near(ReadOnlySpan<long> values)
    {
        MemoryPlan? best = null;
        var least = double.PositiveInfinity;
        foreach (var (others, plan) in plans.Items)
        {
            var ratio = 1.0;
            for (var i = 0; i < others.Length; i++) ratio *= others[i] < values[i] ? double.PositiveInfinity : (double)others[i] / values[i];
            if (ratio < least) (best, least) = (plan, ratio);
        }
        return best ?? plans.Latest;
    }

    // Offsets, sizes, lives and takeovers of each buffer; of a plan with repetitions the launches too.
    static long BytesOf(MemoryPlan plan) => 512 + plan.Offsets.Length * (8L + 8 + 8 + 4) + plan.Order.Length * 256L;
}
