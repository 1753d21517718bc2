using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Graph.Benchmarks;

/// <summary>
/// <c>compile [MODEL]…</c>: what compiling a yardstick model costs. A fresh compiler process gives <c>total_s</c> and the generator's part of it, <c>generator_s</c>
/// (<c>csc_s</c> is the rest); a second run in this process the bytes that the generator allocates and the lines that it emits; and a project of
/// 100 modules with the model in it the milliseconds of the generator after an edit that concerns none of them. <c>compile editor</c>: what a key press costs in a
/// project of 50 models that refers to 20 others and has 2,000 files beside. <c>compile depth</c>: what 48 layers cost beside 12.
/// <c>compile targets</c>: what the kernels for cards cost: seconds of a fresh compiler and its generator, and bytes of the assembly, with them and without.
/// </summary>
static partial class CompileCommand
{
    const int Modules = 100;
    const int Edits = 9;

    static readonly (string Model, string File, string Class)[] models =
    [
        ("mlp", "Mlp.cs", "Mlp"),
        ("cnn", "Cnn.cs", "Cnn"),
        ("nanogpt", "Gpt.cs", "NanoGpt"),
        ("resnet18", "ResNet18.cs", "ResNet18"),
        ("gpt2", "Gpt.cs", "Gpt2"),
    ];

    static readonly CSharpParseOptions parsing = new(LanguageVersion.Preview);

