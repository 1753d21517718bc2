using System.Linq;
using Graph.Generators;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace Graph.Tests.Generators;

/// <summary>Hyper-parameters raise no warnings in modules, and still do elsewhere.</summary>
public class SuppressorTests
{
    const string Source = Harness.Usings + """
        {0} public partial class Base(int width)
        {
            protected int Width => width;
        }
        {0} public partial class M(int width, int unread) : Base(width)
        {
            readonly int copy = width;
            public int Twice() => 2 * width;
        }
        """;

    [Theory]
    [InlineData("CS9113")]
    [InlineData("CS9107")]
    [InlineData("CS9124")]
    public void Warnings_about_hyper_parameters_are_suppressed_in_modules_only(string id)
    {
        Assert.DoesNotContain(Unsuppressed("[Module]"), d => d.Id == id);
        Assert.Contains(Unsuppressed(""), d => d.Id == id);
    }

    static Diagnostic[] Unsuppressed(string mark)
    {
        var compilation = Harness.Compile(Source.Replace("{0}", mark));
        var options = compilation.Options.WithGeneralDiagnosticOption(ReportDiagnostic.Error);
        return [.. compilation.WithOptions(options).WithAnalyzers([new ModuleSuppressor()]).GetAllDiagnosticsAsync().Result.Where(d => !d.IsSuppressed && d.Id.StartsWith("CS"))];
    }
}
