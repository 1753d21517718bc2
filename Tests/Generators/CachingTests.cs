using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Graph.Compiler.Modules;
using Graph.Generators;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace Graph.Tests.Generators;

/// <summary>What an edit costs: nothing that it did not change is done again.</summary>
public class CachingTests
{
    static readonly string[] Steps = [TrackingNames.BoundModules, TrackingNames.Module, TrackingNames.Model, TrackingNames.EmittedModel];

    [Fact]
    public void A_second_run_on_the_same_sources_does_nothing()
    {
        var compilation = Harness.Compile(Harness.Usings + Samples.Classifier);
        var driver = Harness.Driver().RunGenerators(compilation);
        var result = driver.RunGenerators(compilation.Clone()).GetRunResult().Results.Single();
        foreach (var step in Steps)
            Assert.All(result.TrackedSteps[step].SelectMany(s => s.Outputs), o => Assert.True(o.Reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged, step + ": " + o.Reason));
        Assert.All(result.TrackedOutputSteps.SelectMany(s => s.Value).SelectMany(s => s.Outputs), o => Assert.Equal(IncrementalStepRunReason.Cached, o.Reason));
    }

    [Fact]
    public void An_edit_in_another_file_changes_no_step()
    {
        var compilation = Harness.Compile(Harness.Usings + Samples.Classifier, "class Unrelated { int a = 1; }");
        var driver = Harness.Driver().RunGenerators(compilation);
        var edited = compilation.ReplaceSyntaxTree(compilation.SyntaxTrees.Last(), Harness.Parse("class Unrelated { int a = 1; int B() => a; }", "File1.cs"));
        var result = driver.RunGenerators(edited).GetRunResult().Results.Single();
        Assert.All(result.TrackedOutputSteps.SelectMany(s => s.Value).SelectMany(s => s.Outputs), o => Assert.Equal(IncrementalStepRunReason.Cached, o.Reason));
    }

    [Fact]
    public void An_edit_of_one_module_changes_only_its_outputs()
    {
        var a = Harness.Usings + "[Module] public partial class A { public Tensor F(Tensor x) => x; }";
        var b = Harness.Usings + "[Module] public partial class B { readonly A a = new(); public Tensor F(Tensor x) => a.F(x); }";
        var compilation = Harness.Compile(a, b);
        var driver = Harness.Driver().RunGenerators(compilation);
        var edited = compilation.ReplaceSyntaxTree(compilation.SyntaxTrees.First(), Harness.Parse(a.Replace("=> x", "=> x + x"), "File0.cs"));
        var steps = driver.RunGenerators(edited).GetRunResult().Results.Single().TrackedSteps[TrackingNames.Module];
        var reasons = steps.SelectMany(s => s.Outputs).ToDictionary(o => Name(o.Value), o => o.Reason);
        Assert.Equal(IncrementalStepRunReason.Modified, reasons["[Test]A"]);
        Assert.Contains(reasons["[Test]B"], new[] { IncrementalStepRunReason.Cached, IncrementalStepRunReason.Unchanged });
    }

    [Theory]
    [InlineData("public const int Two = 2;", "public const int Two = 3;")]
    [InlineData("public const int Two = 2;", "public const long Two = 2;")]
    [InlineData("public static int Half(int x) => x / 2;", "public static int Half(int x) => x >> 1;")]
    [InlineData("public static int Half(int x) => x / 2;", "public static int Half(int x, int y = 1) => x / 2;")]
    [InlineData("public static int Half(int x) => x / 2;", "public static int Half(long x) => 7;")]
    [InlineData("public readonly record struct Size(int Width);", "public readonly record struct Size(int Width, int Height = 3);")]
    [InlineData("public enum Kind { A, B }", "public enum Kind { B, A }")]
    public void An_edit_that_a_module_depends_on_reaches_it(string before, string after)
    {
        const string Template = "namespace Other; public static class Numbers { public const int Two = 2; public static int Half(int x) => x / 2; }\n// a comment\n public readonly record struct Size(int Width); public enum Kind { A, B }";
        const string User = Harness.Usings + "using Other; [Module] public partial class M(Kind kind = Kind.B) { readonly int a = Numbers.Two + Numbers.Half(4) + new Size(3).Width; }";
        var compilation = Harness.Compile(User, Template);
        var (first, _) = Harness.Generate(compilation);
        var edited = compilation.ReplaceSyntaxTree(compilation.SyntaxTrees.Last(), Harness.Parse(Template.Replace(before, after), "File1.cs"));
        var memoised = Harness.Definitions(Harness.Generate(edited).Compilation)["M"];
        // A compilation made from new trees has nothing to remember.
        var fresh = Harness.Definitions(Harness.Generate(Harness.Compile(User, Template.Replace(before, after))).Compilation)["M"];
        Assert.Equal(fresh, memoised);
        Assert.NotEqual(Harness.Definitions(first)["M"], memoised);
    }

