using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Generators;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Generators;

/// <summary>A file that gets other white space keeps what was bound of it, with its places moved; whatever the edits were, the result is that of a compilation that remembers nothing.</summary>
public class MovedFileTests
{
    const string Main = """
        #nullable enable
        using Graph; using Sizes;
        #pragma warning disable CS0219
        namespace N;
        /// <summary>A layer
        /// of two lines.</summary>
        [Module] public partial class Layer(int width)
        {
            // a word about it
            readonly Parameter weight = new([width, Numbers.Two * 2], Init.Ones, name: $"w{ width }" + @"a
        b".Length);
            public Tensor Forward(Tensor x) => x . MatMul ( weight ) ;
            #region some
            public int Line => Where.Am();
            #endregion
        }
        [Model] [Dim("B", Max = 8)]
        public partial class Net
        {
            readonly Layer layer = new(4); readonly Layer other = new(new Box(3).Width);

            /// <summary>What it says.</summary>
            [Entry] public Tensor Predict([Shape("B", 4)] Tensor x)
            {
                var (a, b) = (layer.Forward(x), 1 > 2 ? x : x.Exp());
                return a + b * Numbers.Two;
            }
            [Entry] public Tensor Wrong([Shape("B", 4)] Tensor x) => other.Forward(x) + x;
        }
        """;

    const string Sizes = """
        using System.Runtime.CompilerServices;
        namespace Sizes;
        public static class Numbers { public const int Two = 2; }
        public record Box(int Width) { public int Area => Width * Width; }
        public static class Where { public static int Am([CallerLineNumber] int line = 0) => line; }
        """;

    const string Part = """
        using Graph;
        namespace N;
        public partial class Net { readonly Parameter last = new([4], Init.Zeros);
            [Entry] public Tensor Third([Shape(4)] Tensor x) => last + x; }
        """;

