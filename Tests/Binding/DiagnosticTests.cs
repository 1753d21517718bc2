using System;
using System.Globalization;
using System.Linq;
using Graph.Tests.Generators;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Binding;

/// <summary>Every diagnostic of binding, at the exact place. <c>⟦…⟧</c> marks the span.</summary>
public class DiagnosticTests
{
    [Theory]
    [InlineData("GR1001", "[Module] public class ⟦M⟧ { }")]
    [InlineData("GR1002", "[Module] public partial record class ⟦M⟧ { }")]
    [InlineData("GR1005", "class B { } [Module] public partial class ⟦M⟧ : B { }")]
    [InlineData("GR1007", "[Module] public partial class ⟦M⟧<T> { }")]
    [InlineData("GR1008", "class ⟦Outer⟧ { [Module] public partial class M { } }")]
    [InlineData("GR1020", "[Model] public partial class M { static int count; [Entry] public Tensor F([Shape(2)] Tensor x) => x * ⟦count⟧; }")]
    [InlineData("GR1006", "[Module] public partial class M { readonly DateTime ⟦start⟧; }")]
    [InlineData("GR1006", "[Module] public partial class M { readonly decimal ⟦rate⟧; }")]
    [InlineData("GR1006", "[Module] public partial class M(Dictionary<string, int> ⟦sizes⟧) { readonly int a = 0; }")]
    [InlineData("GR1019", "class ⟦Holder⟧ { public Parameter p = new([1], Init.Zeros); } [Module] public partial class M(Holder h) { }")]
    public void Declarations(string id, string source) => AssertReported(id, source);

    [Theory]
    [InlineData("GR1002", "try { return x; } finally { }", "try { return x; } finally { }")]
    [InlineData("GR1002", "lock (this) { } return x;", "lock (this) { }")]
    [InlineData("GR1002", "goto end; end: return x;", "goto end;")]
    [InlineData("GR1002", "var t = typeof(int); return x;", "typeof(int)")]
    [InlineData("GR1002", "var o = new { A = 1 }; return x;", "new { A = 1 }")]
    [InlineData("GR1002", "dynamic d = 1; d.Foo(); return x;", "Foo()")]
    [InlineData("GR1002", "var a = new int[2, 3]; return x;", "new int[2, 3]")]
    [InlineData("GR1002", "var r = new Random(1); return x;", "new Random(1)", "GR1006")]
    [InlineData("GR1002", "unsafe { int i = 0; int* p = &i; } return x;", "p = &i", "GR1006")]
    [InlineData("GR1003", "Console.WriteLine(1); return x;", "WriteLine(1)")]
    [InlineData("GR1003", "var n = DateTime.Now.ToString().GetHashCode(); return x;", "GetHashCode()")]
    [InlineData("GR1003", "var n = Environment.GetEnvironmentVariable(\"A\"); return x;", "GetEnvironmentVariable(\"A\")")]
    [InlineData("GR1002", "var n = DateTime.Now; return x;", "Now", "GR1006")]
    [InlineData("GR1009", "int.TryParse(\"1\", out var n); return x;", "TryParse(\"1\", out var n)", "GR1003")]
    [InlineData("GR1009", "Twice(ref x); return x; static void Twice(ref Tensor t) { t = t + t; }", "ref x")]
    [InlineData("GR1010", "var n = x.GetHashCode(); return x;", "GetHashCode()", "GR1003")]
    [InlineData("GR1010", "var n = weight.Initializer; return x;", "Initializer")]
    [InlineData("GR1018", "width = 3; return x;", "width")]
    [InlineData("GR1018", "size = 3; return x;", "size")]
    [InlineData("GR1018", "Other = 3; return x;", "Other")]
    [InlineData("GR1007", "return Id(x); static T Id<T>(T t) => t;", "static T Id<T>(T t) => t;")]
    [InlineData("GR1002", "return x is { Rank: 2 } ? x : throw Failure();", "throw Failure()")]
    [InlineData("GR1002", "Func<double, double> f = Math.Sqrt; return x;", "Sqrt")]
    [InlineData("GR1002", "var s = $\"{1,5}\"; return x;", "{1,5}")]
    [InlineData("GR1021", "return x + System.Linq.Expressions.Expression.Empty().ToString().Length;", "ToString()", null)]
    public void Bodies(string id, string body, string span, string? instead = "")
    {
        // The last argument: another ID that describes the case better, where C#'s rules make it the one reported.
        var source = "[Module] public partial class M(int width) { int size = 1; public int Other { get; set; } readonly Parameter weight = new([1], Init.Zeros); "
            + "Exception Failure() => throw new InvalidOperationException(); public Tensor Forward(Tensor x) { " + body + " } }";
        var found = Harness.Diagnose(source).ToList();
        Assert.NotEmpty(found);
        var text = Harness.Usings + source;
        if (instead is null) return;
        var expected = instead.Length > 0 ? instead : id;
        Assert.Contains(found, d => d.Id == expected && (instead.Length > 0 || text.Substring(d.Location.SourceSpan.Start, d.Location.SourceSpan.Length) == span));
        Assert.DoesNotContain(found, d => d.Id == "GR0001");
    }

