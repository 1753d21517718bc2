using System.Collections.Generic;
using System.Linq;
using Graph.Nn;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Generators;

/// <summary>What users see of a module or model with errors: those errors, at their own code, and nothing about generated code.</summary>
public class BrokenModelTests
{
    const string Uses = """

        static class Uses
        {
            static void All(float[] f, int[] i)
            {
                using var m = M.Create(Device.Cpu, seed: 3);
                m.Predict(f, f);
                float loss = m.Loss(f, i);
                StepResult step = m.TrainStep(f, label: i);
                _ = M.Ir;
                IModule module = m;
            }
        }
        """;

    static string Model(string head, string body, string loss = "Forward(x).CrossEntropy(label)") => $$"""
        {{head}}
        {
            [Entry] public Tensor Predict([Shape("B", 4)] Tensor x) => {{body}};
            [Loss] public Tensor Loss([Shape("B", 4)] Tensor x, [Shape("B")] Tensor<int> label) => {{loss}};
            [Train] static AdamW Optimizer() => new();
        }
        """;

    [Theory]
    [InlineData("GR1003 GR1050", "[Module] public partial class N { public Tensor Forward(Tensor x) { Console.WriteLine(); return x; } } [Module] public partial class Between : N { readonly Linear l = new(3, 3); } [Model, Dim(\"B\", Max = 8)] public partial class M : Between", "Forward(x)")]
    [InlineData("GR1003", "[Model, Dim(\"B\", Max = 8)] public partial class M", "x * Console.Read()", "x.CrossEntropy(label)")]
    [InlineData("GR2004", "[Model, Dim(\"B\", Max = 8)] public partial class M", "x.Reshape(7, 9)", "x.CrossEntropy(label)")]
    [InlineData("GR1014", "[Model] public partial class M", "x", "x.CrossEntropy(label)")]
    [InlineData("GR1001", "[Module] public class N { public Tensor Forward(Tensor x) => x; } [Model, Dim(\"B\", Max = 8)] public partial class M : N", "Forward(x)")]
    [InlineData("GR1015", "[Model, Dim(null!), Dim(\"B\", Max = 8)] public partial class M", "x", "x.CrossEntropy(label)")]
    [InlineData("GR1013", "[Module] public static partial class F { public static Tensor Id(Tensor x) => x; } [Model, Dim(\"B\", Max = 8)] public partial class M", "F.Id(x); [Entry] public Tensor Other([Shape(null!)] Tensor x) => x", "x.CrossEntropy(label)")]
    [InlineData("GR1013", "[Model, Dim(\"B\", Max = 8)] public partial class M", "x; [Entry] public Tensor Other([Shape(\"B\", -3)] Tensor x) => x", "x.CrossEntropy(label)")]
    public void Uses_of_a_model_with_errors_have_no_errors_of_their_own(string id, string head, string body, string loss = "Forward(x).CrossEntropy(label)") =>
        Assert.Equal(id.Split(' '), Ids(Model(head, body, loss) + Uses));

    [Theory]
    [InlineData("[Model] public partial struct M { [Entry] public Tensor Predict([Shape(2)] Tensor x) => x; }", "CS0592")]
    [InlineData("[Module] public partial class M : N { } [Module] public partial class N : M { }", "CS0146")]
    [InlineData("[Module] public partial class M : Missing { } [Module] public partial class N : M { readonly Linear l = new(1, 1); }", "CS0246")]
    public void What_csharp_refuses_brings_no_errors_of_generated_code(string source, string id) => Assert.Equal([id], Ids(source));

    [Theory]
    [InlineData("TrainStep")]
    [InlineData("Update")]
    [InlineData("ForwardLoss")]
    public void Entries_leave_the_functions_of_training_their_names(string name) => Assert.Equal(["GR1043"], Ids(
        $"[Model] public partial class M {{ [Entry] public Tensor {name}([Shape(2)] Tensor x) => x; [Entry] public Tensor Create([Shape(2)] Tensor x) => x; }}"));

    [Fact]
    public void Two_roles_of_one_method_are_reported_as_such() =>
        Assert.Equal(["GR3011"], Ids("[Model] public partial class M { [Entry, Loss] public Tensor Error([Shape(2)] Tensor x) => x.Sum(); [Train] static AdamW Optimizer() => new(); }"));

