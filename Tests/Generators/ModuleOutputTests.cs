using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace Graph.Tests.Generators;

/// <summary>What every module gets: a definition that other assemblies read, and a walk over its parameters.</summary>
public class ModuleOutputTests
{
    [Fact]
    public void Generated_code_compiles_without_errors_or_warnings()
    {
        var (generated, _) = Harness.Generate(Harness.Compile(Harness.Usings + Samples.Classifier));
        Assert.Empty(generated.GetDiagnostics().Where(d => d.Severity >= DiagnosticSeverity.Warning && d.Location.SourceTree?.FilePath.EndsWith(".g.cs") == true));
        Assert.Empty(generated.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error));
    }

    [Fact]
    public void The_walk_shows_parameters_of_bases_first_with_paths_and_names()
    {
        const string Source = """
            namespace Walk;
            [Module] public partial class Layer { readonly Parameter _weight = new([1], Init.Zeros); readonly Parameter offset = new([1], Init.Zeros, name: "bias"); public Parameter Scale { get; } = new([1], Init.Ones); }
            [Module] public partial class Root { readonly State mean = new([1], Init.Zeros); readonly Layer[] blocks = [new(), new()]; readonly List<Layer?> more = [null]; }
            public partial class Outer { [Module] public sealed partial class @class : Root { readonly Layer head = new(); readonly Parameter? none = null; readonly int size = 1; readonly string name = "x"; } }
            """;
        var (generated, _) = Harness.Generate(Harness.Compile(Harness.Usings + Source));
        var assembly = Load(generated);
        var module = (IModule)System.Activator.CreateInstance(assembly.GetType("Walk.Outer+class")!)!;
        var visitor = new Recorder();
        module.Visit(visitor, "");
        Assert.Equal(
            ["mean", "blocks.0:", "blocks.0.weight", "blocks.0.bias", "blocks.0.Scale", "blocks.1:", "blocks.1.weight", "blocks.1.bias", "blocks.1.Scale", "head:", "head.weight", "head.bias", "head.Scale"],
            visitor.Paths);
    }

    [Theory]
    [InlineData("readonly (Layer a, Layer b) pair = (new(), new());", "pair.a.weight", "pair.b.weight")]
    [InlineData("readonly (Layer, Parameter) _pair = (new(), new([1], Init.Zeros));", "pair.Item1.weight", "pair.Item2")]
    [InlineData("readonly List<(Layer, Layer? last)> list = [(new(), null), (new(), new())];", "list.0.Item1.weight", "list.1.Item1.weight", "list.1.last.weight")]
    [InlineData("readonly (Layer[] many, (Parameter w, int n) inner)? both = ([new()], (new([1], Init.Zeros), 3)); public (int, Layer) Last { get; } = (1, new());",
        "both.many.0.weight", "both.inner.w", "Last.Item2.weight")]
    [InlineData("readonly Residual residual = new(new Layer());", "residual.inner.weight")]
    [InlineData("readonly Both residual = new((new(), new()), new([1], Init.Ones));", "residual.path.a.weight", "residual.path.b.weight", "residual.visitor")]
    [InlineData("readonly Kept kept = new(new Layer());", "kept.layer.weight")]
    public void The_walk_and_the_compiler_give_parameters_the_same_paths(string fields, params string[] paths)
    {
        var source = $$"""
            public interface ILayer { Tensor Forward(Tensor x); }
            [Module] public partial class Layer : ILayer { readonly Parameter weight = new([1], Init.Zeros); public Tensor Forward(Tensor x) => x * weight; }
            [Module] public partial class Residual(ILayer inner) : ILayer { public Tensor Forward(Tensor x) => x + inner.Forward(x); }
            [Module] public partial class Both((Layer a, Layer b) path, Parameter visitor) { public Tensor Forward(Tensor x) => path.a.Forward(path.b.Forward(x)) + visitor; }
            [Module] public partial class Kept(Layer inner) { readonly Layer layer = inner; public Tensor Forward(Tensor x) => layer.Forward(x); }
            [Model] public partial class M { {{fields}} [Entry] public Tensor Predict([Shape(2)] Tensor x) => x; }
            """;
        var visitor = new Recorder();
        ((IModule)System.Activator.CreateInstance(Load(Harness.Generate(Harness.Compile(Harness.Usings + source)).Compilation).GetType("M")!)!).Visit(visitor, "");
        var elaborated = Elaboration.Elaborate.Model(source).Program.States.Select(s => s.Path);
        Assert.Equal(paths, elaborated);
        Assert.Equal(paths, visitor.Paths.Where(p => !p.EndsWith(':')));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Definitions_cross_assemblies_even_through_reference_assemblies(bool referenceOnly)
    {
        var (library, _) = Harness.Generate(Harness.Compile("Library", [("L.cs", Harness.Usings + Samples.Classifier.Replace("partial class Classifier()", "partial class Ready()"))]));
        var user = Harness.Compile(
            "User",
            [("U.cs", Harness.Usings + "using Sample; [Model, Dim(\"B\", Max = 8)] public partial class Mine() : Net(width: 16) { [Entry] public Tensor Predict([Shape(\"B\", 64)] Tensor x) => Forward(x); }")],
            [Reference(library, referenceOnly)]);
        var (generated, result) = Harness.Generate(user);
        Assert.Empty(generated.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error));
        var model = Harness.Definitions(generated)["Mine"];
        Assert.Equal("[Library]Sample.Net", model.Base!.Module);
        var target = (Graph.Generators.Caching.ModelTarget)result.Results.Single().TrackedSteps[Graph.Generators.TrackingNames.Model].Single().Outputs.Single().Value;
        Assert.Equal(["[Library]Sample.Linear", "[Library]Sample.Net"], target.Input!.Modules.Select(m => m.Name));
    }

    [Fact]
    public void Files_are_named_without_folders_of_the_machine()
    {
        var (generated, _) = Harness.Generate(Harness.Compile("Test", [("/home/someone/project/Layers/M.cs", Harness.Usings + "[Module] public partial class M { }")]));
        Assert.DoesNotContain("someone", generated.SyntaxTrees.Last().ToString());
        Assert.Equal("[Test]M\tM.cs\t1\n", generated.Assembly.GetAttributes().Single(a => a.AttributeClass?.Name == "ModuleDefinitionAttribute").NamedArguments.Single(n => n.Key == "Places").Value.Value);
    }

    internal static MetadataReference Reference(Compilation compilation, bool referenceOnly)
    {
        var stream = new MemoryStream();
        var result = compilation.Emit(stream, options: referenceOnly ? new(metadataOnly: true, includePrivateMembers: false) : null);
        Assert.True(result.Success, string.Join("\n", result.Diagnostics));
        return MetadataReference.CreateFromImage(stream.ToArray());
    }

    static Assembly Load(Compilation compilation)
    {
        var stream = new MemoryStream();
        var result = compilation.Emit(stream);
        Assert.True(result.Success, string.Join("\n", result.Diagnostics));
        return Assembly.Load(stream.ToArray());
    }

    sealed class Recorder : IModuleVisitor
    {
        public List<string> Paths { get; } = [];

        public void Visit(string path, Parameter parameter) => Paths.Add(path);

        public void Visit(string path, State state) => Paths.Add(path);

        public bool Enter(string path, IModule module)
        {
            Paths.Add(path + ":");
            return true;
        }
    }
}
