using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Planning;

/// <summary>One way of running a function in less memory: its steps in their order, and between them those that run again.</summary>
/// <param name="Steps">The steps.</param>
/// <param name="Repetitions">The number of the repetition that each is a step of, from 1 on; 0 in its own turn. Those of one repetition stand behind one another.</param>
/// <param name="Cost">What all of them take, in the steps of <see cref="LaunchCost"/>.</param>
sealed record RepeatedSteps(List<int> Steps, List<int> Repetitions, double Cost);

/// <summary>
/// Runs a function in thought, with so many bytes: where they do not suffice, it forgets an intermediate that is needed again late and made again cheaply, and where something that was forgotten is read, it repeats what made it
/// and, first, what that reads. As in dynamic tensor rematerialization (Kirisame et al., 2021), but everything that will be read is known.
/// </summary>
/// <param name="units">What can be repeated.</param>
/// <param name="limit">Bytes that may live at once.</param>
/// <param name="patience">How much it counts that an intermediate is not needed for long: 0 not at all, 1 in proportion.</param>
/// <param name="drops">For each intermediate the step behind which it is forgotten in any case; −1 for none.</param>
sealed class EvictionSchedule(LaunchUnits units, long limit, double patience, int[]? drops = null)
{
    // What takes so many times as long is no plan.
    const double MostCost = 8;

    // Chains of what has to be made again are followed so far.
    const int MostVisits = 4000;

    readonly bool[] resident = new bool[units.Bytes.Length];
    readonly int[] pins = new int[units.Bytes.Length];
    readonly int[] used = new int[units.Bytes.Length]; // of Uses, how many lie behind
    readonly int[] done = new int[units.Units.Count]; // steps of each unit that have run in their own turn
    readonly bool[] repeating = new bool[units.Units.Count];
    readonly double[] scores = new double[units.Bytes.Length];
    readonly int[] visited = new int[units.Bytes.Length];
    readonly double[] time = Times(units);
    readonly List<int> live = [];
    readonly HashSet<int> waiting = [];
    readonly List<int> order = [];
    readonly List<int> repetitions = [];
    readonly double most = MostCost * units.Steps.Sum(s => s.Cost);
    long bytes = units.Fixed;
    double cost;
    int now, visit, repetition;
    bool failed;

    static double[] Times(LaunchUnits units)
    {
        var time = new double[units.Steps.Length + 1];
        for (var s = 0; s < units.Steps.Length; s++) time[s + 1] = time[s] + units.Steps[s].Cost;
        return time;
    }

    /// <summary>The steps; null when it ends nowhere: what would have to be made again cannot be, or all takes a multiple of the time.</summary>
    public RepeatedSteps? Run()
    {
        for (now = 0; now < units.Steps.Length && !failed; now++)
        {
            var step = units.Steps[now];
            var unit = units.Units[units.UnitOf[now]];
            Provide(step.Reads);
            Execute(now, 0);
            done[units.UnitOf[now]]++;
            // What an opened loop finds stays until it ends.
            foreach (var loop in units.Loops)
                if (loop.Begin == now || loop.End == now)
                    foreach (var buffer in loop.Held) pins[buffer] += loop.Begin == now ? 1 : -1;
            foreach (var buffer in step.Reads)
            {
                pins[buffer]--;
                used[buffer]++;
            }
            foreach (var buffer in step.Reads) Release(buffer);
            foreach (var buffer in unit.Outputs) Release(buffer);
            foreach (var buffer in waiting.ToList())
                if (waiting.Remove(buffer)) Release(buffer);
            if (drops is null) continue;
            foreach (var buffer in step.Reads.Concat(step.Writes))
                if (drops[buffer] == now && resident[buffer] && CanForget(buffer)) Forget(buffer);
        }
        return failed ? null : new(order, repetitions, cost);
    }

    // Everything is there, and stays until it is unpinned.
    void Provide(int[] buffers)
    {
        foreach (var buffer in buffers) pins[buffer]++;
        foreach (var buffer in buffers)
            if (!resident[buffer] && !failed) Repeat(units.Producer[buffer]);
    }

    void Repeat(int number)
    {
        var unit = units.Units[number];
        if (!CanRepeat(number) || unit.Expires < now || repeating[number] || cost > most)
        {
            failed = true;
            return;
        }
        repeating[number] = true;
        Provide(unit.Inputs);
        repetition++;
        foreach (var step in unit.Steps)
            if (!failed) Execute(step, repetition);
        repeating[number] = false;
        foreach (var buffer in unit.Inputs) pins[buffer]--;
        foreach (var buffer in unit.Outputs.Concat(unit.Inputs)) Release(buffer);
    }

    // All of it has run in its own turn.
    bool CanRepeat(int number) => units.Units[number].CanRepeat && done[number] == units.Units[number].Steps.Count;

