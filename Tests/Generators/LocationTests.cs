using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Compiler.Planning;
using Graph.Generators;
using Graph.Operations;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace Graph.Tests.Generators;

/// <summary>Definitions say nothing of files and lines; diagnostics, dumps and errors do.</summary>
public class LocationTests
{
    const string Layer = Harness.Usings + """
        [Module] public partial class Layer(int size)
        {
            readonly Parameter weight = new([size], Init.Ones);

            public Tensor Forward(Tensor x)
            {
                var y = x * weight;
                return y;
            }
        }
        """;

    const string Net = Harness.Usings + """
        [Model] public partial class Net
        {
            readonly Layer layer = new(4);

            [Entry] public Tensor Predict([Shape(4)] Tensor x) => layer.Forward(x).Exp();

            [Entry] public Tensor Other([Shape(4)] Tensor x) =>
                layer.Forward(x.Exp());
        }
        """;

    static Dictionary<string, string> Files(GeneratorDriver driver) => driver.GetRunResult().Results.Single().GeneratedSources.ToDictionary(s => s.HintName, s => s.SourceText.ToString());

    [Theory]
    [InlineData("File0.cs")]
    [InlineData("File1.cs")]
    public void A_newline_above_a_class_changes_its_lines_and_nothing_else(string edited)
    {
        var compilation = Harness.Compile(Layer, Net);
        var driver = Harness.Driver().RunGenerators(compilation);
        var before = Files(driver);
        var tree = compilation.SyntaxTrees.Single(t => t.FilePath == edited);
        driver = driver.RunGenerators(compilation.ReplaceSyntaxTree(tree, Harness.Parse("\n" + tree, edited)));
        var after = Files(driver);
        Assert.Equal(["Net.Origins.g.cs"], before.Keys.Where(name => before[name] != after[name]));
        Assert.Contains(edited + ":", after["Net.Origins.g.cs"]);
        var steps = driver.GetRunResult().Results.Single().TrackedSteps;
        foreach (var step in new[] { TrackingNames.BoundModules, TrackingNames.Module, TrackingNames.Model, TrackingNames.EmittedModel })
            Assert.All(steps[step].SelectMany(s => s.Outputs), o => Assert.True(o.Reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged, step + ": " + o.Reason));
    }

    [Fact]
    public void An_edit_in_one_member_renumbers_no_other()
    {
        var before = Harness.Define(Net[Harness.Usings.Length..] + Layer[Harness.Usings.Length..], "Net");
        var after = Harness.Define(Net[Harness.Usings.Length..].Replace("layer.Forward(x).Exp()", "(layer.Forward(x) + 1f).Exp().Exp()") + Layer[Harness.Usings.Length..], "Net");
        Assert.NotEqual(before.Method("Predict(Tensor)"), after.Method("Predict(Tensor)"));
        Assert.Equal(before.Method("Other(Tensor)"), after.Method("Other(Tensor)"));
        Assert.Equal(before.Fields, after.Fields);
    }

    [Fact]
    public void A_newline_within_a_member_leaves_the_model_as_it_is()
    {
        var compilation = Harness.Compile(Layer, Net);
        var driver = Harness.Driver().RunGenerators(compilation);
        driver = driver.RunGenerators(compilation.ReplaceSyntaxTree(compilation.SyntaxTrees.First(), Harness.Parse(Layer.Replace("return y", "// why\n\nreturn y"), "File0.cs")));
        Assert.All(
            driver.GetRunResult().Results.Single().TrackedSteps[TrackingNames.EmittedModel].SelectMany(s => s.Outputs),
            o => Assert.True(o.Reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged, o.Reason.ToString()));
    }