    [Fact]
    public void Random_edits_of_declarations_never_leave_a_stale_definition()
    {
        var random = new Random(3);
        string Other() => $"namespace Other; public static class E{random.Next(3)} {{ public static int Half(this {(random.Next(2) == 0 ? "int" : "long")} x, int y = {random.Next(3)}) => {random.Next(5)}; }} "
            + $"public {(random.Next(2) == 0 ? "record" : "class")} Box{random.Next(2)} {{ public int Value {(random.Next(2) == 0 ? "=> 1;" : "{ get; } = 1;")} public static implicit operator {(random.Next(2) == 0 ? "int" : "long")}(Box{random.Next(2)} b) => 1; }}";
        const string User = Harness.Usings + "using Other; [Module] public partial class M { readonly long a = 4.Half(); readonly long b = new Box0().Value; }";
        var compilation = Harness.Compile(User, Other());
        GeneratorDriver driver = Harness.Driver();
        for (var i = 0; i < 60; i++)
        {
            var source = Other();
            compilation = compilation.ReplaceSyntaxTree(compilation.SyntaxTrees.Last(), Harness.Parse(source, "File1.cs"));
            driver = driver.RunGeneratorsAndUpdateCompilation(compilation, out var updated, out _);
            var fresh = Harness.Generate(Harness.Compile(User, source)).Compilation;
            Assert.Equal(Text(fresh), Text(updated));
        }

        static string Text(Compilation compilation) => string.Join("\n", compilation.SyntaxTrees.Skip(2).Select(t => t.ToString()));
    }

    [Theory]
    [InlineData("[Graph.Module] public partial class M { }")]
    [InlineData("namespace N { public partial class Outer { [Graph.Module] public partial class M { } } }")]
    [InlineData("[Graph.Module]partial class M")]
    public void A_file_with_nothing_but_a_class_is_read(string source)
    {
        var found = Harness.Catalog(Harness.Driver().RunGenerators(Harness.Compile(source)).GetRunResult());
        Assert.Equal("M", DefinitionName.Short(Assert.Single(found.Modules).Name));
    }

    [Fact]
    public void No_symbol_or_syntax_is_reachable_from_a_cached_value()
    {
        var result = Harness.Driver().RunGenerators(Harness.Compile(Harness.Usings + Samples.Classifier)).GetRunResult().Results.Single();
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        foreach (var step in Steps.Append(TrackingNames.PublishedModules))
            foreach (var value in result.TrackedSteps[step].SelectMany(s => s.Outputs).Select(o => o.Value)) Walk(value, step, seen);
        Assert.True(seen.Count > 100);
    }

    static void Walk(object? value, string path, HashSet<object> seen)
    {
        if (value is null or string || value.GetType().IsPrimitive || value.GetType().IsEnum || !seen.Add(value)) return;
        Assert.False(value is ISymbol or SyntaxNode or SyntaxTree or Compilation or SemanticModel or IOperation or Microsoft.CodeAnalysis.Location, path + " holds " + value.GetType());
        if (value is IEnumerable items && value is not string)
            foreach (var item in items) Walk(item, path + "[]", seen);
        for (var type = value.GetType(); type is not null && type != typeof(object); type = type.BaseType)
            foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                if (!field.FieldType.IsPrimitive && !field.FieldType.IsPointer) Walk(field.GetValue(value), path + "." + field.Name, seen);
    }

    static string Name(object value) => (string)value.GetType().GetProperty("Name")!.GetValue(value)!;
}
