using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Threading;
using Graph.Tests.Generators;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Graph.Benchmarks.Fuzz;

/// <summary>
/// C# sources of models, changed token by token and compiled in memory. The generator never throws and never blames itself (GR0001); what it writes does not depend on what it compiled before; where nothing
/// reports an error there are kernels for every model; and a share of those models runs.
/// </summary>
sealed class SourcesTarget : IFuzzTarget
{
    const long MostBytes = 4L << 30;
    const int RunOneOf = 2, CompareOneOf = 8;

    static readonly CSharpParseOptions parsing = new(LanguageVersion.Preview);
    static readonly ImmutableArray<MetadataReference> references = [.. GeneratorHost.References.Select(path => MetadataReference.CreateFromFile(path))];

    readonly string[] seeds;
    GeneratorDriver driver = Fresh();

    public SourcesTarget()
    {
        var folder = Path.Combine(GeneratorHost.Root, "Tests", "Yardsticks");
        seeds =
        [
            Samples.Usings + Samples.Classifier, Samples.Usings + Samples.Dense,
            .. Directory.GetFiles(Path.Combine(folder, "Small"), "*.cs").Concat(Directory.GetFiles(Path.Combine(folder, "Architectures"), "*.cs")).Order(StringComparer.Ordinal).Select(File.ReadAllText),
        ];
    }

    public TimeSpan MostTime => TimeSpan.FromMinutes(2);

    static GeneratorDriver Fresh() => CSharpGeneratorDriver.Create([GeneratorHost.NewGenerator().AsSourceGenerator()], parseOptions: parsing);

    public string Try(Random random)
    {
        var source = SourceMutations.Mutate(seeds[random.Next(seeds.Length)], seeds[random.Next(seeds.Length)], parsing, random);
        try
        {
            return Try(source, random);
        }
        catch (FuzzFailure failure)
        {
            throw new FuzzFailure($"{failure.Message}\n--- source ---\n{source}");
        }
    }

    string Try(string source, Random random)
    {
        var compilation = CSharpCompilation.Create(
            "Fuzzed", [CSharpSyntaxTree.ParseText(source, parsing, "Fuzzed.cs")], references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));
        var before = GC.GetTotalAllocatedBytes();
        driver = driver.RunGeneratorsAndUpdateCompilation(compilation, out var updated, out var complaints);
        var result = driver.GetRunResult();
        if (result.Results.FirstOrDefault(r => r.Exception is not null) is { Exception: { } exception }) throw new FuzzFailure("the generator threw " + exception);
        if (!complaints.IsEmpty) throw new FuzzFailure("the driver said " + complaints[0]);
        if (random.Next(CompareOneOf) == 0) CompareWithFresh(compilation, result);

        var found = updated.WithAnalyzers([GeneratorHost.NewAnalyzer()]).GetAnalyzerDiagnosticsAsync(CancellationToken.None).Result;
        if (GC.GetTotalAllocatedBytes() - before is > MostBytes and var bytes) throw new FuzzFailure($"{bytes} bytes were allocated");
        if (found.FirstOrDefault(d => d.Id is "GR0001" or "AD0001") is { } defect) throw new FuzzFailure(defect.ToString());
        var errors = found.Concat(updated.GetDiagnostics()).Where(d => d.Severity == DiagnosticSeverity.Error).ToList();
        if (errors.FirstOrDefault(d => d.GetMessage().Contains("GR0001", StringComparison.Ordinal)) is { } blamed) throw new FuzzFailure(blamed.ToString());
        if (errors.Count > 0)
        {
            CheckErrors(updated, errors);
            return errors.FirstOrDefault(d => d.Id.StartsWith("GR", StringComparison.Ordinal)) is { } ours ? $"refused: {ours.Id}" : "refused by C#";
        }

        var models = Classes(compilation, "Model").Count;
        var kernels = result.GeneratedTrees.SelectMany(tree => tree.GetRoot().DescendantNodes().OfType<ClassDeclarationSyntax>()).Count(c => c.Identifier.Text.EndsWith("_Kernels", StringComparison.Ordinal));
        if (kernels < models) throw new FuzzFailure($"nothing reports an error, but there are kernels for {kernels} of {models} models");
        if (models == 0) return "compiles, without a model";
        return random.Next(RunOneOf) == 0 ? ModelRun.Of(updated) : "compiles";
    }

    static HashSet<string> Classes(Compilation compilation, string attribute) => [.. compilation.SyntaxTrees.SelectMany(tree => tree.GetRoot().DescendantNodes().OfType<ClassDeclarationSyntax>())
        .Where(c => c.AttributeLists.SelectMany(list => list.Attributes).Any(a => a.Name.ToString() == attribute)).Select(c => c.Identifier.Text)];

    // An error in generated code that the user's code does not explain is the generator's: it wrote what does not compile.
    static void CheckErrors(Compilation updated, List<Diagnostic> errors)
    {
        if (errors.Any(d => d.Id.StartsWith("GR", StringComparison.Ordinal) || d.Location.GetMappedLineSpan().Path == "Fuzzed.cs" || d.Location == Location.None)) return;
        throw new FuzzFailure("only generated code has errors: " + errors[0]);
    }

    static void CompareWithFresh(Compilation compilation, GeneratorDriverRunResult warm)
    {
        var fresh = Fresh().RunGenerators(compilation).GetRunResult();
        var (a, b) = (Texts(warm), Texts(fresh));
        if (!a.SequenceEqual(b)) throw new FuzzFailure($"what is generated depends on what was compiled before: {a.Except(b).Concat(b.Except(a)).First().Name}");

        static (string Name, string Text)[] Texts(GeneratorDriverRunResult result) =>
            [.. result.Results.SelectMany(r => r.GeneratedSources).Select(s => (s.HintName, s.SourceText.ToString())).OrderBy(s => s.HintName, StringComparer.Ordinal)];
    }

    public void Dispose()
    {
    }
}
