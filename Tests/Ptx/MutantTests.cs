using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Graph.PtxEmulator;
using Xunit;

namespace Graph.Tests.Ptx;

/// <summary>
/// Small faults in right kernels do not go unnoticed. Every fourth mutant is tried; all of them where <c>GRAPH_ALL_MUTANTS</c> is set, of which docs/ptx-emulator.md has the table and
/// explains who survives. <c>mutants.md</c> beside the tests has the table of this run.
/// </summary>
public sealed class MutantTests
{
    static readonly bool All = Environment.GetEnvironmentVariable("GRAPH_ALL_MUTANTS") is { Length: > 0 };

    static IReadOnlyList<MutantOutcome> Try(KernelCase kernel, IEnumerable<Mutant> mutants)
    {
        // What a mutant executes at most: a loop that has lost its end is found soon.
        void Check(string text)
        {
            for (ulong seed = 1; seed <= 3; seed++) kernel.Run(text, new LaunchOptions { Seed = seed, InstructionLimit = 3_000_000 });
        }
        return MutantRunner.Run(kernel.Name, mutants, Check);
    }

    [Fact]
    public void Small_faults_are_caught()
    {
        var outcomes = KernelCorpus.All.SelectMany((kernel, k) => Try(kernel, Mutator.Make(kernel.Text).Where((_, i) => All || (i + k) % 4 == 0))).ToList();
        var table = MutantRunner.Table(outcomes);
        File.WriteAllText(Path.Combine(AppContext.BaseDirectory, "mutants.md"), table + "\n" + string.Join("\n", outcomes.Where(outcome => !outcome.Caught).Select(outcome => $"{outcome.Kernel}: {outcome.Mutant}")) + "\n");
        Assert.True(outcomes.Count >= 200, table);
        Assert.True(outcomes.Count(outcome => outcome.Caught) >= 0.95 * outcomes.Count, table);
    }
}
