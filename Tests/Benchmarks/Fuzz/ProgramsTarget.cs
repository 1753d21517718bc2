using System;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Tests.Generators;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Graph.Benchmarks.Fuzz;

/// <summary>
/// Models whose numbers are made by random code while they are compiled. The generator ends within a bound of time and memory, never throws and never blames itself (GR0001); where nothing reports an error
/// there are kernels, and what they hold is what C# computes.
/// </summary>
sealed class ProgramsTarget : IFuzzTarget
{
    const long MostBytes = 2L << 30;

    static readonly CSharpParseOptions parsing = new(LanguageVersion.Preview);
    static readonly ImmutableArray<MetadataReference> references = [.. GeneratorHost.References.Select(path => MetadataReference.CreateFromFile(path))];

    GeneratorDriver driver = CSharpGeneratorDriver.Create([GeneratorHost.NewGenerator().AsSourceGenerator()], parseOptions: parsing);

    public TimeSpan MostTime => TimeSpan.FromSeconds(30);

    public string Try(Random random)
    {
        var source = Samples.Usings + CompileTimePrograms.Write(random);
        try
        {
            return Try(source);
        }
        catch (FuzzFailure failure)
        {
            throw new FuzzFailure($"{failure.Message}\n--- source ---\n{source}");
        }
    }

    string Try(string source)
    {
        var compilation = CSharpCompilation.Create(
            "Programs", [CSharpSyntaxTree.ParseText(source, parsing, "Program.cs")], references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));
        var before = GC.GetTotalAllocatedBytes();
        driver = driver.RunGeneratorsAndUpdateCompilation(compilation, out var updated, out var complaints);
        if (GC.GetTotalAllocatedBytes() - before is > MostBytes and var bytes) throw new FuzzFailure($"{bytes} bytes were allocated");
        if (driver.GetRunResult().Results.FirstOrDefault(r => r.Exception is not null) is { Exception: { } exception }) throw new FuzzFailure("the generator threw " + exception);
        if (!complaints.IsEmpty) throw new FuzzFailure("the driver said " + complaints[0]);
        var found = updated.WithAnalyzers([GeneratorHost.NewAnalyzer()]).GetAnalyzerDiagnosticsAsync(CancellationToken.None).Result;
        if (found.FirstOrDefault(d => d.Id is "GR0001" or "AD0001") is { } defect) throw new FuzzFailure(defect.ToString());
        var errors = found.Concat(updated.GetDiagnostics()).Where(d => d.Severity == DiagnosticSeverity.Error).ToList();
        if (errors.FirstOrDefault(d => d.GetMessage().Contains("GR0001", StringComparison.Ordinal)) is { } blamed) throw new FuzzFailure(blamed.ToString());
        if (errors.Count > 0) return errors.FirstOrDefault(d => d.Id.StartsWith("GR", StringComparison.Ordinal)) is { } ours ? $"refused: {ours.Id}" : "refused by C#: " + errors[0].Id;
        return CompileTimeRun.Compare(updated) is { } wrong ? throw new FuzzFailure(wrong) : "computes what C# does";
    }

    public void Dispose()
    {
    }
}
