using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Planning;

/// <summary>
/// Plans a function within a number of bytes by running launches again instead of keeping what they made: the same kernels on the same operands, so every number keeps its bits. Of the ways that it finds it takes the one whose
/// launches cost least. A pure function of its arguments.
/// </summary>
public static class Rematerializer
{
    // How much it counts that an intermediate is not needed for long.
    static readonly double[] patiences = [1, 0.5, 0];

    // So many limits are tried for each of them.
    const int MostLimits = 6;

    // Launches looked at while single repetitions are taken back: some tens of milliseconds.
    const long MostTrials = 400_000;

    /// <summary>A plan within so many bytes of arena: the function's own where that is enough.</summary>
    /// <param name="function">The function.</param>
    /// <param name="binding">The values of its named dimensions.</param>
    /// <param name="budget">Bytes of the arena.</param>
    /// <param name="smallest">When there is none: the plan with the smallest arena that was found.</param>
    /// <param name="unlimited">The plan of the function without a budget, if it is known.</param>
    public static MemoryPlan? Plan(LoweredFunction function, DimBinding binding, long budget, out MemoryPlan smallest, MemoryPlan? unlimited = null)
    {
        smallest = unlimited ?? Planner.Plan(function, binding);
        if (smallest.ArenaBytes <= budget) return smallest with { Budget = budget };
        // What lives most of the time in one iteration of a loop is made again within it.
        for (var opened = new List<int>(); ;)
        {
            if (Plan(new LaunchUnits(function, binding, opened), binding, budget, ref smallest) is { } plan) return plan;
            var peak = smallest.Order.IsEmpty ? smallest.PeakLaunch : smallest.Order[smallest.PeakLaunch];
            if (LaunchUnits.LoopAround(function, peak, opened) is not (>= 0 and var loop)) return null;
            opened.Add(loop);
        }
    }

    static MemoryPlan? Plan(LaunchUnits units, DimBinding binding, long budget, ref MemoryPlan smallest)
    {
        var target = budget;
        // Placing leaves something unused now and then; then a little less has to live.
        for (var tries = 0; tries < 4 && target > 0; tries++)
        {
            var found = Search(units, binding, target, out var least);
            if ((found ?? least) is not { } steps) break;
            var plan = PlanOf(units, binding, found is null ? steps : Improve(units, binding, steps, target)) with { Budget = budget };
            if (plan.ArenaBytes < smallest.ArenaBytes) smallest = plan;
            if (plan.ArenaBytes <= budget) return plan;
            if (found is null) break;
            target -= Math.Max(units.Function.Alignment, plan.ArenaBytes - budget);
        }
        return null;
    }

    /// <summary>The smallest budget that a plan was found for, to about a hundredth: <see cref="MemoryPlan.Budget"/> of the plan.</summary>
    public static MemoryPlan Smallest(LoweredFunction function, DimBinding binding)
    {
        var unlimited = Planner.Plan(function, binding);
        var best = unlimited with { Budget = unlimited.ArenaBytes };
        var low = Planner.LargestLaunchBytes(function, binding);
        for (var high = best.ArenaBytes; high - low > Math.Max(function.Alignment, high / 100);)
        {
            var middle = low + (high - low) / 2;
            if (Plan(function, binding, middle, out _, unlimited) is { } plan) (best, high) = (plan, middle);
            else low = middle;
        }
        return best;
    }

    /// <summary>A function in an order of its launches, planned.</summary>
    internal static MemoryPlan PlanIn(LoweredFunction function, DimBinding binding, ImmutableArray<int> order) =>
        Planner.Plan(RepeatedLaunches.In(function, order), binding) with { Source = function, Order = order };

    static MemoryPlan PlanOf(LaunchUnits units, DimBinding binding, RepeatedSteps steps) => PlanIn(units.Function, binding, Order(units, steps));

    static ImmutableArray<int> Order(LaunchUnits units, RepeatedSteps steps) => [.. steps.Steps.SelectMany(units.Launches)];

    static long Peak(LaunchUnits units, DimBinding binding, RepeatedSteps steps) => Planner.PeakBytes(RepeatedLaunches.In(units.Function, Order(units, steps)), binding);