    [Theory]
    [InlineData("static int «Ir» => 3;")]
    [InlineData("static int «Create»(Device device, ulong seed, int threads) => 3;")]
    [InlineData("public int «TrainStep» { get; } = 3;")]
    [InlineData("void «VisitModule»(IModuleVisitor visitor, string path) { }")]
    [InlineData("public readonly int «graphInstance» = 3;")]
    [InlineData("void «Predict»(ReadOnlySpan<float> x, Span<float> result) { }")]
    [InlineData("void «TrainStep»(ReadOnlySpan<float> a, ReadOnlySpan<int> b) { }")]
    [InlineData("void Create(int size) { } void TrainStep(int size) { } float[] Predict(float[] x) { var y = new float[4]; Predict(x, y); return y; } void Dispose() { } void VisitModule() { }")]
    public void Members_in_the_way_of_generated_ones_are_reported_where_they_are(string member)
    {
        var at = member.IndexOf('«');
        var source = Model("[Model, Dim(\"B\", Max = 8)] public partial class M", "x", "x.CrossEntropy(label)").Replace("{\n", "{ " + member.Replace("«", "").Replace("»", "") + "\n");
        var reported = Diagnose(source);
        if (at < 0)
        {
            // Methods that run outside of the model's language are not looked at unless they are called.
            Assert.DoesNotContain(reported, d => d.Id == "GR1025" || d.Id.StartsWith("CS", System.StringComparison.Ordinal));
            return;
        }
        var clash = Assert.Single(reported, d => d.Id == "GR1025");
        Assert.Equal(member[(at + 1)..member.IndexOf('»')], clash.Location.SourceTree!.ToString().Substring(clash.Location.SourceSpan.Start, clash.Location.SourceSpan.Length));
        Assert.DoesNotContain(reported, d => d.Id.StartsWith("CS", System.StringComparison.Ordinal));
    }

    [Fact]
    public void Keywords_as_names_and_models_of_models_compile_without_warnings() => Assert.Empty(Ids("""
        namespace @namespace.@event
        {
            [Model] public partial class @class { [Entry] public Tensor @return([Shape(2)] Tensor @in) => @in; [Loss] public Tensor @float([Shape(2)] Tensor @in) => @in.Sum(); [Train] static AdamW @new() => new(); }
            [Model] public partial class @record : @class { [Entry] public (Tensor @out, Tensor) @var([Shape(2)] Tensor @in) => (@in, @in); }
            [Module] public partial class Base { public void Dispose() { } private int Ir => 3; public Tensor Three(Tensor x) => x * Ir; }
            [Model] public partial class Derived : Base { [Entry] public Tensor Predict([Shape(2)] Tensor x) => Three(x); }
        }
        """));

    [Fact]
    public void Inherited_members_whose_place_generated_ones_would_take_are_reported() => Assert.Equal(["GR1025"], Ids(
        "[Module] public partial class Base { protected int Create() => 3; } [Model] public partial class M : Base { [Entry] public Tensor Predict([Shape(2)] Tensor x) => x * Create(); }"));

