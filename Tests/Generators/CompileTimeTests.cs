using System;
using System.Linq;
using Graph.Generators;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Generators;

/// <summary>Random code that runs while a model is compiled: it ends, in little memory; what it computes is what C# computes; and where nothing is reported there are kernels.</summary>
public class CompileTimeTests
{
    const long MostBytes = 1L << 30;

    // What stands for "it throws in C#, takes too long, grows too large or is no part of the language".
    static readonly string[] refusals = ["GR1003", "GR1002", "GR1006", "GR1016", "GR1022", "GR1023", "GR1024", "GR1031", "GR1050", "GR2021"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Programs_written_by_chance_end_and_compute_what_csharp_does(int seed)
    {
        for (var i = 0; i < 8; i++)
        {
            var source = Harness.Usings + CompileTimePrograms.Write(new Random(seed * 100 + i));
            var before = GC.GetTotalAllocatedBytes();
            var (generated, _) = Harness.Generate(Harness.Compile(source));
            Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, MostBytes);
            var reported = Harness.Analyze(generated).Where(d => d.Severity == DiagnosticSeverity.Error).ToList();
            Assert.All(reported, d => Assert.True(refusals.Contains(d.Id), d + "\n" + source));
            var errors = generated.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error && d.Id != Harness.Stop).ToList();
            if (reported.Count + errors.Count > 0) continue;
            Assert.True(CompileTimeRun.Compare(generated) is null, CompileTimeRun.Compare(generated) + "\n" + source);
        }
    }
}