    // The cheapest steps within the bytes; the limit of the thought run is moved until what really lives meets them.
    static RepeatedSteps? Search(LaunchUnits units, DimBinding binding, long target, out RepeatedSteps? least)
    {
        RepeatedSteps? best = null;
        least = null;
        var leastBytes = long.MaxValue;
        foreach (var patience in patiences)
        {
            var tried = new HashSet<long>();
            var limit = target;
            for (var i = 0; i < MostLimits && limit > 0 && tried.Add(limit); i++)
            {
                if (new EvictionSchedule(units, limit, patience).Run() is not { } steps)
                {
                    limit += limit / 8; // it went in circles
                    continue;
                }
                var bytes = Peak(units, binding, steps);
                if (bytes < leastBytes) (least, leastBytes) = (steps, bytes);
                if (bytes <= target && (best is null || steps.Cost < best.Cost)) best = steps;
                limit += target - bytes;
            }
        }
        return best;
    }

    // What was forgotten in a hurry may well be kept: each repetition is taken back where the bytes suffice without it, the dearest first.
    static RepeatedSteps Improve(LaunchUnits units, DimBinding binding, RepeatedSteps steps, long target)
    {
        steps = WithoutUnread(units, steps);
        var trials = MostTrials / Math.Max(1, steps.Steps.Count);
        foreach (var repetition in Repetitions(units, steps).OrderByDescending(r => r.Unit.Cost).ThenBy(r => r.Number).ToList())
        {
            if (trials-- <= 0) break;
            if (!steps.Repetitions.Contains(repetition.Number)) continue;
            var without = WithoutUnread(units, Without(steps, [repetition]));
            if (Peak(units, binding, without) <= target) steps = without;
        }
        return steps;
    }

    /// <param name="Number">Its number in the steps.</param>
    /// <param name="Unit">What is repeated.</param>
    /// <param name="Last">Where its last step stands.</param>
    sealed record Repetition(int Number, LaunchUnits.Unit Unit, int Last);

    static List<Repetition> Repetitions(LaunchUnits units, RepeatedSteps steps)
    {
        var all = new List<Repetition>();
        for (var i = 0; i < steps.Steps.Count; i++)
            if (steps.Repetitions[i] is > 0 and var number && (i + 1 == steps.Steps.Count || steps.Repetitions[i + 1] != number)) all.Add(new(number, units.Units[units.UnitOf[steps.Steps[i]]], i));
        return all;
    }

    static RepeatedSteps Without(RepeatedSteps steps, IReadOnlyCollection<Repetition> repetitions)
    {
        var gone = new HashSet<int>(repetitions.Select(r => r.Number));
        return new(
            [.. steps.Steps.Where((_, i) => !gone.Contains(steps.Repetitions[i]))], [.. steps.Repetitions.Where(r => !gone.Contains(r))], steps.Cost - repetitions.Sum(r => r.Unit.Cost));
    }

    // Without those whose results nobody reads before the next repetition of the same unit, or at all.
    static RepeatedSteps WithoutUnread(LaunchUnits units, RepeatedSteps steps)
    {
        while (true)
        {
            var repetitions = Repetitions(units, steps).ToDictionary(r => r.Last);
            var unread = new List<Repetition>();
            var read = new bool[units.Bytes.Length];
            for (var i = steps.Steps.Count - 1; i >= 0; i--)
            {
                if (steps.Repetitions[i] == 0)
                {
                    foreach (var buffer in units.Steps[steps.Steps[i]].Reads) read[buffer] = true;
                    continue;
                }
                // From behind: whoever reads what it makes has been met.
                var repetition = repetitions[i];
                var isRead = repetition.Unit.Outputs.Any(b => read[b]);
                foreach (var output in repetition.Unit.Outputs) read[output] = false;
                if (!isRead) unread.Add(repetition);
                else
                    foreach (var input in repetition.Unit.Inputs) read[input] = true;
                i -= repetition.Unit.Steps.Count - 1;
            }
            if (unread.Count == 0) return steps;
            steps = Without(steps, unread);
        }
    }
}
