using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.Text.Json;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Graph.Benchmarks;

static partial class CompileCommand
{
    const int EditorModels = 50;
    const int EditorProjects = 20;
    const int EditorFiles = 2000;

    /// <summary>A key press in a large project: milliseconds and bytes of the generator, and of what the analyzer asks for.</summary>
    static void Editor()
    {
        var projects = Enumerable.Range(0, EditorProjects).Select(i =>
        {
            var library = Compilation($"using Graph; namespace P{i}; [Module] public partial class Scale {{ public Tensor Forward(Tensor x) => x * {i + 2}f; }}", "P.cs").WithAssemblyName("P" + i);
            Driver().RunGeneratorsAndUpdateCompilation(library, out var generated, out _);
            return generated.ToMetadataReference();
        });
        var compilation = Compilation("class First { }", "First.cs").WithAssemblyName("Editor").AddReferences(projects)
            .AddSyntaxTrees(Enumerable.Range(0, EditorModels).Select(i => Parse(EditorModel(i), $"M{i}.cs")))
            .AddSyntaxTrees(Enumerable.Range(0, EditorFiles).Select(i => Parse($"namespace Many; public class File{i} {{ readonly int value = {i}; public int Value{i}(int x, File{i} other) => x + value + other.value; }}", $"F{i}.cs")));
        var driver = Driver().RunGenerators(compilation);
        Press("body", "F7.cs", (text, i) => text.Replace("x + value", $"x + {i} * value"));
        Press("declaration", "F8.cs", (text, i) => text.Replace("public int Value8", $"public int More{i}() => 1; public int Value8"));
        Press("newline", "M3.cs", (text, _) => "\n" + text);

        void Press(string edit, string path, Func<string, int, string> change)
        {
            var (generator, analyzer) = (new List<(double Ms, long Bytes)>(), new List<(double Ms, long Bytes)>());
            for (var i = 0; i < Edits; i++)
            {
                var tree = compilation.SyntaxTrees.First(t => t.FilePath == path);
                compilation = compilation.ReplaceSyntaxTree(tree, Parse(change(tree.ToString(), i), path));
                generator.Add(Measure(() => driver = driver.RunGenerators(compilation)));
                var all = compilation.AddSyntaxTrees(driver.GetRunResult().GeneratedTrees);
                // Symbols are Roslyn's to make, whoever asks for them first.
                var types = Enumerable.Range(0, EditorModels).Select(m => all.GetTypeByMetadataName($"N{m}.Net")!).ToArray();
                analyzer.Add(Measure(() => Analyze(all, types)));
            }
            var (g, a) = (generator.OrderBy(m => m.Ms).ElementAt(Edits / 2), analyzer.OrderBy(m => m.Ms).ElementAt(Edits / 2));
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                editor = edit, models = EditorModels, projects = EditorProjects, files = EditorFiles,
                generator_ms = Math.Round(g.Ms, 3), generator_bytes = g.Bytes, analyzer_ms = Math.Round(a.Ms, 3), analyzer_bytes = a.Bytes,
            }));
        }
    }

    static SyntaxTree Parse(string source, string path) => CSharpSyntaxTree.ParseText(source, parsing, path);

    static string EditorModel(int i) => $$"""
        using Graph;
        namespace N{{i}};
        [Module] public partial class Layer { readonly Parameter w = new([4], Init.Ones); readonly P{{i % EditorProjects}}.Scale scale = new(); public Tensor Forward(Tensor x) => scale.Forward(x * w); }
        [Model] public partial class Net { readonly Layer layer = new(); [Entry] public Tensor Predict([Shape(4)] Tensor x) => layer.Forward(x).Exp(); }
        """;

    static (double Ms, long Bytes) Measure(Action action)
    {
        var bytes = GC.GetAllocatedBytesForCurrentThread();
        var watch = Stopwatch.StartNew();
        action();
        return (watch.Elapsed.TotalMilliseconds, GC.GetAllocatedBytesForCurrentThread() - bytes);
    }

    // What the analyzer asks for each class; Roslyn's own work around it is not counted.
    static void Analyze(Compilation compilation, INamedTypeSymbol[] types)
    {
        var type = GeneratorHost.NewGenerator().GetType().Assembly.GetType("Graph.Generators.Caching.Analysis", throwOnError: true)!;
        var analysis = Activator.CreateInstance(type, compilation, "")!;
        var (find, problems) = (type.GetMethod("Find")!, type.GetMethod("OfModel")!);
        foreach (var symbol in types)
        {
            var module = find.Invoke(analysis, [symbol, CancellationToken.None])!;
            problems.Invoke(analysis, [module.GetType().GetProperty("Name")!.GetValue(module), CancellationToken.None]);
        }
    }
}
