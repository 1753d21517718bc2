using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Generators;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace Graph.Tests.Generators;

/// <summary>Unfinished and broken code: the generator says nothing wrong and never fails, and what builds runs.</summary>
public class FuzzTests
{
    const string Dense = """
        public enum Kind { A, B = 5 }
        public readonly record struct Size(int Width, int Height = 2) { public int Area => Width * Height; }
        public static class Helpers { public static readonly int[] Sizes = [1, 2]; public static Tensor Twice(this Tensor x) => x + x; }
        [Module] public partial class M(Size size, Kind kind = Kind.B)
        {
            readonly Parameter p = new([size.Area, ..Helpers.Sizes], Init.Zeros, name: $"p{size.Width:0}");
            readonly List<M?> list = new() { null };
            public Tensor F(Tensor x, (int a, int b) pair = default)
            {
                for (int i = 0, j = 1; i < 3 && j != 7; i++, j += 2) { if (i == 1) continue; else break; }
                foreach (var (a, b) in Helpers.Sizes.Zip([3, 4], (u, v) => (u, v))) x = x * a - b;
                int Local(int n) => n <= 0 ? 1 : n * Local(n - 1);
                var y = size with { Width = 3 };
                switch (kind) { case Kind.A when pair.a > 0: x = -x; break; case Kind.B: default: x = x.Twice(); break; }
                var text = pair switch { (1, _) => "one", { a: > 2 and < 9 } => "two", var (q, r) => q + "," + r };
                do { pair.a ??= 3; } while (false);
                return list[^1]?.F(x) ?? (text is ['a', .., 'b'] ? x : throw new ArgumentException(text));
            }
        }
        """;

    [Fact]
    public void A_source_cut_at_any_token_never_fails() => Run(Cuts(Harness.Usings + Dense, 7));

    [Fact]
    public void A_model_cut_at_any_token_never_fails() => Run(Cuts(Harness.Usings + Samples.Classifier, 9));

    [Fact]
    public void A_model_without_any_one_token_never_fails() => Run(Without(Harness.Usings + Samples.Classifier, 9));

    [Fact]
    public void A_source_without_any_one_token_never_fails() => Run(Without(Harness.Usings + Dense, 11));

    [Fact]
    public void A_source_with_two_tokens_exchanged_never_fails()
    {
        var random = new Random(1);
        var text = Harness.Usings + Dense;
        var tokens = Tokens(text);
        Run(Enumerable.Range(0, 30).Select(_ =>
        {
            var a = random.Next(tokens.Count);
            var b = random.Next(tokens.Count);
            var (first, second) = a < b ? (tokens[a], tokens[b]) : (tokens[b], tokens[a]);
            return first == second ? text : text[..first.Start] + text[second.Start..second.End] + text[first.End..second.Start] + text[first.Start..first.End] + text[second.End..];
        }));
    }

    static List<Microsoft.CodeAnalysis.Text.TextSpan> Tokens(string text) => [.. Harness.Parse(text).GetRoot().DescendantTokens().Select(t => t.Span).Where(s => s.Length > 0)];

    static IEnumerable<string> Cuts(string text, int step) => Tokens(text).Where((_, i) => i % step == 0).Select(span => text[..span.End]);

    static IEnumerable<string> Without(string text, int step) => Tokens(text).Where((_, i) => i % step == 0).Select(span => text.Remove(span.Start, span.Length));

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
