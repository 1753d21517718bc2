using System.Collections.Generic;
using System.Linq;
using Graph.Generators.Binding;
using Graph.Nn;
using Graph.Runtime.Execution;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace Graph.Tests.Generators;

/// <summary>The names of generated members: whatever a user calls things, generated code compiles, without a warning, and runs.</summary>
public class SignatureTests
{
    const string Models = """
        // Names that differ by case alone, and nested classes whose joined names are those of others.
        [Model] public partial class Net { [Entry] public Tensor F([Shape(2)] Tensor x) => x * 2; }
        [Model] public partial class NET { [Entry] public Tensor F([Shape(2)] Tensor x) => x * 3; }
        namespace Cased { [Model] public partial class Net { [Entry] public Tensor F([Shape(2)] Tensor x) => x; } }
        namespace cased { [Model] public partial class net { [Entry] public Tensor F([Shape(2)] Tensor x) => x; } }
        public partial class A { [Model] public partial class B { [Entry] public Tensor F([Shape(2)] Tensor x) => x; } [Model] public partial class B_C { [Entry] public Tensor F([Shape(2)] Tensor x) => x; } }
        [Model] public partial class A_B { [Entry] public Tensor F([Shape(2)] Tensor x) => x; }
        [Model] public partial class A_B_Kernels1 { [Entry] public Tensor F([Shape(2)] Tensor x) => x; }
        public partial struct A_b { [Model] public partial class C { [Entry] public Tensor F([Shape(2)] Tensor x) => x; } }
        public partial interface I<in T0> where T0 : class { }
        public partial interface IOuter { [Model] public partial class Inner { [Entry] public Tensor F([Shape(2)] Tensor x) => x; } }
        public partial record Rec(int X) { [Model] internal sealed partial class Inner { [Entry] public Tensor F([Shape(2)] Tensor x) => x; } }

        // Arguments, results and dimensions called like what generated code needs itself, and like each other.
        [Model, Dim("B", Max = 8), Dim("T", Max = 8), Dim("result", Max = 8), Dim("class", Max = 8)]
        public partial class Parameters
        {
            [Entry] public Tensor One([Shape(2)] Tensor graph0, [Shape(2)] Tensor _graph0, [Shape(2)] Tensor graph1, [Shape(2)] Tensor graphResult) => (graph0 * graph1 * graphResult * _graph0).Sum();
            [Entry] public Tensor Two([Shape("B", "T")] Tensor B, [Shape(2)] Tensor BSize, [Shape(2)] Tensor result) => B * 2;
            [Entry] public (Tensor x, Tensor xResult) Three([Shape(2)] Tensor x) => (x, x + 1);
            [Entry] public (Tensor a, Tensor) Four([Shape("result", "class")] Tensor a) => (a, a);
            [Entry] public Tensor Five([Shape(2)] Tensor dimB, [Shape(2)] Tensor @class, [Shape(2)] Tensor _, [Shape(2)] Tensor Ir, [Shape(2)] Tensor Create, [Shape(2)] Tensor instance, [Shape(2)] Tensor @this) => dimB + @class + _ + Ir + Create + instance + @this;
            [Entry] public Tensor \u0053ix([Shape(2)] Tensor \u0066loat, [Shape(2)] Tensor scoped, [Shape(2)] Tensor global, [Shape(2)] Tensor Graph, [Shape(2)] Tensor System, [Shape(2)] Tensor field, [Shape(2)] Tensor Six) => @float + scoped + global + Graph + System + field + Six;
            [Entry] public Tensor @long([Shape("B", "B")] Tensor dims, [Shape()] Tensor scalar, [Shape("B", "T")] Tensor<int> T) => dims.Sum() * scalar + T.Sum();
        }

        // Numbers without arguments, and every element type that kernels take.
        [Model] public partial class Numbers
        {
            readonly Graph.Parameter weight = new([3], Init.Ones);
            [Entry] public Tensor Total() => weight.Sum();
            [Entry] public (Tensor, Tensor) Both() => (weight.Sum(), weight);
            [Entry] public Tensor<long> Longs([Shape(2)] Tensor<long> x) => x;
            [Entry] public Tensor Types([Shape(2)] Tensor<double> d, [Shape(2)] Tensor<int> i, [Shape(2)] Tensor<sbyte> b, [Shape(2)] Tensor<bool> f, [Shape(2)] Tensor? n) => n! + i + b + f;
            [Loss] public Tensor Loss() => (weight * weight).Sum();
            [Train(ClipNorm = 1e-30)] public static AdamW Optimizer() => new(learningRate: 1e-30f);
        }

        // Classes that C# makes special.
        [Model] public partial class @record { [Entry] public Tensor F([Shape(2)] Tensor x) => x; }
        namespace Hidden.Graph.System { public class Base2 { } }
        [Module] public partial class Hider { public class Hidden { } public class Graph { } public class System { } public Tensor G(Tensor x) => x; }
        [Model] public partial class Hidden1 : Hider { [Entry] public Tensor F([Shape(2)] Tensor x) => G(x); }
        [Module] public partial class Namesake { public class Derived { } public Tensor G(Tensor x) => x; }
        [Model] public partial class Derived : Namesake { [Entry] public Tensor F([Shape(2)] Tensor x) => G(x); }
        [Model] public partial class Old { [global::System.Obsolete] public Old() { } [Entry] public Tensor F([Shape(2)] Tensor x) => x; }
        [Model] public partial class Private { Private() { } Private(int size) { } [Entry] public Tensor F([Shape(2)] Tensor x) => x; }
        [Model] public partial class Ready { public required int Size { get; init; } [global::System.Diagnostics.CodeAnalysis.SetsRequiredMembers] public Ready() { Size = 3; } [Entry] public Tensor F([Shape(2)] Tensor x) => x * Size; }
        """;

