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

    /// <summary>What no source of a user can show: a defect of the compiler, a library built by another version of it, a library built without it, a property of the project, a target that lacks kernels.</summary>
    static readonly string[] WithoutExample = ["GR0001", "GR0002", "GR0003", "GR2070", "GR2080", "GR2100"];

    public static TheoryData<string> IdsWithExamples => new(Descriptors.All.Select(d => d.Id).Except(WithoutExample));

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
        var listed = Regex.Matches(File.ReadAllText(Path.Combine(Repository.Root, "Generators", "AnalyzerReleases.Unshipped.md")), "^(GR[0-9]{4}) \\| ([^ ]+) \\| (Error|Warning|Info) \\| (.*)$", RegexOptions.Multiline)
            .Select(m => (m.Groups[1].Value, m.Groups[2].Value, m.Groups[3].Value, m.Groups[4].Value.Trim())).ToList();
        Assert.Equal(Descriptors.All.Select(d => (d.Id, d.Category, d.DefaultSeverity.ToString(), d.Title.ToString())), listed);
    }

    [Theory, MemberData(nameof(Ids))]
    public void Every_identity_has_a_page_and_is_in_the_list(string id)
    {
        Assert.StartsWith($"# {id}: {Descriptors.All.Single(d => d.Id == id).Title}\n", File.ReadAllText(PageOf(id)));
        Assert.EndsWith($"/docs/diagnostics/{id}.md", new Uri(Descriptors.All.Single(d => d.Id == id).HelpLinkUri, UriKind.Absolute).AbsolutePath);
        Assert.Contains($"({id}.md)", File.ReadAllText(Path.Combine(Folder, "README.md")));
    }

    [Theory, MemberData(nameof(IdsWithExamples))]
    public void The_wrong_example_has_the_error_and_the_right_one_none(string id)
    {
        var wrong = Diagnose(Example(id, "Wrong"));
        Assert.True(wrong.Any(d => d.Id == id), "reported instead: " + string.Join("; ", wrong));
        Assert.All(wrong, d => Assert.NotEqual(Location.None, d.Location));
        // A warning stops nothing.
        Assert.Equal(wrong.Any(d => d.Id == id && d.Severity == DiagnosticSeverity.Error), wrong.Any(d => d.Id == Harness.Stop));
        Assert.Empty(Diagnose(Example(id, "Right")));
    }

    [Fact]
    public void Only_what_cannot_be_shown_has_no_example() => Assert.All(WithoutExample, id => Assert.Empty(Example(id, "Wrong")));

    // Of two blocks, the first is a library that the second refers to.
    static IReadOnlyList<Diagnostic> Diagnose(string[] example)
    {
        Assert.InRange(example.Length, 1, 2);
        List<MetadataReference> references = [MetadataReference.CreateFromFile(typeof(Nn.Linear).Assembly.Location)];
        if (example.Length == 2)
        {
            var (library, _) = Harness.Generate(Harness.Compile("Library", [("Library.cs", Harness.Usings + example[0])]));
            references.Add(ModuleOutputTests.Reference(library, referenceOnly: false));
        }
        var compilation = Harness.Compile("Example", [("Example.cs", Harness.Usings + "using Graph.Nn;\n" + example[^1])], references);
        var (generated, _) = Harness.Generate(compilation);
        var errors = generated.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error);
        return [.. errors, .. Harness.Analyze(generated)];
    }

    /// <summary>The code under a heading of a page; empty without the heading.</summary>
    static string[] Example(string id, string heading)
    {
        var section = Regex.Match(File.ReadAllText(PageOf(id)), "^## " + heading + "\n(.*?)(?=^## |\\z)", RegexOptions.Singleline | RegexOptions.Multiline);
        return [.. Regex.Matches(section.Value, "```csharp\n(.*?)```", RegexOptions.Singleline).Select(m => m.Groups[1].Value)];
    }
}
