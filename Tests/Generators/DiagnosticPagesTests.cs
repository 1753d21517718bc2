using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Graph.Compiler.Modules.Elaboration;
using Graph.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Generators;

/// <summary>Every error that anything can raise has a descriptor, a line in the release notes and a page, and the page's examples are true.</summary>
public class DiagnosticPagesTests
{
    static readonly string Folder = Path.Combine(Repository.Root, "docs", "diagnostics");

    public static TheoryData<string> Ids => new(Descriptors.All.Select(d => d.Id));

    public static TheoryData<string> IdsWithExamples => new(Descriptors.All.Select(d => d.Id).Where(id => File.Exists(PageOf(id)) && Example(id, "Wrong") is not null));

    static string PageOf(string id) => Path.Combine(Folder, id + ".md");

    [Fact]
    public void Every_identity_has_one_descriptor()
    {
        Assert.Equal(Descriptors.All.Select(d => d.Id).Distinct(), Descriptors.All.Select(d => d.Id));
        foreach (var (id, _) in DiagnosticIds.All.Concat(Operations.Diagnostics.All)) Assert.Contains(Descriptors.All, d => d.Id == id);
    }

    [Fact]
    public void No_source_raises_an_identity_without_a_descriptor()
    {
        var known = Descriptors.All.Select(d => d.Id).ToHashSet();
        foreach (var folder in new[] { "Compiler", "Ops", "Generators" })
            foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories).Where(f => !f.Contains("/obj/") && !f.Contains("/bin/")))
                foreach (Match match in Regex.Matches(File.ReadAllText(file), "\"(GR[0-9]{4})\""))
                    Assert.True(known.Contains(match.Groups[1].Value), match.Value + " in " + file);
    }

    [Fact]
    public void The_release_notes_list_every_identity()
    {
        var listed = Regex.Matches(File.ReadAllText(Path.Combine(Repository.Root, "Generators", "AnalyzerReleases.Unshipped.md")), "^(GR[0-9]{4}) \\| ([^ ]+) \\| Error \\| (.*)$", RegexOptions.Multiline)
            .Select(m => (m.Groups[1].Value, m.Groups[2].Value, m.Groups[3].Value.Trim())).ToList();
        Assert.Equal(Descriptors.All.Select(d => (d.Id, d.Category, d.Title.ToString())), listed);
    }

    [Theory, MemberData(nameof(Ids))]
    public void Every_identity_has_a_page_and_is_in_the_list(string id)
    {
        Assert.StartsWith($"# {id}: {Descriptors.All.Single(d => d.Id == id).Title}\n", File.ReadAllText(PageOf(id)));
        Assert.Contains($"({id}.md)", File.ReadAllText(Path.Combine(Folder, "README.md")));
    }

    [Theory, MemberData(nameof(IdsWithExamples))]
    public void The_wrong_example_has_the_error_and_the_right_one_none(string id)
    {
        var wrong = Diagnose(Example(id, "Wrong")!);
        Assert.True(wrong.Any(d => d.Id == id), "reported instead: " + string.Join("; ", wrong));
        Assert.All(wrong, d => Assert.NotEqual(Location.None, d.Location));
        Assert.Empty(Diagnose(Example(id, "Right")!));
    }

    static IReadOnlyList<Diagnostic> Diagnose(string example)
    {
        var library = MetadataReference.CreateFromFile(typeof(Nn.Linear).Assembly.Location);
        var compilation = Harness.Compile("Example", [("Example.cs", Harness.Usings + "using Graph.Nn;\n" + example)], [library]);
        var errors = compilation.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error);
        return [.. errors, .. Harness.Analyze(compilation)];
    }

    static string? Example(string id, string heading)
    {
        var match = Regex.Match(File.ReadAllText(PageOf(id)), "## " + heading + "\n\n```csharp\n(.*?)```", RegexOptions.Singleline);
        return match.Success ? match.Groups[1].Value : null;
    }
}
