using System;

namespace Graph.Compiler.Planning;

/// <summary>
/// What one attempt to place the buffers of a function may cost, and has cost, in steps of about two nanoseconds, one look of a piece at another: work and not time, so that a plan never depends on the machine.
/// </summary>
sealed class PlanningWork
{
    /// <summary>For everything: what is found by then is the plan.</summary>
    public const long Most = 10_000_000;

    /// <summary>For the search of a placement that meets the bound exactly.</summary>
    public const long Exact = 2_000_000;

    /// <summary>For more orders where one was found that is near the bound.</summary>
    public const long Near = 4_000_000;

    public long Spent { get; private set; }

    public long Left => Most - Spent;

    public void Spend(long steps) => Spent += steps;

    /// <summary>As much as that of what is left.</summary>
    public long Share(long wanted) => Math.Max(0, Math.Min(wanted, Left));
}