    static readonly System.Lazy<(Compilation Generated, List<Diagnostic> Found)> All = new(() => Build(Models));

    [Fact]
    public void Whatever_names_users_choose_generated_code_compiles_without_warnings_and_runs()
    {
        var (generated, found) = All.Value;
        Assert.Empty(found);
        Assert.Equal(generated.SyntaxTrees.Count(t => t.FilePath.EndsWith(".Kernels.g.cs", System.StringComparison.Ordinal)), Running.All(generated));
    }

    [Theory]
    [InlineData("One", "float", "ReadOnlySpan<float> graph0, ReadOnlySpan<float> _graph0, ReadOnlySpan<float> graph1, ReadOnlySpan<float> graphResult")]
    [InlineData("Two", "void", "ReadOnlySpan<float> B, ReadOnlySpan<float> BSize, ReadOnlySpan<float> result, Span<float> resultResult, int BSize2")]
    [InlineData("Three", "void", "ReadOnlySpan<float> x, Span<float> xResult, Span<float> xResultResult")]
    [InlineData("Four", "void", "ReadOnlySpan<float> a, Span<float> result0, Span<float> result1, int result")]
    [InlineData("Total", "void", "Span<float> result")]
    [InlineData("Both", "void", "Span<float> result0, Span<float> result1")]
    [InlineData("Longs", "void", "ReadOnlySpan<long> x, Span<long> result")]
    [InlineData("Loss", "void", "Span<float> loss")]
    [InlineData("TrainStep", "StepResult", "")]
    public void Names_are_the_users_and_sizes_those_of_dimensions(string member, string returns, string parameters)
    {
        var (generated, _) = All.Value;
        var method = generated.GetSymbolsWithName(member).OfType<IMethodSymbol>().Single(m => GeneratedCode.IsOurs(m));
        Assert.Equal(returns, method.ReturnType.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat));
        Assert.Equal(parameters, string.Join(", ", method.Parameters.Select(p => p.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat))));
    }

    [Fact]
    public void An_outline_has_the_signatures_that_the_model_will_have()
    {
        // Whether an entry gives a number, only its shapes tell: an outline has both.
        var start = Models.IndexOf("[Model, Dim(\"B\"", System.StringComparison.Ordinal);
        var broken = Build(Models[start..Models.IndexOf("// Numbers without", System.StringComparison.Ordinal)].Replace("=> B * 2;", "=> B.Reshape(7, 9);")).Generated;
        var whole = All.Value.Generated;
        static IEnumerable<string> Members(Compilation compilation) => compilation.GetTypeByMetadataName("Parameters")!.GetMembers().OfType<IMethodSymbol>()
            .Where(m => !m.IsOverride && m.MethodKind == MethodKind.Ordinary && !m.Name.StartsWith("graph", System.StringComparison.Ordinal)).Select(m => m.ToDisplayString());
        Assert.Empty(Members(whole).Except(Members(broken)));
    }

    [Theory]
    [InlineData("GR1025", "int get_Ir() => 3;")]
    [InlineData("GR1025", "void set_Ir(ModelIr value) { }")]
    [InlineData("GR1025", "void F(ReadOnlySpan<float> x, Span<float> result, int size) { }")]
    [InlineData("GR1025", "float F(ReadOnlySpan<float> x, int size) => 0;")]
    [InlineData("GR1025", "float G(ReadOnlySpan<long> a, ReadOnlySpan<bool> b) => 0;")]
    [InlineData("GR1025", "} class Graph_M_Kernels {")]
    [InlineData("GR1061", "public required int Size { get; init; }")]
    [InlineData("GR1061", "public M(int a = 1) { } public M(string b = \"\") { }")]
    [InlineData("GR3009", "[Loss] public Tensor L([Shape(2)] Tensor x) => x.Sum(); [Train(ClipNorm = double.PositiveInfinity)] static AdamW O() => new();")]
    [InlineData("GR3009", "[Loss] public Tensor L([Shape(2)] Tensor x) => x.Sum(); [Train(ClipNorm = double.NaN)] static AdamW O() => new();")]
    [InlineData("GR3009", "[Loss] public Tensor L([Shape(2)] Tensor x) => x.Sum(); [Train] static Rate O() => new(1e39); } [Module] public partial class Rate(double learningRate) { public double LearningRate => learningRate; public Tensor Update(Tensor value, Tensor gradient, Tensor learningRate, Tensor step) => value; ")]
    [InlineData(null, "void F(ref ReadOnlySpan<float> x, Span<float> result, int size) { } void F<T>(ReadOnlySpan<float> x, Span<float> result, int size) { } void F(ReadOnlySpan<float> x, Span<float> result) { } int get_Ir(int x) => x;")]
    public void What_cannot_be_generated_beside_a_users_member_is_a_diagnostic(string? id, string member)
    {
        var (_, found) = Build("[Model, Dim(\"B\", Max = 8), Dim(\"T\", Max = 8)] public partial class M { [Entry] public Tensor F([Shape(\"B\", \"T\")] Tensor x) => x; [Entry] public Tensor G([Shape(2)] Tensor<long> a, [Shape(2)] Tensor<bool> b) => (a + b).Sum(); " + member + " }");
        // What else a member is, its own diagnostics say.
        Assert.Equal(id is null ? [] : [id], found.Select(d => d.Id).Where(i => i is "GR1025" or "GR1061" or "GR3009" || (i.StartsWith("CS", System.StringComparison.Ordinal) && i != Harness.Stop)));
    }

    [Theory]
    [InlineData(DocumentationMode.None)]
    [InlineData(DocumentationMode.Diagnose)]
    public void Compiled_members_say_what_their_authors_say(DocumentationMode mode)
    {
        const string Source = """
            /// <summary>Not of a member.</summary>
            [Model, Dim("B", Max = 8)] public partial class M
            {
                /// <summary>
                /// Tells <see cref="List{T}">digits</see> &amp; letters apart,
                /// on two lines.
                /// </summary>
                /// <param name="image">The images.</param>
                /// <returns>The probabilities.</returns>
                [Entry] public Tensor Predict([Shape("B", 4)] Tensor image) => image;

                /** <summary>How wrong it is.</summary> */
                [Loss] public Tensor Loss([Shape("B", 4)] Tensor image) => image.Sum();

                /// <summary>Not <b closed.</summary>
                [Entry] public Tensor Bad([Shape(4)] Tensor x) => x;

                [Train] static AdamW Optimizer() => new();
            }
            """;
        var compilation = Compile(Source, mode);
        var (generated, _) = Harness.Generate(compilation);
        Assert.DoesNotContain(generated.GetDiagnostics(), d => d.Severity >= DiagnosticSeverity.Warning && d.Location.SourceTree != generated.SyntaxTrees.First());
        var text = generated.SyntaxTrees.Single(t => t.FilePath.EndsWith("M.Model.g.cs", System.StringComparison.Ordinal)).ToString().Replace(" cref=\"T:System.Collections.Generic.List`1\"", " cref=\"List{T}\"");
        Assert.Contains("""
                /// <summary>
                /// Tells <see cref="List{T}">digits</see> &amp; letters apart,
                /// on two lines.
                /// </summary>
                /// <param name="image">
                /// The images.
                /// f32[B,4], row-major.
                /// </param>
                /// <param name="result">
                /// The probabilities.
                /// f32[B,4], row-major.
                /// </param>
                public unsafe void Predict(
            """.ReplaceLineEndings("\n"), text);
        Assert.Contains("/// <summary>How wrong it is.</summary>", text);
        Assert.Contains("/// <summary><c>Bad</c>, compiled.</summary>", text);
        Assert.DoesNotContain("Not of a member", text);
    }

    [Fact]
    public void A_model_says_what_it_is_unless_its_author_does()
    {
        var (generated, found) = Build("""
            [Model] public partial class M { readonly Parameter w = new([1200], Init.Zeros); [Entry] public Tensor F([Shape(1)] Tensor x) => x * w; }
            [Model] public partial class Own { [Entry] public Tensor F([Shape(1)] Tensor x) => x; public override string ToString() => "mine"; }
            """);
        Assert.DoesNotContain(found, d => d.Severity == DiagnosticSeverity.Error);
        var texts = Running.With(generated, model => model.ToString()!);
        Assert.Equal(["M: 1,200 parameters in 1 tensors, step 0", "mine"], texts);
        Assert.Equal(["M, not created", "mine"], Running.New(generated, model => model.ToString()!));
        Assert.Equal("scale: parameter[2, 3]", new Parameter([2, 3], Init.Zeros, "scale").ToString());
        Assert.Equal("state[2]", new State([2], Init.Zeros).ToString());
    }

    [Fact]
    public void What_only_generated_code_calls_is_not_suggested_to_users()
    {
        var shown = typeof(ModelInstance).Assembly.GetExportedTypes()
            .Where(t => t.Namespace is "Graph.Runtime.Execution" or "Graph.Runtime.Cpu" && !t.IsNested)
            .Where(t => t.GetCustomAttributes(typeof(System.ComponentModel.EditorBrowsableAttribute), false) is not [System.ComponentModel.EditorBrowsableAttribute { State: System.ComponentModel.EditorBrowsableState.Never }]);
        Assert.Empty(shown);
    }

    static CSharpCompilation Compile(string source, DocumentationMode mode = DocumentationMode.Parse)
    {
        var compilation = Harness.Compile("Test", [], [MetadataReference.CreateFromFile(typeof(Linear).Assembly.Location)]);
        return compilation.AddSyntaxTrees(CSharpSyntaxTree.ParseText(Harness.Usings + "using Graph.Nn;\n" + source, Harness.Options.WithDocumentationMode(mode), "File0.cs"));
    }

    static (Compilation Generated, List<Diagnostic> Found) Build(string source)
    {
        var (generated, _) = Harness.Generate(Compile(source));
        return (generated, [.. Harness.Analyze(generated), .. generated.GetDiagnostics().Where(d => d.Severity >= DiagnosticSeverity.Warning && d.Id != "CS8981")]);
    }
}
