using System;
using System.Linq;
using Graph.Compiler.Modules;
using Graph.Compiler.Modules.Text;
using Graph.Tests.Generators;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Binding;

/// <summary>Only what a model reaches has to be part of the modelling language; what it reaches and is not, is an error with a reason.</summary>
public class ReachedTests
{
    const string Model = "[Model] public partial class M { readonly Parameter w = new([4], Init.Ones); [Entry] public Tensor F([Shape(4)] Tensor x) => x * w; ";

    [Theory]
    [InlineData("public override string ToString() => $\"{DateTime.Now,20} {GetHashCode()}\";")]
    [InlineData("public void Print() { Console.WriteLine(this); lock (this) { } }")]
    [InlineData("public static M Make() => Create(seed: 3);")]
    [InlineData("public float[] Run(float[] x) { var y = new float[4]; F(x, y); return y; }")]
    [InlineData("public string Stages => Ir.Fused;")]
    [InlineData("static readonly Dictionary<string, int> counts = new(); static int calls; public static int Calls => calls++;")]
    [InlineData("static readonly int seed; static M() { seed = Environment.ProcessorCount; } public static int Seed => seed;")]
    [InlineData("~M() { Console.WriteLine(); }")]
    [InlineData("public event Action? Done; public void Finish() => Done?.Invoke();")]
    [InlineData("public int this[int i] => i; public T Same<T>(T value) => value; public static async System.Threading.Tasks.Task Wait() => await System.Threading.Tasks.Task.Delay(1);")]
    [InlineData("partial void Hook(); public void Call() => Hook();")]
    [InlineData("int IComparable<M>.CompareTo(M? other) => 0; } partial class M : IComparable<M> {")]
    [InlineData("static extern int Native(); public int Go() => Native();")]
    public void What_no_entry_reaches_is_ordinary_csharp(string member)
    {
        var (generated, _) = Harness.Generate(Harness.Compile(Harness.Usings + Model + member + " }"));
        Assert.Empty(generated.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error));
        Assert.Empty(Harness.Analyze(generated).Where(d => d.Severity == DiagnosticSeverity.Error));
        Assert.Contains(generated.SyntaxTrees, t => t.FilePath.EndsWith("M.Kernels.g.cs", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("x * Half()", "static float Half() { ⟦Console.Read()⟧; return 2; }", "GR1003")]
    [InlineData("x * Size", "float Size { get { ⟦lock (this) { }⟧ return 2; } }", "GR1002")]
    [InlineData("x * factor", "static readonly float factor = ⟦Environment.TickCount⟧;", "GR1002")]
    [InlineData("x * new Options().Scale", "} class Options { public float Scale { get { ⟦Console.Read()⟧; return 1; } }", "GR1003")]
    [InlineData("x * new Options().Scale", "} class Options { public DateTime ⟦start⟧; public float Scale => 1;", "GR1006")]
    [InlineData("x * Outside.Scale()", "} static class Outside { public static float Scale() { ⟦Console.Read()⟧; return 1; }", "GR1003")]
    [InlineData("x * Both(() => Half())", "static float Both(Func<float> f) => f(); static float Half() { ⟦Console.Read()⟧; return 2; }", "GR1003")]
    public void What_an_entry_reaches_is_an_error_there_and_at_its_own_place(string body, string marked, string id)
    {
        var member = marked.Replace("⟦", "", StringComparison.Ordinal).Replace("⟧", "", StringComparison.Ordinal);
        var place = marked[(marked.IndexOf('⟦', StringComparison.Ordinal) + 1)..marked.IndexOf('⟧', StringComparison.Ordinal)];
        var found = Harness.Diagnose("[Model] public partial class M { [Entry] public Tensor F([Shape(4)] Tensor x) => " + body + "; " + member + " }");
        var errors = found.Where(d => d.Severity == DiagnosticSeverity.Error).ToList();
        Assert.Contains(errors, d => d.Id == id && place.EndsWith(d.Location.SourceTree!.ToString().Substring(d.Location.SourceSpan.Start, d.Location.SourceSpan.Length), StringComparison.Ordinal));
        var reaching = Assert.Single(errors, d => d.Id == "GR1050");
        Assert.Contains("File0.cs:", reaching.GetMessage(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_member_that_uses_generated_ones_is_reached_with_a_reason()
    {
        var (generated, _) = Harness.Generate(Harness.Compile(Harness.Usings + "[Model] public partial class M { [Entry] public Tensor F([Shape(4)] Tensor x) => x * Made(); static int Made() => Create(seed: 3).GetHashCode(); }"));
        Assert.Contains(Harness.Analyze(generated), d => d is { Id: "GR1060", Severity: DiagnosticSeverity.Error });
        Assert.Contains(generated.GetDiagnostics(), d => d.Id == "CS1029");
    }

    [Fact]
    public void What_does_not_bind_in_a_library_is_a_failure_with_its_reasons()
    {
        const string Library = "[Module] public partial class Layer { public Tensor Forward(Tensor x) => x; public Tensor Loud(Tensor x)\n{\nConsole.WriteLine(1);\nreturn x;\n} }";
        var (library, _) = Harness.Generate(Harness.Compile("Library", [("Layer.cs", Harness.Usings + Library)]));
        Assert.Empty(library.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error));
        // The author is told, and not stopped.
        var hint = Assert.Single(Harness.Analyze(library));
        Assert.Equal(("GR1003", DiagnosticSeverity.Info), (hint.Id, hint.Severity));
        var layer = Harness.Definitions(library)["Layer"];
        var reason = Assert.Single(layer.Method("Loud(Tensor)")!.Failure);
        Assert.Equal("GR1003", reason.Id);
        Assert.Equal(layer, ModuleText.Parse(layer.ToText()));

        System.Collections.Immutable.ImmutableArray<Diagnostic> Use(string call) => Harness.Analyze(Harness.Generate(Harness.Compile(
            "User", [("U.cs", Harness.Usings + $"[Model] public partial class M {{ readonly Layer layer = new(); [Entry] public Tensor F([Shape(4)] Tensor x) => layer.{call}(x); }}")],
            [ModuleOutputTests.Reference(library, referenceOnly: true)])).Compilation);
        Assert.Empty(Use("Forward"));
        var error = Assert.Single(Use("Loud"));
        Assert.Equal("GR1050", error.Id);
        Assert.Equal("Loud(x)", error.Location.SourceTree!.ToString().Substring(error.Location.SourceSpan.Start, error.Location.SourceSpan.Length));
        Assert.Contains("WriteLine", error.GetMessage(), StringComparison.Ordinal);
        Assert.Contains("Layer.cs:Loud:3", error.GetMessage(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_fails_to_bind_brings_nothing_along()
    {
        var module = Harness.Define("public record Options(DateTime Start); [Model] public partial class M { [Entry] public Tensor F([Shape(4)] Tensor x) => x; public int Hours(Options o) { Console.WriteLine(); return new Options(DateTime.Now).Start.Hour; } }");
        Assert.Empty(module.Records);
        Assert.NotEmpty(module.Methods.Single(m => m.Name == "Hours").Failure);
    }
}