    void Execute(int number, int repeated)
    {
        var step = units.Steps[number];
        var made = step.Internal - InPlace(step, repeated > 0);
        foreach (var buffer in step.Writes)
            if (!resident[buffer]) made += units.Bytes[buffer];
        while (bytes + made > limit && Victim() is { } victim) Forget(victim);
        foreach (var buffer in step.Writes)
        {
            if (resident[buffer]) continue;
            resident[buffer] = true;
            live.Add(buffer);
            bytes += units.Bytes[buffer];
            scores[buffer] = double.NaN;
        }
        order.Add(number);
        repetitions.Add(repeated);
        cost += step.Cost;
    }

    // What a launch may write over an operand that it reads last.
    long InPlace(LaunchUnits.Step step, bool repeated)
    {
        if (step.Count != 1) return 0;
        var launch = units.Function.Launches[step.First];
        long saved = 0;
        var taken = new HashSet<int>();
        foreach (var pair in launch.InPlace)
        {
            int written = launch.Operands[pair.Written].Buffer.Id, read = launch.Operands[pair.Read].Buffer.Id;
            if (written == read || !units.IsTracked[written] || !units.IsTracked[read] || units.Bytes[written] > units.Bytes[read] || resident[written] || pins[read] > 1) continue;
            if (used[read] + (repeated ? 0 : 1) < units.Uses[read].Length || taken.Contains(read) || taken.Contains(written)) continue;
            taken.Add(read);
            taken.Add(written);
            saved += units.Bytes[written];
        }
        return saved;
    }

    // The step that reads it next in its own turn.
    int? NextUse(int buffer) => used[buffer] < units.Uses[buffer].Length ? units.Uses[buffer][used[buffer]] : null;

    void Release(int buffer)
    {
        if (!resident[buffer] || pins[buffer] > 0 || NextUse(buffer) is not null || units.LastWriter[buffer] > now) return;
        // What cannot be made again stays for those that were forgotten and need it.
        if (!units.Units[units.Producer[buffer]].CanRepeat && IsNeeded(buffer)) waiting.Add(buffer);
        else Forget(buffer);
    }

    void Forget(int buffer)
    {
        resident[buffer] = false;
        live.Remove(buffer);
        bytes -= units.Bytes[buffer];
    }

    bool CanForget(int buffer) =>
        pins[buffer] == 0 && CanRepeat(units.Producer[buffer]) && !repeating[units.Producer[buffer]]
        && (NextUse(buffer) is null || units.Uses[buffer][units.Uses[buffer].Length - 1] <= units.Units[units.Producer[buffer]].Expires);

    // The cheapest for what it gives. Scores mostly grow, as what a repetition needs is forgotten, so an old one is a lower bound and only the best are looked at again.
    int? Victim()
    {
        for (var tries = 0; tries <= live.Count; tries++)
        {
            var (best, second) = (-1, double.PositiveInfinity);
            foreach (var buffer in live)
            {
                if (!CanForget(buffer)) continue;
                if (double.IsNaN(scores[buffer])) scores[buffer] = Score(buffer);
                if (best < 0 || scores[buffer] < scores[best]) (best, second) = (buffer, best < 0 ? double.PositiveInfinity : scores[best]);
                else if (scores[buffer] < second) second = scores[buffer];
            }
            if (best < 0) return null;
            scores[best] = Score(best);
            if (double.IsPositiveInfinity(scores[best]))
            {
                if (double.IsPositiveInfinity(second)) return null;
                continue;
            }
            if (scores[best] <= second) return best;
        }
        return null;
    }

    double Score(int buffer)
    {
        if (NextUse(buffer) is not { } use) return 0; // nobody reads it but what may be repeated
        visit++;
        var left = MostVisits;
        var price = Price(units.Producer[buffer], ref left);
        return price / (units.Bytes[buffer] * Math.Pow(Math.Max(1, time[Math.Min(use, units.Steps.Length)] - time[now]), patience));
    }

    // What repeating a unit takes now, with all that would have to be repeated before it.
    double Price(int number, ref int left)
    {
        var unit = units.Units[number];
        if (!CanRepeat(number) || left-- <= 0) return double.PositiveInfinity;
        var sum = unit.Cost;
        foreach (var input in unit.Inputs)
        {
            if (resident[input] || visited[input] == visit) continue;
            foreach (var output in units.Units[units.Producer[input]].Outputs) visited[output] = visit;
            sum += Price(units.Producer[input], ref left);
        }
        return sum;
    }

    // Whether something that was forgotten, and will be read, is made of it.
    bool IsNeeded(int buffer)
    {
        visit++;
        var open = new Stack<int>();
        for (var b = 0; b < resident.Length; b++)
            if (units.IsTracked[b] && !resident[b] && CanRepeat(units.Producer[b]) && NextUse(b) is not null) open.Push(b);
        while (open.Count > 0)
        {
            var next = open.Pop();
            if (visited[next] == visit) continue;
            visited[next] = visit;
            foreach (var input in units.Units[units.Producer[next]].Inputs)
            {
                if (input == buffer) return true;
                if (!resident[input]) open.Push(input);
            }
        }
        return false;
    }
}