    public static int Run(string[] args)
    {
        foreach (var name in args)
            if (name is not ("editor" or "depth" or "targets") && !models.Any(m => m.Model == name))
            {
                Console.Error.WriteLine($"compile: {name} is none of {string.Join(", ", models.Select(m => m.Model))}, editor, depth, targets");
                return 2;
            }
        foreach (var (model, file, name) in models.Where(m => args.Length == 0 || args.Contains(m.Model)))
        {
            var source = Source(Path.Combine(GeneratorHost.Root, "Tests", "Yardsticks", file), name);
            var (total, generator, _) = RunCompiler(source);
            var compilation = Compilation(source, file);
            var (bytes, lines) = Generate(compilation);
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                model,
                total_s = Math.Round(total, 3),
                generator_s = Math.Round(generator, 3),
                csc_s = Math.Round(total - generator, 3),
                generator_alloc_bytes = bytes,
                lines,
                modules = Modules,
                edit_ms = Math.Round(Edit(compilation), 3),
                newline_ms = Math.Round(Newline(compilation, file), 3),
            }));
        }
        if (args.Length == 0 || args.Contains("editor")) Editor();
        if (args.Length == 0 || args.Contains("depth")) Depth();
        if (args.Length == 0 || args.Contains("targets")) Targets();
        return 0;
    }

    static void Targets()
    {
        foreach (var (model, file, name) in models)
        {
            var source = Source(Path.Combine(GeneratorHost.Root, "Tests", "Yardsticks", file), name);
            foreach (var targets in (string[])["cpu", "cpu,ptx"])
            {
                // The second of two: the first may read what compiles from disk.
                RunCompiler(source, targets);
                var (total, generator, bytes) = RunCompiler(source, targets);
                Console.WriteLine(JsonSerializer.Serialize(new { model, targets, total_s = Math.Round(total, 3), generator_s = Math.Round(generator, 3), assembly_bytes = bytes }));
            }
        }
    }

    // A file with its modules and one of its models: the others would be compiled along.
    static string Source(string path, string model)
    {
        var root = CSharpSyntaxTree.ParseText(File.ReadAllText(path), parsing).GetRoot();
        var others = root.DescendantNodes().OfType<ClassDeclarationSyntax>().Where(c => c.Identifier.Text != model
            && c.AttributeLists.SelectMany(list => list.Attributes).Any(attribute => attribute.Name.ToString() == "Model"));
        return root.RemoveNodes(others, SyntaxRemoveOptions.KeepNoTrivia)!.ToFullString();
    }

    // The SDK's own compiler, as a build starts it when no server runs.
    static (double Total, double Generator, long Bytes) RunCompiler(string source, string targets = "cpu")
    {
        var dotnet = Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        var compiler = Directory.GetDirectories(Path.Combine(dotnet, "sdk")).OrderDescending(StringComparer.Ordinal)
            .Select(sdk => Path.Combine(sdk, "Roslyn", "bincore", "csc.dll")).First(File.Exists);
        var folder = Directory.CreateTempSubdirectory("graph-compile-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "Model.cs"), source);
            File.WriteAllText(Path.Combine(folder, "build.globalconfig"), $"is_global = true\nbuild_property.GraphTargetNames = {targets}\n");
            var analyzers = Directory.GetFiles(GeneratorHost.Built, "Graph.*.dll");
            File.WriteAllLines(Path.Combine(folder, "model.rsp"),
            [
                "/nologo", "/nostdlib+", "/target:library", "/optimize+", "/unsafe+", "/nullable:enable", "/langversion:preview", "/deterministic+", "/reportanalyzer",
                $"/out:{Path.Combine(folder, "Model.dll")}",
                .. GeneratorHost.References.Select(path => $"/reference:\"{path}\""),
                .. analyzers.Select(path => $"/analyzer:\"{path}\""),
                $"/analyzerconfig:\"{Path.Combine(folder, "build.globalconfig")}\"",
                $"\"{Path.Combine(folder, "Model.cs")}\"",
            ]);
            var start = new ProcessStartInfo(Path.Combine(dotnet, OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet")) { RedirectStandardOutput = true };
            start.ArgumentList.Add("exec");
            start.ArgumentList.Add(compiler);
            start.ArgumentList.Add("/noconfig");
            start.ArgumentList.Add($"@{Path.Combine(folder, "model.rsp")}");
            var watch = Stopwatch.StartNew();
            using var process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            var total = watch.Elapsed.TotalSeconds;
            if (process.ExitCode != 0)
                throw new InvalidOperationException($"The compiler failed:\n{output}");
            var report = GeneratorSeconds().Match(output);
            return report.Success
                ? (total, double.Parse(report.Groups[1].ValueSpan, CultureInfo.InvariantCulture), new FileInfo(Path.Combine(folder, "Model.dll")).Length)
                : throw new InvalidOperationException($"The compiler did not report the generator's time:\n{output}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [GeneratedRegex(@"Total generator execution time:\s*<?\s*([0-9.]+)\s*seconds")]
    private static partial Regex GeneratorSeconds();

    static CSharpCompilation Compilation(string source, string file) => CSharpCompilation.Create(
        "Model",
        [CSharpSyntaxTree.ParseText(source, parsing, file)],
        GeneratorHost.References.Select(path => MetadataReference.CreateFromFile(path)),
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));

    static GeneratorDriver Driver() => CSharpGeneratorDriver.Create([GeneratorHost.NewGenerator().AsSourceGenerator()], parseOptions: parsing);

    static (long Bytes, int Lines) Generate(CSharpCompilation compilation)
    {
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var result = Driver().RunGenerators(compilation).GetRunResult();
        var bytes = GC.GetTotalAllocatedBytes(precise: true) - before;
        foreach (var generator in result.Results)
            if (generator.Exception is { } exception)
                throw new InvalidOperationException("The generator threw.", exception);
        return (bytes, result.GeneratedTrees.Sum(tree => tree.GetText().Lines.Count));
    }

    // The median over some edits of a class that has nothing to do with any module.
    static double Edit(CSharpCompilation model)
    {
        var extra = Enumerable.Range(1, Modules - 1).Select(i => CSharpSyntaxTree.ParseText(
            $$"""
            using Graph;
            using Graph.Nn;

            namespace Extra;

            [Module]
            public sealed partial class Extra{{i}}(int width)
            {
                readonly Linear first = new(width, {{i}} * width);
                readonly Linear second = new({{i}} * width, width);

                public Tensor Forward(Tensor x) => second.Forward(first.Forward(x).Relu()) + x;
            }
            """, parsing, $"Extra{i}.cs"));
        var plain = Plain(0);
        var compilation = model.AddSyntaxTrees(extra).AddSyntaxTrees(plain);
        var driver = Driver().RunGenerators(compilation);
        var times = new List<double>();
        for (var i = 1; i <= Edits; i++)
        {
            var next = Plain(i);
            compilation = compilation.ReplaceSyntaxTree(plain, next);
            plain = next;
            var watch = Stopwatch.StartNew();
            driver = driver.RunGenerators(compilation);
            times.Add(watch.Elapsed.TotalMilliseconds);
        }
        return times.Order().ElementAt(Edits / 2);
    }

    // The median over some newlines above the model itself.
    static double Newline(CSharpCompilation compilation, string file)
    {
        var driver = Driver().RunGenerators(compilation);
        var times = new List<double>();
        for (var i = 0; i < Edits; i++)
        {
            var tree = compilation.SyntaxTrees[0];
            compilation = compilation.ReplaceSyntaxTree(tree, CSharpSyntaxTree.ParseText("\n" + tree, parsing, file));
            var watch = Stopwatch.StartNew();
            driver = driver.RunGenerators(compilation);
            times.Add(watch.Elapsed.TotalMilliseconds);
        }
        return times.Order().ElementAt(Edits / 2);
    }

    static SyntaxTree Plain(int i) => CSharpSyntaxTree.ParseText($"namespace Extra; public static class Plain {{ public static int Value() => {i}; }}", parsing, "Plain.cs");
}