    const string Optimizer = "[Module] public partial class Sgd { public Tensor Update(Tensor value, Tensor gradient, Tensor learningRate, Tensor step) => value - gradient; } ";
    const string Loss = "[Loss] public Tensor Loss([Shape(1)] Tensor x) => x; ";

    [Theory]
    [InlineData("GR1004", "[Model] public partial class M(int ⟦width⟧) { }")]
    [InlineData("GR1004", "[Model] public partial class M { public M(int a = 1, int ⟦b⟧) { } }", null, true)]
    [InlineData("GR1013", "[Model] public partial class M { [Entry] public Tensor F([Shape(1, ⟦2.5⟧)] Tensor x) => x; }")]
    [InlineData("GR1013", "[Model] public partial class M { [Entry] public Tensor F([Shape(1, ⟦-2⟧)] Tensor x) => x; }")]
    [InlineData("GR1014", "[Model] public partial class M { [Entry] public Tensor F([Shape(1, ⟦\"B\"⟧)] Tensor x) => x; }")]
    [InlineData("GR1015", "[Model, ⟦Dim(\"B\")⟧] public partial class M { }")]
    [InlineData("GR1015", "[Model, Dim(\"B\", Max = 2), ⟦Dim(\"B\", Max = 2)⟧] public partial class M { }")]
    [InlineData("GR1015", "[Model, ⟦Dim(\"B\", Max = 2, Typical = 3)⟧] public partial class M { }")]
    [InlineData("GR1015", "[Model, ⟦Dim(\"2B\", Max = 2)⟧] public partial class M { }")]
    [InlineData("GR1017", "[Model] public partial class M { [Entry] public Tensor F(Tensor ⟦x⟧) => x; }")]
    [InlineData("GR1002", "[Model] public abstract partial class ⟦M⟧ { }")]
    [InlineData("GR3001", Optimizer + "[Model] public partial class M { [Train] public static Sgd ⟦T⟧() => new(); }")]
    [InlineData("GR3002", "[Model] public partial class M { [Loss] public int ⟦F⟧([Shape(1)] Tensor x) => 1; }")]
    [InlineData("GR3003", Optimizer + "[Model] public partial class M { " + Loss + "[Train] public Sgd ⟦T⟧() => new(); }")]
    [InlineData("GR3003", Optimizer + "[Model] public partial class M { " + Loss + "[Train] public static Sgd ⟦T⟧(int a) => new(); }")]
    [InlineData("GR3003", "[Module] public partial class N { } [Model] public partial class M { " + Loss + "[Train] public static N ⟦T⟧() => new(); }")]
    [InlineData("GR3004", Optimizer + "[Model] public partial class M { " + Loss + "[Loss] public Tensor Other([Shape(1)] Tensor x) => x; [Train] public static Sgd ⟦T⟧() => new(); }")]
    [InlineData("GR3005", "[Model] public partial class M { [Entry] public int ⟦F⟧([Shape(1)] Tensor x) => 1; }")]
    [InlineData("GR3006", Optimizer + "[Model] public partial class M { " + Loss + "[Train(Loss = \"Los\")] public static Sgd ⟦T⟧() => new(); }")]
    [InlineData("GR3007", "[Module] public partial class M { [Entry] public Tensor ⟦F⟧([Shape(1)] Tensor x) => x; }")]
    [InlineData("GR3008", "[Model] public partial class M { [Entry] public static Tensor ⟦F⟧([Shape(1)] Tensor x) => x; }")]
    [InlineData("GR3008", "[Model] public partial class M { [Entry] public Tensor F([Shape(1)] Tensor x, int ⟦n⟧) => x; }")]
    [InlineData("GR3009", Optimizer + "[Model] public partial class M { " + Loss + "[Train(ClipNorm = -1)] public static Sgd ⟦T⟧() => new(); }", "T: ClipNorm is -1, expected the largest norm that the gradients may have, or 0 for no clipping")]
    [InlineData("GR3009", Optimizer + "[Model] public partial class M { " + Loss + "[Train(ClipNorm = double.NaN)] public static Sgd ⟦T⟧() => new(); }", "T: ClipNorm is NaN, expected the largest norm that the gradients may have, or 0 for no clipping")]
    [InlineData("GR3009", Optimizer + "[Model] public partial class M { " + Loss + "[Train(Precision = Precision.Float64)] public static Sgd T() => new(); [Train] public static Sgd ⟦U⟧() => new(); }", "U: U trains in Float32 and T in Float64, but the parameters of a model have one type: give both the same Precision and Masters")]
    [InlineData("GR3009", Optimizer + "[Model] public partial class M { " + Loss + "[Train(Precisions = [Precision.Float32, Precision.Float64])] public static Sgd ⟦T⟧() => new(); }", "T: Float64 has other types of arguments than the other precisions, so it stands alone: make a model of its own for it")]
    [InlineData("GR3009", Optimizer + "[Model] public partial class M { " + Loss + "[Train(Precisions = [Precision.Float16, Precision.Float16])] public static Sgd ⟦T⟧() => new(); }", "T: Precision Float16 is named twice")]
    [InlineData("GR3009", Optimizer + "[Model] public partial class M { " + Loss + "[Train(Precision = Precision.Float16, LossScale = -2)] public static Sgd ⟦T⟧() => new(); }", "T: LossScale is -2, expected a number above 0, LossScale.Dynamic or LossScale.None")]
    [InlineData("GR3009", Optimizer + "[Model] public partial class M { " + Loss + "[Train(LossScale = 1024)] public static Sgd ⟦T⟧() => new(); }", "T: LossScale is for 16 bits, but it trains in Float32")]
    [InlineData("GR3009", Optimizer + "[Model] public partial class M { " + Loss + "[Train(Precisions = [Precision.Float32, Precision.BFloat16])] public static Sgd T() => new(); [Train] public static Sgd ⟦U⟧() => new(); }", "U: U trains in Float32 and T in Float32, BFloat16, but the parameters of a model have one type: give both the same Precision and Masters")]
    [InlineData("GR3009", Optimizer + "[Model] public partial class M { " + Loss + "[Train(Precision = (Precision)9)] public static Sgd ⟦T⟧() => new(); }", "T: Precision 9 is none of Float32, Float64, Float16 and BFloat16")]
    public void Models(string id, string source, string? message = null, bool hasErrors = false) => AssertReported(id, source, hasErrors, message);

