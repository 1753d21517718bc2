using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Threading;
using Graph.Compiler.Modules;
using Graph.Compiler.Modules.Text;
using Graph.Generators;
using Graph.Generators.Caching;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace Graph.Tests.Generators;

/// <summary>Compilations in memory, with the generator and analyzers over them.</summary>
static class Harness
{
    public const string Usings = Samples.Usings;

    /// <summary>The framework, Graph.Ops and Graph.Runtime, but none of the test's other assemblies.</summary>
    public static readonly ImmutableArray<MetadataReference> References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is var name && (name.StartsWith("System.", StringComparison.Ordinal) || name is "netstandard.dll" or "mscorlib.dll"))
            .Append(typeof(Tensor).Assembly.Location).Append(typeof(ModuleDef).Assembly.Location).Append(typeof(IModel).Assembly.Location)
            .Select(path => (MetadataReference)MetadataReference.CreateFromFile(path)),
    ];

    public static readonly CSharpParseOptions Options = new(LanguageVersion.Preview);

    public static CSharpCompilation Compile(params string[] sources) => Compile("Test", sources.Select((source, i) => ($"File{i}.cs", source)).ToArray());

    public static CSharpCompilation Compile(string assembly, (string Path, string Source)[] sources, IEnumerable<MetadataReference>? more = null) => CSharpCompilation.Create(
        assembly,
        sources.Select(s => Parse(s.Source, s.Path)),
        References.Concat(more ?? []),
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, allowUnsafe: true));

    public static SyntaxTree Parse(string source, string path = "File0.cs") => CSharpSyntaxTree.ParseText(SourceText.From(source), Options, path);

    public static GeneratorDriver Driver() => CSharpGeneratorDriver.Create(
        [new ModelGenerator().AsSourceGenerator()], parseOptions: Options, driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

    /// <summary>The compilation with its generated files; fails when the generator threw.</summary>
    public static (Compilation Compilation, GeneratorDriverRunResult Result) Generate(Compilation compilation)
    {
        var driver = Driver().RunGeneratorsAndUpdateCompilation(compilation, out var updated, out var diagnostics);
        var result = driver.GetRunResult();
        if (result.Results.Any(r => r.Exception is not null)) throw new InvalidOperationException("The generator threw.", result.Results.First(r => r.Exception is not null).Exception);
        if (!diagnostics.IsEmpty) throw new InvalidOperationException(diagnostics[0].ToString());
        return (updated, result);
    }

    /// <summary>The definitions that the generated attributes publish, by the full names of their classes.</summary>
    public static Dictionary<string, ModuleDef> Definitions(Compilation generated) => generated.Assembly.GetAttributes()
        .Where(a => a.AttributeClass?.Name == "ModuleDefinitionAttribute")
        .ToDictionary(a => (string)a.ConstructorArguments[1].Value!, a => ModuleText.Parse((string)a.ConstructorArguments[2].Value!));

    /// <summary>The modules that a run bound, with their spans.</summary>
    public static Catalog Catalog(GeneratorDriverRunResult result) => (Catalog)result.Results.Single().TrackedSteps[TrackingNames.Catalog].Single().Outputs.Single().Value;

    /// <summary>The definition of the module <paramref name="name"/> in <paramref name="source"/>, which has to compile without errors of C# or ours.</summary>
    public static ModuleDef Define(string source, string name = "M")
    {
        var (generated, _) = Generate(Compile(Usings + source));
        var errors = generated.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error).Concat(Analyze(generated)).ToList();
        if (errors.Count > 0) throw new InvalidOperationException(string.Join("\n", errors));
        return Definitions(generated)[name];
    }

    /// <summary>What the analyzers report, C#'s own diagnostics not among it.</summary>
    public static ImmutableArray<Diagnostic> Analyze(Compilation compilation, params DiagnosticAnalyzer[] analyzers) =>
        [.. compilation.WithAnalyzers(analyzers.Length == 0 ? [new ModuleAnalyzer()] : [.. analyzers]).GetAnalyzerDiagnosticsAsync(CancellationToken.None).Result.OrderBy(d => d.Location.SourceSpan.Start)];

    /// <summary>The error that generated source itself holds for whatever could not be compiled.</summary>
    public const string Stop = "CS1029";

    /// <summary>Our diagnostics on <paramref name="source"/>.</summary>
    public static ImmutableArray<Diagnostic> Diagnose(string source) => Analyze(Generate(Compile(Usings + source)).Compilation);
}
