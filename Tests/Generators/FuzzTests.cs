using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Generators;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Generators;

/// <summary>Unfinished and broken code: the generator says nothing wrong and never fails, and what builds runs.</summary>
public class FuzzTests
{
    [Fact]
    public void A_source_cut_at_any_token_never_fails() => Run(SourceMutations.Cuts(Harness.Usings + Samples.Dense, Harness.Options, 7));

    [Fact]
    public void A_model_cut_at_any_token_never_fails() => Run(SourceMutations.Cuts(Harness.Usings + Samples.Classifier, Harness.Options, 9));

    [Fact]
    public void A_model_without_any_one_token_never_fails() => Run(SourceMutations.Without(Harness.Usings + Samples.Classifier, Harness.Options, 9));

    [Fact]
    public void A_source_without_any_one_token_never_fails() => Run(SourceMutations.Without(Harness.Usings + Samples.Dense, Harness.Options, 11));

    [Fact]
    public void A_source_with_two_tokens_exchanged_never_fails()
    {
        var random = new Random(1);
        var text = Harness.Usings + Samples.Dense;
        var tokens = SourceMutations.Tokens(text, Harness.Options);
        Run(Enumerable.Range(0, 30).Select(_ => SourceMutations.Exchange(text, tokens, random)));
    }

    static void Run(IEnumerable<string> sources)
    {
        var analyzers = new ModuleAnalyzer();
        GeneratorDriver driver = Harness.Driver();
        foreach (var source in sources)
        {
            driver = driver.RunGeneratorsAndUpdateCompilation(Harness.Compile(source), out var updated, out var diagnostics);
            Assert.Empty(diagnostics);
            Assert.All(driver.GetRunResult().Results, r => Assert.Null(r.Exception));
            var found = Harness.Analyze(updated, analyzers);
            Assert.All(found, d => Assert.False(d.Id is "GR0001" or "AD0001", d + "\n" + source));
            Running.AssertBuildsOrSaysWhy(updated, found);
        }
    }
}
