using System.Collections.Generic;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;
using Graph.Generators;
using Graph.Generators.Emission;
using Graph.Tests.Elaboration;
using Graph.Tests.Generators;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace Graph.Tests.Targets;

/// <summary>What a build compiles for is said by the project: <c>GraphTargets</c>.</summary>
public sealed class TargetChoiceTests
{
    const string Model = "[Model] public partial class M { [Entry] public Tensor F([Shape(4)] Tensor x) => x.Cast(ElementType.F16).Cast(ElementType.F32); }";

    sealed class Options(string targets, string budget = "") : AnalyzerConfigOptionsProvider
    {
        public override AnalyzerConfigOptions GlobalOptions => new Global(targets, budget);
        public override AnalyzerConfigOptions GetOptions(SyntaxTree tree) => GlobalOptions;
        public override AnalyzerConfigOptions GetOptions(AdditionalText textFile) => GlobalOptions;

        sealed class Global(string targets, string budget) : AnalyzerConfigOptions
        {
            public override bool TryGetValue(string key, [NotNullWhen(true)] out string? value) => (value = key switch { "build_property.graphtargetnames" => targets, "build_property.graphmemorybudget" => budget, _ => null }) is not null;
        }
    }

    static (GeneratorDriver Driver, Compilation Compilation) Run(string targets, string budget = "", string model = Model)
    {
        var compilation = Harness.Compile(Harness.Usings + model);
        return (Harness.Driver().WithUpdatedAnalyzerConfigOptions(new Options(targets, budget)).RunGenerators(compilation), compilation);
    }

    [Fact]
    public void A_memory_budget_of_the_project_holds_for_classes_that_say_nothing()
    {
        string Of(string budget, string model) => Sources(Run("", budget, model).Driver).Single(s => s.Key.EndsWith("M.Model.g.cs", System.StringComparison.Ordinal)).Value;
        Assert.Contains("MemoryBudget = 3000000L,", Of("3MB", Model), System.StringComparison.Ordinal);
        Assert.Contains("MemoryBudget = 65536L,", Of("3MB", Model.Replace("[Model]", "[Model, MemoryBudget(\"64KiB\")]", System.StringComparison.Ordinal)), System.StringComparison.Ordinal);
        Assert.DoesNotContain("MemoryBudget = ", Of("", Model), System.StringComparison.Ordinal);
        var (driver, compilation) = Run("", "much");
        driver.RunGeneratorsAndUpdateCompilation(compilation, out var generated, out _);
        Assert.Contains(generated.GetDiagnostics(), d => d.Id == Harness.Stop && d.GetMessage(null).Contains("GR2121", System.StringComparison.Ordinal));
    }

    static Dictionary<string, string> Sources(GeneratorDriver driver) => driver.GetRunResult().Results.Single().GeneratedSources.ToDictionary(s => s.HintName, s => s.SourceText.ToString());

    [Fact]
    public void Without_a_name_a_model_is_compiled_for_the_processor()
    {
        var expected = Sources(Run("").Driver);
        Assert.Contains(expected.Keys, name => name.EndsWith(".Kernels.g.cs", System.StringComparison.Ordinal));
        Assert.Equal(expected, Sources(Run("cpu").Driver));
        Assert.Equal(expected, Sources(Run(" CPU , cpu ").Driver));
    }

    [Fact]
    public async Task A_name_that_no_target_has_is_an_error_at_the_model()
    {
        var (driver, compilation) = Run("cpu,abacus");
        Assert.DoesNotContain(Sources(driver).Keys, name => name.EndsWith(".Kernels.g.cs", System.StringComparison.Ordinal));
        driver.RunGeneratorsAndUpdateCompilation(compilation, out var generated, out _);
        Assert.Contains(generated.GetDiagnostics(), d => d.Id == Harness.Stop && d.GetMessage(null).Contains("GR2070", System.StringComparison.Ordinal));
        var error = Assert.Single(await generated.WithAnalyzers([new ModuleAnalyzer()], new AnalyzerOptions([], new Options("cpu,abacus"))).GetAnalyzerDiagnosticsAsync(CancellationToken.None));
        Assert.Equal("GR2070", error.Id);
        Assert.Equal("M", error.Location.SourceTree!.ToString().Substring(error.Location.SourceSpan.Start, error.Location.SourceSpan.Length));
        Assert.Contains("compiled for abacus", error.GetMessage(null), System.StringComparison.Ordinal);
        Assert.Contains("cpu", error.GetMessage(null), System.StringComparison.Ordinal);
    }

    /// <summary>Products in tf32 are a card's, and only where the project asks for them.</summary>
    [Fact]
    public void Tf32_is_asked_for_by_the_project()
    {
        Graph.Generators.Caching.TargetChoice Of(string tf32) => Graph.Generators.Caching.TargetChoice.Of(new Tf32Options(tf32));
        Assert.Equal([false, false], Of("").Targets.Select(t => t.MultipliesInTf32));
        Assert.Equal(Of(""), Of("false"));
        Assert.NotEqual(Of(""), Of("true"));
        Assert.Equal([(KnownTargets.Cpu.Name, false), (KnownTargets.Ptx.Name, true)], Of("True").Targets.Select(t => (t.Name, t.MultipliesInTf32)));
    }

