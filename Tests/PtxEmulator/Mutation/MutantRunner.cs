using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Graph.PtxEmulator;

/// <summary>What became of a mutant: what caught it, or null if nothing did.</summary>
public sealed record MutantOutcome(string Kernel, Mutant Mutant, string? CaughtBy)
{
    public bool Caught => CaughtBy is not null;
}

/// <summary>Runs a check over mutants and counts which it catches.</summary>
public static class MutantRunner
{
    /// <summary>
    /// Runs <paramref name="check"/> on each text; an exception means that the mutant is caught, one that the parser or the type check refuses does not count at all.
    /// </summary>
    public static IReadOnlyList<MutantOutcome> Run(string kernel, IEnumerable<Mutant> mutants, Action<string> check)
    {
        var outcomes = new List<MutantOutcome>();
        foreach (var mutant in mutants)
        {
            try { new EmulatedDevice().Load(mutant.Text); }
            catch (PtxSyntaxException) { continue; }
            string? caught = null;
            try { check(mutant.Text); }
            catch (PtxFaultException fault) { caught = fault.Fault.Kind.ToString(); }
            catch (Exception exception) { caught = exception.GetType().Name; }
            outcomes.Add(new MutantOutcome(kernel, mutant, caught));
        }
        return outcomes;
    }

    /// <summary>A table of kinds and of what caught them.</summary>
    public static string Table(IReadOnlyList<MutantOutcome> outcomes)
    {
        var text = new StringBuilder("| mutation | mutants | caught | by |\n|---|---:|---:|---|\n");
        foreach (var group in outcomes.GroupBy(outcome => outcome.Mutant.Kind).OrderBy(group => group.Key))
        {
            var by = group.Where(o => o.Caught).GroupBy(o => o.CaughtBy).OrderByDescending(g => g.Count()).Select(g => string.Create(CultureInfo.InvariantCulture, $"{g.Key} {g.Count()}"));
            text.Append(CultureInfo.InvariantCulture, $"| {group.Key} | {group.Count()} | {group.Count(o => o.Caught)} | {string.Join(", ", by)} |\n");
        }
        return text.Append(CultureInfo.InvariantCulture, $"| all | {outcomes.Count} | {outcomes.Count(o => o.Caught)} ({100.0 * outcomes.Count(o => o.Caught) / Math.Max(1, outcomes.Count):0.0} %) | |\n").ToString();
    }
}
