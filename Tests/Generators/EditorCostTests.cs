using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Graph.Compiler;
using Graph.Compiler.Targets;
using Graph.Generators;
using Graph.Generators.Caching;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;
using Xunit.Abstractions;

namespace Graph.Tests.Generators;

/// <summary>What a key press costs in a project of 50 models that refers to 20 others and has 2,000 files beside: no step again, and few bytes.</summary>
public class EditorCostTests(ITestOutputHelper output)
{
    const int Models = 50;
    const int Projects = 20;
    const int Files = 2000;
    const long Budget = 2_000_000;

    static readonly string[] Steps = [TrackingNames.BoundModules, TrackingNames.Module, TrackingNames.Model, TrackingNames.EmittedModel];

    static CSharpCompilation Project()
    {
        var projects = Enumerable.Range(0, Projects).Select(i => Harness.Generate(Harness.Compile(
            "Project" + i, [($"P{i}.cs", Harness.Usings + $"namespace P{i}; [Module] public partial class Scale {{ public Tensor Forward(Tensor x) => x * {i + 2}f; }}")])).Compilation.ToMetadataReference());
        var models = Enumerable.Range(0, Models).Select(i => ($"M{i}.cs", Source(i)));
        var files = Enumerable.Range(0, Files).Select(i => ($"F{i}.cs", $"namespace Many; public class File{i} {{ readonly int value = {i}; public int Value{i}(int x, File{i} other) => x + value + other.value; public string Name => \"{i}\"; }}"));
        return Harness.Compile("Many", [.. models, .. files], projects);
    }

    static string Source(int i) => Harness.Usings + $$"""
        namespace N{{i}};
        [Module] public partial class Layer { readonly Parameter w = new([4], Init.Ones); readonly P{{i % Projects}}.Scale scale = new(); public Tensor Forward(Tensor x) => scale.Forward(x * w); }
        [Model] public partial class Net { readonly Layer layer = new(); [Entry] public Tensor Predict([Shape(4)] Tensor x) => layer.Forward(x).Exp(); }
        """;

    static Compilation Edit(Compilation compilation, string path, Func<string, string> change)
    {
        var tree = compilation.SyntaxTrees.First(t => t.FilePath == path);
        return compilation.ReplaceSyntaxTree(tree, Harness.Parse(change(tree.ToString()), path));
    }

    [Fact]
    public void A_key_press_costs_what_it_changes()
    {
        Compilation compilation = Project();
        var driver = Harness.Driver().RunGeneratorsAndUpdateCompilation(compilation, out var generated, out _);
        Analyze(generated);
        Func<string, string>[] edits = [text => text.Replace("x + value", "x - value"), text => text.Replace("public string", "public int More() => 1; public string"), text => text + "\n// a word"];
        for (var warm = 0; warm < 2; warm++)
            foreach (var edit in edits)
            {
                compilation = Edit(compilation, "F7.cs", edit);
                var bytes = Allocated(() => driver = driver.RunGenerators(compilation));
                Assert.All(Reasons(driver), r => Assert.True(r.Reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged, r.ToString()));
                var all = compilation.AddSyntaxTrees(driver.GetRunResult().GeneratedTrees);
                Types(all);
                var analysis = Allocated(() => Analyze(all));
                output.WriteLine($"generator {bytes:N0} bytes, analyzer {analysis:N0} bytes");
                if (warm == 0) continue;
                Assert.InRange(bytes, 0, Budget);
                Assert.InRange(analysis, 0, Budget);
            }
    }

    [Fact]
    public void A_newline_above_a_model_binds_and_makes_nothing_again()
    {
        Compilation compilation = Project();
        var driver = Harness.Driver().RunGenerators(compilation);
        var before = Bound(driver);
        for (var i = 0; i < 3; i++)
        {
            compilation = Edit(compilation, "M3.cs", text => "\n" + text);
            var bytes = Allocated(() => driver = driver.RunGenerators(compilation));
            output.WriteLine($"{bytes:N0} bytes");
            Assert.Equal(0, Harness.Catalog(driver.GetRunResult()).Bound);
            Assert.InRange(bytes, 0, Budget);
            Assert.All(Reasons(driver), r => Assert.True(r.Reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged, r.ToString()));
        }
        // Equal modules are the same objects: what follows compares them at once.
        foreach (var (name, module) in Bound(driver)) Assert.Same(before[name], module);
        Assert.Contains("M3.cs:", driver.GetRunResult().Results.Single().GeneratedSources.Single(s => s.HintName == "N3.Net.Origins.g.cs").SourceText.ToString());
    }

