using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Graph.CodeFixes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Xunit;

namespace Graph.Tests.Generators;

/// <summary>What editors offer for our diagnostics: applied as long as something is offered, the source compiles and its models run.</summary>
public class CodeFixTests
{
    static readonly CodeFixProvider[] Providers = [new PartialFix(), new ShapeFix(), new DimFix(), new ModuleFix(), new ReadOnlyFix()];

    [Theory]
    [InlineData("Make M partial", "[Model] public class M { [Entry] public Tensor F([Shape(2)] Tensor x) => x; }")]
    [InlineData("Make M partial", "// A comment.\n[Model]\nclass M\n{\n    [Entry] public Tensor F([Shape(2)] Tensor x) => x;\n}")]
    [InlineData("Make A partial", "public static class A { [Model] public sealed partial class M { [Entry] public Tensor F([Shape(2)] Tensor x) => x; } }")]
    [InlineData("Add [Shape(\"B\")]|Add [Dim(\"B\", Max = 64)] to M", "[Model] public partial class M { [Entry] public Tensor F(Tensor x) => x; }")]
    [InlineData("Add [Shape(\"T\")]", "[Model, Dim(\"T\", Max = 8)] public partial class M { [Entry] public Tensor F(Tensor<int> x) => x; }")]
    [InlineData("Add [Dim(\"Q\", Max = 64)] to M|Add [Dim(\"R\", Max = 64)] to M", "[Model] public partial class M { const string Second = \"R\"; [Entry] public Tensor F([Shape(\"Q\", Second)] Tensor x) => x; }")]
    [InlineData("Mark Layer [Module]", "public class Layer { readonly Parameter w = new([2], Init.Ones); public Tensor F(Tensor x) => x * w; } [Model] public partial class M { readonly Layer layer = new(); [Entry] public Tensor F([Shape(2)] Tensor x) => layer.F(x); }")]
    [InlineData("Mark Layer [Module]", "internal class Layer { readonly Parameter w = new([2], Init.Ones); public Tensor F(Tensor x) => x * w; } [Model] public partial class M { readonly List<Layer> layers = [new(), new()]; [Entry] public Tensor F([Shape(2)] Tensor x) { foreach (var layer in layers) x = layer.F(x); return x; } }")]
    [InlineData("Make Size readonly", "[Model] public partial class M { static int Size = 2; [Entry] public Tensor F([Shape(2)] Tensor x) => x * Size; }")]
    [InlineData("Remove the setter of Size", "[Model] public partial class M { static int Size { get; set; } = 2; [Entry] public Tensor F([Shape(2)] Tensor x) => x * Size; }")]
    [InlineData("Make Size readonly", "static class Sizes { public static int Size = 2; } [Model] public partial class M { [Entry] public Tensor F([Shape(2)] Tensor x) => x * Sizes.Size; }")]
    public async Task Fixes_make_the_model_compile(string titles, string source)
    {
        using var workspace = new AdhocWorkspace();
        var project = workspace.AddProject(ProjectInfo.Create(
            ProjectId.CreateNewId(), VersionStamp.Default, "Test", "Test", LanguageNames.CSharp, parseOptions: Harness.Options, compilationOptions: Harness.Compile().Options, metadataReferences: Harness.References));
        var document = workspace.AddDocument(project.Id, "File0.cs", Microsoft.CodeAnalysis.Text.SourceText.From(Harness.Usings + source));
        var taken = new List<string>();
        while (await Offer(document) is { } action)
        {
            taken.Add(action.Title);
            Assert.True(taken.Count < 6, string.Join("\n", taken));
            var change = Assert.Single((await action.GetOperationsAsync(CancellationToken.None)).OfType<ApplyChangesOperation>());
            document = change.ChangedSolution.GetDocument(document.Id)!;
        }
        Assert.Equal(titles.Split('|'), taken);
        var (generated, _) = Harness.Generate((await document.Project.GetCompilationAsync())!);
        Assert.Empty(Harness.Analyze(generated));
        Assert.Equal(1, Running.All(generated));
        // What stood around the change is where it was.
        if (source.StartsWith("//", System.StringComparison.Ordinal)) Assert.Contains("// A comment.\n[Model]\npartial class M\n{", (await document.GetTextAsync()).ToString());
    }

    static async Task<CodeAction?> Offer(Document document)
    {
        var (generated, _) = Harness.Generate((await document.Project.GetCompilationAsync())!);
        var offered = new List<CodeAction>();
        foreach (var diagnostic in Harness.Analyze(generated))
            foreach (var provider in Providers.Where(p => p.FixableDiagnosticIds.Contains(diagnostic.Id)))
            {
                await provider.RegisterCodeFixesAsync(new CodeFixContext(document, diagnostic, (action, _) => offered.Add(action), CancellationToken.None));
                if (offered.Count > 0) return offered[0];
            }
        return null;
    }

    [Fact]
    public void The_assembly_of_fixes_holds_nothing_that_the_compiler_would_load() => Assert.DoesNotContain(
        typeof(Fix).Assembly.GetTypes(),
        t => typeof(Microsoft.CodeAnalysis.Diagnostics.DiagnosticAnalyzer).IsAssignableFrom(t) || typeof(IIncrementalGenerator).IsAssignableFrom(t) || typeof(ISourceGenerator).IsAssignableFrom(t));
}