    [Theory]
    [InlineData("/elsewhere/a/Part.cs", "/elsewhere/b/Part.cs")]
    [InlineData("Part.cs", "../linked/Part.cs")]
    public void Of_two_files_with_one_name_the_right_one_is_marked(string first, string second)
    {
        var innocent = Harness.Usings + "[Module] public partial class Good { public Tensor Forward(Tensor x) => x.Exp().Exp().Exp().Exp().Exp().Exp().Exp(); }";
        var guilty = Harness.Usings + "\n[Model] public partial class Bad { [Entry] public Tensor F([Shape(4)] Tensor x) => x.Reshape(7); }";
        var found = Assert.Single(Harness.Analyze(Harness.Generate(Harness.Compile("Test", [(first, innocent), (second, guilty)])).Compilation));
        Assert.Equal(second, found.Location.SourceTree!.FilePath);
        Assert.Equal("Reshape(7)", found.Location.SourceTree.ToString().Substring(found.Location.SourceSpan.Start, found.Location.SourceSpan.Length));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_error_in_a_library_names_its_file_member_and_line(bool referenceOnly)
    {
        var library = Harness.Generate(Harness.Compile("Library", [("Layers/Layer.cs", Layer)])).Compilation;
        var user = Harness.Compile(
            "User", [("U.cs", Harness.Usings + "[Model] public partial class M { readonly Layer layer = new(4); [Entry] public Tensor F([Shape(5)] Tensor x) => layer.Forward(x); }")],
            [ModuleOutputTests.Reference(library, referenceOnly)]);
        var found = Assert.Single(Harness.Analyze(Harness.Generate(user).Compilation));
        Assert.Equal("Forward(x)", found.Location.SourceTree!.ToString().Substring(found.Location.SourceSpan.Start, found.Location.SourceSpan.Length));
        Assert.Contains("Layer.cs:Forward:3", found.GetMessage());
        Assert.Contains("called at U.cs:5", found.GetMessage());
        Assert.DoesNotContain("⟪", found.GetMessage());
    }

    [Fact]
    public void A_newline_above_a_library_s_module_changes_nothing_that_it_publishes()
    {
        static string Published(string source) => Harness.Generate(Harness.Compile("Library", [("Layer.cs", source)])).Compilation.SyntaxTrees.Last().ToString();
        Assert.Equal(Published(Layer), Published("\n// moved\n\n" + Layer));
        Assert.Equal(Published(Layer), Published(Layer.Replace("\n    public Tensor Forward", "\n\n\n    public Tensor Forward")));
    }

    [Fact]
    public void Models_compile_where_implementation_outputs_are_left_out()
    {
        var compilation = Harness.Compile(Harness.Usings + Samples.Classifier, Layer, Net);
        CSharpGeneratorDriver.Create(
            [new ModelGenerator().AsSourceGenerator()], parseOptions: Harness.Options, driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.Implementation))
            .RunGeneratorsAndUpdateCompilation(compilation, out var generated, out _);
        Assert.DoesNotContain(generated.SyntaxTrees, t => t.FilePath.EndsWith(".Kernels.g.cs", StringComparison.Ordinal) || t.FilePath.EndsWith(".Origins.g.cs", StringComparison.Ordinal));
        Assert.Contains(generated.SyntaxTrees, t => t.FilePath.EndsWith(".Model.g.cs", StringComparison.Ordinal));
        Assert.Empty(generated.GetDiagnostics().Where(d => d.Severity >= DiagnosticSeverity.Warning));
    }

    [Fact]
    public void Fingerprints_do_not_depend_on_lines()
    {
        static string Fingerprint(string place)
        {
            var text = $"program P version 1\nrequire f {{size=[2], least=1, what=\"w\"}}  ; {place}\n\nfunc f(x: f32[2]) -> (f32[2])\n  %0 = exp x : f32[2]  ; {place} conv\n  return %0\n";
            return KernelFingerprint.OfPlan(Lowerer.Lower(CompilerPipeline.Run(ProgramParser.Parse(text, OperationTable.Set), KnownTargets.Cpu)), "");
        }
        Assert.Equal(Fingerprint("A.cs:1"), Fingerprint("B.cs:22"));
    }
}