    [Fact]
    public void An_edit_of_a_body_in_a_referenced_project_binds_nothing_again()
    {
        static CSharpCompilation Library(int value) => Harness.Compile("Library", [("L.cs", "namespace Library; public static class L { public static int Value() => " + value + "; public const int Two = 2; }")]);
        var compilation = Harness.Compile("User", [("U.cs", Harness.Usings + "[Model] public partial class M { [Entry] public Tensor F([Shape(4)] Tensor x) => x * Library.L.Two; }")], [Library(1).ToMetadataReference()]);
        var driver = Harness.Driver().RunGenerators(compilation);
        var catalog = Harness.Catalog(driver.GetRunResult());
        driver = driver.RunGenerators(compilation.ReplaceReference(compilation.References.Last(), Library(2).ToMetadataReference()));
        Assert.Same(catalog.Modules[0], Harness.Catalog(driver.GetRunResult()).Modules[0]);
        Assert.All(Reasons(driver), r => Assert.True(r.Reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged, r.ToString()));
    }

    [Fact]
    public void What_is_remembered_decides_no_result()
    {
        var random = new Random(5);
        Compilation compilation = Harness.Compile("Remembered", [("M0.cs", Source(0).Replace("P0.Scale scale = new()", "int scale = 2").Replace("scale.Forward(x * w)", "x * w * scale")), ("F.cs", "namespace N0; static class Other { }")]);
        GeneratorDriver driver = Harness.Driver();
        var edits = new Func<string, string>[]
        {
            text => text.Replace(".Exp()", ".Relu()"), text => text.Replace(".Relu()", ".Exp()"), text => "\n" + text, text => text.Replace("int scale = 2", "int scale = 3"), text => text.Replace("int scale = 3", "int scale = 2"),
        };
        for (var i = 0; i < 20; i++)
        {
            compilation = random.Next(4) == 0 ? Edit(compilation, "F.cs", text => text + " class Layer" + random.Next(3) + "X { }") : Edit(compilation, "M0.cs", edits[random.Next(edits.Length)]);
            driver = driver.RunGenerators(compilation);
            // Under another name, of the same length, nothing is remembered.
            var fresh = Harness.Driver().RunGenerators(compilation.WithAssemblyName(FormattableString.Invariant($"Fresh{i:00000}")));
            Assert.Equal(Text(fresh).Replace(FormattableString.Invariant($"[Fresh{i:00000}]"), "[Remembered]", StringComparison.Ordinal), Text(driver));
        }

        static string Text(GeneratorDriver driver) => string.Join(
            "\n", driver.GetRunResult().Results.Single().GeneratedSources.Where(s => s.HintName != "N0.Net.Model.g.cs").Select(s => s.HintName + "\n" + s.SourceText.ToString()[s.SourceText.ToString().IndexOf('\n')..]));
    }

    static IEnumerable<(string Step, IncrementalStepRunReason Reason)> Reasons(GeneratorDriver driver)
    {
        var steps = driver.GetRunResult().Results.Single().TrackedSteps;
        return Steps.SelectMany(step => steps[step].SelectMany(s => s.Outputs).Select(o => (step, o.Reason)));
    }

    static Dictionary<string, Graph.Generators.Binding.BoundModule> Bound(GeneratorDriver driver) => Harness.Catalog(driver.GetRunResult()).Modules.ToDictionary(m => m.Name);

    // What the analyzer asks for: every class, whether it is a module, and what is wrong with it.
    static void Analyze(Compilation compilation)
    {
        var analysis = new Analysis(compilation, "", new(KnownTargets.Default.ToEquatableArray(), []));
        foreach (var type in Types(compilation))
        {
            var model = analysis.Find(type, CancellationToken.None)!;
            Assert.Empty(analysis.OfModel(model.Name, CancellationToken.None));
        }
    }

    // Symbols are Roslyn's to make, whoever asks for them first.
    static IEnumerable<INamedTypeSymbol> Types(Compilation compilation) => [.. Enumerable.Range(0, Models).Select(i => compilation.GetTypeByMetadataName($"N{i}.Net")!)];

    static long Allocated(Action action)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