    [Theory]
    [InlineData("")]
    [InlineData("(Precision = Precision.Float32)")]
    [InlineData("(Precision = Precision.Float64)")]
    [InlineData("(ClipNorm = 0)")]
    public void What_training_settings_default_to_may_be_written(string arguments) =>
        Assert.Empty(Harness.Diagnose(Optimizer + "[Model] public partial class M { " + Loss + "[Train" + arguments + "] public static Sgd T() => new(); }"));

    [Fact]
    public void A_missing_definition_is_named()
    {
        var library = Harness.Compile("Library", [("L.cs", Harness.Usings + "[Module] public partial class Layer { public Tensor Forward(Tensor x) => x; }")]);
        var user = Harness.Compile(
            "User", [("U.cs", Harness.Usings + "[Model] public partial class M { readonly Layer layer = new(); }")], [library.ToMetadataReference()]);
        var found = Assert.Single(Harness.Analyze(user));
        Assert.Equal("GR0003", found.Id);
        Assert.Contains("Layer", found.GetMessage());
    }

    [Fact]
    public void A_definition_of_another_version_is_refused_with_the_assembly_named()
    {
        var library = Harness.Compile("Library", [("L.cs", "[assembly: Graph.ModuleDefinition(99, \"Layer\", \"\")]" + Harness.Usings[..0] + " [Graph.Module] public partial class Layer { }")]);
        var user = Harness.Compile(
            "User", [("U.cs", Harness.Usings + "[Model] public partial class M { readonly Layer layer = new(); }")], [library.ToMetadataReference()]);
        var found = Assert.Single(Harness.Analyze(user));
        Assert.Equal("GR0002", found.Id);
        Assert.Contains("version 99", found.GetMessage());
        Assert.Contains("Library", found.GetMessage());
    }