    sealed class Tf32Options(string tf32) : AnalyzerConfigOptions
    {
        public override bool TryGetValue(string key, [NotNullWhen(true)] out string? value) => (value = key switch { "build_property.graphtargetnames" => "cpu,ptx", "build_property.graphtf32" => tf32, _ => null }) is not null;
    }

    static async Task<ImmutableArray<Diagnostic>> Said(string targets, string model)
    {
        var (driver, compilation) = Run(targets, model: model);
        driver.RunGeneratorsAndUpdateCompilation(compilation, out var generated, out _);
        return [.. generated.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error), .. await generated.WithAnalyzers([new ModuleAnalyzer()], new AnalyzerOptions([], new Options(targets))).GetAnalyzerDiagnosticsAsync(CancellationToken.None)];
    }

    [Fact]
    public async Task A_model_does_without_a_target_that_cannot_compute_it_where_its_name_has_a_question_mark()
    {
        const string Doubles = "[Model] public partial class M { [Entry] public Tensor F([Shape(4)] Tensor x) => x.Cast(ElementType.F64).Cast(ElementType.F32); }";
        Assert.Equal(Sources(Run("cpu", model: Doubles).Driver).Keys, Sources(Run("cpu,ptx?", model: Doubles).Driver).Keys);
        var members = Sources(Run("cpu,ptx?", model: Doubles).Driver).Single(s => s.Key.EndsWith("M.Model.g.cs", System.StringComparison.Ordinal)).Value;
        Assert.Contains("The GPU does not compute in f64 yet: use f32", Assert.Single(members.Split('\n'), line => line.Contains("OffCards = ", System.StringComparison.Ordinal)), System.StringComparison.Ordinal);
        var hint = Assert.Single(await Said("cpu,ptx?", Doubles));
        Assert.Equal(("GR2100", DiagnosticSeverity.Info), (hint.Id, hint.Severity));
        Assert.Equal("Cast(ElementType.F64)", hint.Location.SourceTree!.ToString().Substring(hint.Location.SourceSpan.Start, hint.Location.SourceSpan.Length));
        Assert.StartsWith("M is not compiled for ptx: ", hint.GetMessage(null), System.StringComparison.Ordinal);
        Assert.Contains("The GPU does not compute in f64 yet: use f32", hint.GetMessage(null), System.StringComparison.Ordinal);
        // Insisted upon once, it is insisted upon.
        foreach (var insisting in new[] { "cpu,ptx", "ptx?,ptx" }) Assert.Contains(await Said(insisting, Doubles), d => d.Id == "GR2008" && d.Severity == DiagnosticSeverity.Error);
    }

    [Fact]
    public async Task A_question_mark_changes_nothing_where_the_target_computes_it_all_and_hides_no_mistake()
    {
        Assert.Equal(Sources(Run("cpu,ptx").Driver), Sources(Run("cpu , PTX ?").Driver));
        Assert.Contains(Sources(Run("cpu,ptx?").Driver).Keys, name => name.EndsWith(".Targets.g.cs", System.StringComparison.Ordinal));
        Assert.Empty(await Said("cpu,ptx?", Model));
        // The processor refuses this too, so cards are not worth a word.
        const string Wrong = "[Model] public partial class M { [Entry] public Tensor F([Shape(4)] Tensor x) => x.Cast(ElementType.F64).Reshape(7).Cast(ElementType.F32); }";
        static IEnumerable<string> Words(IEnumerable<Diagnostic> said) => said.Select(d => d.ToString());
        Assert.Equal(Words(await Said("cpu", Wrong)), Words(await Said("cpu,ptx?", Wrong)));
        Assert.DoesNotContain(await Said("cpu,ptx?", Wrong), d => d.GetMessage(null).Contains("GPU", System.StringComparison.Ordinal));
        Assert.Contains(await Said("cpu,abacus?", Model), d => d.Id == "GR2070" && d.GetMessage(null).Contains("compiled for abacus,", System.StringComparison.Ordinal));
    }

    /// <summary>Another choice is another model to whatever remembers models; the same one is the same.</summary>
    [Fact]
    public void The_choice_is_a_part_of_what_models_are_remembered_by()
    {
        var (driver, compilation) = Run("cpu");
        IncrementalStepRunReason Reason(string targets) =>
            driver.WithUpdatedAnalyzerConfigOptions(new Options(targets)).RunGenerators(compilation.Clone()).GetRunResult().Results.Single().TrackedSteps[TrackingNames.Model].SelectMany(s => s.Outputs).Single().Reason;
        Assert.Contains(Reason("Cpu"), new[] { IncrementalStepRunReason.Cached, IncrementalStepRunReason.Unchanged });
        Assert.Equal(IncrementalStepRunReason.Modified, Reason("abacus"));
    }
}