    [Theory]
    [InlineData("GR1019", "public class Layer { readonly Parameter w = new([2], Init.Ones); public Tensor F(Tensor x) => x * w; } [Model] public partial class M { readonly Layer a = new(); readonly Layer[] b = [new()]; [Entry] public Tensor Predict([Shape(2)] Tensor x) { foreach (var layer in b) x = layer.F(x); return a.F(x); } }")]
    [InlineData("GR1007", "[Module] public partial class N<T> where T : new() { readonly T[] all = [new(), new()]; public T First() => all[0]; public T Second(T other) { T mine = all[1]; return mine ?? other; } public Tensor F(Tensor x) => x; } [Model] public partial class M { readonly N<int> n = new(); [Entry] public Tensor Predict([Shape(2)] Tensor x) => n.F(new N<int>().F(x)); }")]
    [InlineData("GR1007", "[Model] public partial class M { static T Id<T>(T x) { T y = x; return y; } [Entry] public Tensor Predict([Shape(2)] Tensor x) => Id<Tensor>(x); }")]
    [InlineData("GR1007", "public partial class Outer<T> { [Model] public partial class M { [Entry] public Tensor Predict([Shape(2)] Tensor x) => x; } }")]
    [InlineData("GR1013", "[Model, Dim(\"B\", Max = 8)] public partial class M { [Entry] public Tensor Predict([Shape(\"2*B\")] Tensor x) => x; }")]
    [InlineData("GR1014 GR1014", "[Model] public partial class M { [Entry] public Tensor Predict([Shape(\"P\", \"Q\")] Tensor x) => x; }")]
    [InlineData("GR1019", "public class Layer { readonly Parameter w = new([2], Init.Ones); public Tensor F(Tensor x) => x * w; } [Module] public partial class A { readonly Layer a = new(); public Tensor F(Tensor x) => a.F(x); } [Module] public partial class B { readonly Layer[] b = [new()]; public Tensor F(Tensor x) => b[0].F(x); } [Model] public partial class M { readonly A a = new(); readonly B b = new(); readonly Layer c = new(); [Entry] public Tensor Predict([Shape(2)] Tensor x) => a.F(b.F(c.F(x))); }")]
    [InlineData("GR1006", "public record R(DateTime At) { public int Two => 2; } [Module] public partial class A(R r) { public Tensor F(Tensor x) => x * r.Two; } [Module] public partial class B(R r) { public Tensor F(Tensor x) => x + r.Two; }")]
    [InlineData("GR2004", "[Module] public partial class A { public Tensor F(Tensor x) => x.Linear(x.Sum(0, true)).Reshape(7); } [Model] public partial class M { readonly A a = new(); [Entry] public Tensor Predict([Shape(2, 3)] Tensor x) => a.F(x) + a.F(x * 2); [Loss] public Tensor Loss([Shape(2, 3)] Tensor x) => a.F(x).Sum(); } [Model] public partial class N { readonly A a = new(); [Entry] public Tensor Predict([Shape(2, 3)] Tensor x) => a.F(x); }")]
    [InlineData("GR2002 GR2002", "[Model] public partial class M { [Entry] public Tensor Predict([Shape(2, 3)] Tensor x) => x.Transpose(5, 7); }")]
    [InlineData("GR2002 GR2002", "[Model] public partial class M { [Entry] public Tensor Predict([Shape(2, 3)] Tensor x) => x.Sum([5, 0, 7]); }")]
    [InlineData("GR2002 GR2002 GR2004", "[Model] public partial class M { [Entry] public Tensor Predict([Shape(2, 3)] Tensor x) => x.Sum(5) + x.Mean(7) * x.Reshape(7); }")]
    public void One_mistake_is_one_report(string ids, string source) => Assert.Equal(ids, string.Join(" ", Diagnose(source).Select(d => d.Id)));

    [Theory]
    [InlineData("GR1010", "x.Slice(0, i, i + 1)", "return x * x[0];")]
    [InlineData("GR1010", "return the tensor from an entry", "return x * x.Sum().ToScalar();")]
    [InlineData("GR1012", "a loop over one is seldom needed", "for (var i = 0; i < x.Shape[0]; i += 2) x = x * 2; return x;")]
    [InlineData("CS0619", "Tensor.Where(condition, yes, no)", "if (x) return x; return x * 2;")]
    [InlineData("CS0619", "Tensor.Where(condition, yes, no)", "return x.Sum() > 0 ? x : x * 2;")]
    [InlineData("CS0619", "Split or Slice", "foreach (var row in x) x = x * row; return x;")]
    public void What_other_frameworks_write_has_an_answer(string id, string words, string body)
    {
        var found = Diagnose("[Model, Dim(\"B\", Max = 8)] public partial class M { [Entry] public Tensor Predict([Shape(\"B\", 4)] Tensor x) { " + body + " } }");
        Assert.All(found, d => Assert.Equal(id, d.Id));
        Assert.Contains(words, found[0].GetMessage());
    }

    static IEnumerable<string> Ids(string source) => Diagnose(source).Select(d => d.Id).Distinct();

    static List<Diagnostic> Diagnose(string source)
    {
        var compilation = Harness.Compile("Test", [("File0.cs", Harness.Usings + "using Graph.Nn;\n" + source)], [MetadataReference.CreateFromFile(typeof(Linear).Assembly.Location)]);
        var (generated, _) = Harness.Generate(compilation);
        List<Diagnostic> all = [.. Harness.Analyze(generated), .. generated.GetDiagnostics().Where(d => d.Severity >= DiagnosticSeverity.Warning)];
        // What an error says stops the build too, whoever listens; and nothing else does.
        Assert.Equal(all.Any(d => d.Severity == DiagnosticSeverity.Error && d.Id != "CS0592"), all.Any(d => d.Id == Harness.Stop));
        return [.. all.Where(d => d.Id != Harness.Stop)];
    }
}