    [Fact]
    public void Functions_of_other_assemblies_need_a_published_body()
    {
        var library = Harness.Compile("Library", [("L.cs", Harness.Usings + "public static class Functions { public static Tensor Twice(Tensor x) => x + x; }")]);
        var user = Harness.Compile(
            "User", [("U.cs", Harness.Usings + "[Module] public partial class M { public Tensor F(Tensor x) => Functions.Twice(x); }")], [library.ToMetadataReference()]);
        Assert.Equal("GR1021", Assert.Single(Harness.Analyze(user)).Id);
    }

    [Fact]
    public void Nesting_too_deep_to_bind_is_a_diagnostic()
    {
        var source = Harness.Usings + "[Module] public partial class M { public int F(int a) { Func<int, int> f = b => " + string.Concat(Enumerable.Repeat("a > (", 150)) + "1" + new string(')', 150) + "; return 1; } }";
        // Whatever C# says about it, neither the generator nor the analyzer may fail.
        var (generated, _) = Harness.Generate(Harness.Compile(source));
        Assert.DoesNotContain(Harness.Analyze(generated), d => d.Id is "GR0001" or "AD0001");
    }

    [Fact]
    public void Errors_in_several_places_are_all_reported_at_once()
    {
        var found = Harness.Diagnose("[Module] public partial class M { public Tensor F(Tensor x) { Console.WriteLine(1); lock (this) { } return x; } }");
        Assert.Equal(["GR1003", "GR1002"], found.Select(d => d.Id));
    }

    static void AssertReported(string id, string marked, bool hasErrors = false, string? message = null)
    {
        var start = marked.IndexOf('⟦');
        var end = marked.IndexOf('⟧') - 1;
        var source = marked.Remove(end + 1, 1).Remove(start, 1);
        var found = Harness.Diagnose(source).ToList();
        Assert.True(found.Count > 0, "nothing reported");
        var match = found.FirstOrDefault(d => d.Id == id);
        Assert.True(match is not null, "reported instead: " + string.Join("; ", found));
        var span = match.Location.SourceSpan;
        Assert.Equal((start, end - start), (span.Start - Harness.Usings.Length, span.Length));
        if (message is not null) Assert.Equal(message, match.GetMessage(CultureInfo.InvariantCulture));
        if (!hasErrors) Assert.Single(found);
    }
}