    static readonly string[] paths = ["Main.cs", "Sizes.cs", "Part.cs"];
    static readonly string[] white = ["\n", " ", "\n\n", "\t", "\r\n", "    "];
    static readonly (string From, string To)[] real =
    [
        ("Two = 2", "Two = 3"), ("Two = 3", "Two = 2"), (".Exp()", ".Relu()"), (".Relu()", ".Exp()"), ("new Box(3)", "new Box(4)"), ("new Box(4)", "new Box(3)"), ("last + x", "last - x"), ("last - x", "last + x"),
        ("What it says", "What  it says"), ("a word", "another word"), ("(4)", "(Where.Am())"), ("(Where.Am())", "(4)"),
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Any_edits_come_to_what_a_fresh_compilation_gives(int seed)
    {
        var random = new Random(seed);
        var texts = new[] { Main, Sizes, Part };
        var history = new List<string[]> { texts };
        var compilation = Project(texts, $"Moved{seed}");
        GeneratorDriver driver = Harness.Driver();
        for (var i = 0; i < 25; i++)
        {
            var next = random.Next(8) == 0 ? history[random.Next(history.Count)] : Edit(texts, random);
            if (random.Next(4) == 0) next = Edit(next, random);
            for (var file = 0; file < paths.Length; file++)
                if (next[file] != texts[file])
                    compilation = compilation.ReplaceSyntaxTree(compilation.SyntaxTrees.Single(t => t.FilePath == paths[file]), Harness.Parse(next[file], paths[file]));
            history.Add(texts = next);
            driver = driver.RunGeneratorsAndUpdateCompilation(compilation, out var generated, out _);
            // Under another name, of the same length, nothing is remembered.
            var (fresh, _) = Harness.Generate(Project(texts, FormattableString.Invariant($"F{seed}{i:0000}")));
            Assert.Equal(Files(fresh), Files(generated));
            Assert.Equal(Reported(fresh), Reported(generated));
        }
    }

    [Theory]
    [InlineData("[Entry] public Tensor Predict", "\n\n[Entry] public Tensor Predict", 0, 0)]
    [InlineData("public static class Numbers", "\n public static class Numbers", 1, 0)]
    [InlineData("[Entry] public Tensor Third", "\n[Entry] public Tensor Third", 2, 0)]
    [InlineData("var (a, b)", "var (a,b)", 0, 0)]
    [InlineData(".Exp()", ".Exp( )", 0, 0)]
    // The layer's file holds a line that the caller's attribute puts into the definition once the layer asks for it.
    [InlineData("a word", "a  word", 0, 2)]
    [InlineData("\nb\"", "\n b\"", 0, 2)]
    [InlineData("{ width }", "{ width  }", 0, 2)]
    [InlineData("of two lines", "of two  lines", 0, 2)]
    [InlineData("CS0219", "CS0219 ", 0, 2)]
    public void White_space_between_tokens_binds_nothing(string from, string to, int file, int bound)
    {
        var texts = new[] { Main.Replace("Where.Am()", "3"), Sizes, Part };
        var compilation = Project(texts, "White" + from.GetHashCode(StringComparison.Ordinal));
        var driver = Harness.Driver().RunGenerators(compilation);
        Assert.Equal(2, Harness.Catalog(driver.GetRunResult()).Bound);
        Assert.Contains(from, texts[file]);
        driver = driver.RunGenerators(compilation.ReplaceSyntaxTree(compilation.SyntaxTrees[file], Harness.Parse(texts[file].Replace(from, to), paths[file])));
        Assert.Equal(bound, Harness.Catalog(driver.GetRunResult()).Bound);
    }

    [Fact]
    public void What_holds_a_line_is_bound_again()
    {
        var texts = new[] { Main, Sizes, Part };
        var compilation = Project(texts, "Lines");
        var driver = Harness.Driver().RunGenerators(compilation);
        driver = driver.RunGenerators(compilation.ReplaceSyntaxTree(compilation.SyntaxTrees[0], Harness.Parse("\n" + Main, paths[0])));
        Assert.Equal(1, Harness.Catalog(driver.GetRunResult()).Bound);
    }

    [Fact]
    public void Parts_of_a_class_in_another_order_are_bound_again()
    {
        var compilation = Project([Main, Sizes, Part], "Parts");
        var driver = Harness.Driver().RunGenerators(compilation);
        var part = compilation.SyntaxTrees[2];
        compilation = compilation.RemoveSyntaxTrees(part);
        compilation = compilation.RemoveAllSyntaxTrees().AddSyntaxTrees([part, .. compilation.SyntaxTrees]);
        driver = driver.RunGeneratorsAndUpdateCompilation(compilation, out var generated, out _);
        var (fresh, _) = Harness.Generate(Harness.Compile("Ordered", [(paths[2], Part), (paths[0], Main), (paths[1], Sizes)]));
        Assert.Equal(Files(fresh), Files(generated));
    }

    static Microsoft.CodeAnalysis.CSharp.CSharpCompilation Project(string[] texts, string name) => Harness.Compile(name, [.. paths.Zip(texts)]);

    // White space comes and goes anywhere, in strings, comments and directives too.
    static string[] Edit(string[] texts, Random random)
    {
        var file = random.Next(texts.Length);
        var text = texts[file];
        var at = random.Next(text.Length);
        var (from, to) = real[random.Next(real.Length)];
        text = random.Next(5) switch
        {
            0 => text.Replace(from, to),
            1 when text.AsSpan(at).IndexOfAny(" \n\r\t") is >= 0 and var offset => text.Remove(at + offset, 1),
            2 when text.AsSpan(at).IndexOfAny(" \n\r\t") is >= 0 and var offset => text.Insert(at + offset, white[random.Next(white.Length)]),
            3 => text.Insert(at, white[random.Next(white.Length)]),
            _ => white[random.Next(white.Length)] + text,
        };
        return [.. texts.Select((t, i) => i == file ? text : t)];
    }

    static string Files(Compilation generated) => string.Join("\n", generated.SyntaxTrees.Where(t => t.FilePath.EndsWith(".g.cs", StringComparison.Ordinal))
        .Select(t => t.FilePath + "\n" + t.ToString()[t.ToString().IndexOf('\n')..].Replace($"[{generated.AssemblyName}]", "[it]", StringComparison.Ordinal)));

    static string Reported(Compilation generated) => string.Join("\n", Harness.Analyze(generated, new ModuleAnalyzer()).Select(d => d.ToString()).Order(StringComparer.Ordinal));
}
