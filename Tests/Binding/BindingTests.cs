using System;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Graph.Compiler.Modules;
using Graph.Compiler.Modules.Text;
using Graph.Tests.Generators;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Binding;

/// <summary>What every construct of the language becomes. The snapshots show each line of C# above its bound form, without places.</summary>
public class BindingTests
{
    const string Around = """
        public enum Kind { Small, Large = 5 }
        public record Sizes(int Width, int Height = 2) { public int Area => Width * Height; public int Depth { get; init; } = 1; }
        public interface ILayer { Tensor Forward(Tensor x); }
        public static class Helpers { public static readonly int[] Steps = [1, 2]; public static int Half(int n) => n / 2; public static Tensor Twice(this Tensor x) => x + x; }
        [Module] public partial class Layer(int width) : ILayer { public int Width => width; public Tensor Forward(Tensor x) => x * width; public virtual Tensor Same(Tensor x) => x; }
        """;

    [Fact]
    public Task Expressions() => VerifyAll(nameof(Expressions),
        "1 + a", "-a", "~a", "!b", "a / 2.0", "checked(a + 1)", "a << 2", "a >>> 1", "(byte)a", "(long)a * 2", "a == 1 && b || a > 3", "a is 1 ? 2 : 3", "s + 1", "s == \"x\"",
        "$\"{a:000} of {s}\"", "nameof(a)", "default(int)", "(a, s)", "(a, s).Item1", "named.first", "maybe ?? 1", "maybe.HasValue ? maybe.Value : 0", "s?.Length", "(int?)a", "Kind.Large", "(int)kind",
        "kind == Kind.Small", "null as string", "o is Sizes", "this.number", "captured + number", "Helpers.Steps", "Math.PI", "int.MaxValue", "string.Empty");

    [Fact]
    public Task Creation() => VerifyAll(nameof(Creation),
        "new int[3]", "new[] { 1, 2 }", "new List<int> { 1, 2 }", "new List<int>(array)", "(int[])[1, ..array, 2]", "new Sizes(3)", "new Sizes(3) { Depth = 4 }", "sizes with { Width = 1, Depth = 2 }",
        "new Layer(captured)", "(Func<int, int>)(n => n + a)", "(Func<Tensor, Tensor>)layer.Forward", "Init.KaimingUniform(gain: 2)", "Init.Zeros", "new Parameter([2, 3], Init.Ones)", "new State([2], Init.Zeros, \"mean\")");

    [Fact]
    public Task Calls() => VerifyAll(nameof(Calls),
        "x + 1", "2 * x", "-x", "x.Relu()", "x.MatMul(x.T)", "x.Softmax(axis: 1)", "x.Reshape(2, -1)", "x.Sum(0, keep: true)", "Tensor.Concat([x, x], 1)", "Tensor.Where(x > 0, x, -x)", "x.Shape[0]", "x.Rank",
        "Mode.Training", "layer.Forward(x)", "layer.Width", "layer.Same(x)", "any.Forward(x)", "sizes.Area", "sizes.Width", "Helpers.Half(n: a)", "x.Twice()", "Own(a)", "Own(b: 3, a: 4)", "Property", "Math.Max(a, 2)", "MathF.Sqrt(2)",
        "array.Length", "array[^1]", "array[1..]", "list.Count", "list[0]", "array.Select(n => n * 2).Sum()", "Enumerable.Range(0, a).ToArray()", "array.Zip(list)", "string.Join(\",\", array)", "function(a)");

    [Fact]
    public Task Patterns() => VerifyAll(nameof(Patterns),
        "a is 1 or 2", "a is > 1 and < 5", "a is not 3", "o is Sizes { Width: > 1, Depth: var d } && d > 0", "o is Sizes(1, _)", "o is Sizes z && z.Width > 1", "s is null", "s is { Length: 2 }", "array is [1, .., var last] && last > 0",
        "(a, s) is (1, \"x\")", "a switch { 1 => \"one\", > 5 when b => \"many\", _ => \"some\" }", "kind switch { Kind.Small => 1, Kind.Large => 2, _ => throw new ArgumentException(\"kind\") }", "(a, b) switch { (0, true) => 1, var (p, q) => p }");

    [Fact]
    public Task Statements() => VerifyAll(nameof(Statements),
        "var i = 1;", "int i = 1, j = i;", "a = 2;", "a += 2;", "var y = (byte)1; y += 1;", "x *= 2;", "s += a;", "a++;", "var z = --a;", "(a, b) = (1, true);", "var (p, q) = (a, s);", "(array[0], _) = (1, 2);", "maybe ??= 3;", "list.Add(1);",
        "array[0] = 1;", "if (b) a = 1; else a = 2;", "for (int i = 0, j = 1; i < 3; i++, j--) a += j;", "for (;;) break;", "foreach (var n in array) a += n;", "foreach (var (n, m) in array.Zip(list)) a += m;", "while (a > 0) a--;", "do a--; while (a > 0);",
        "switch (a) { case 1: case 2: a = 0; break; case > 5 when b: return; default: a = 1; break; }", "for (var i = 0; i < 3; i++) { if (i == 1) continue; }", "int Twice(int n) => n * 2; a = Twice(3);", "throw new ArgumentException($\"bad {a}\");",
        "{ var i = 1; } { var i = 2; }", "running.Assign(x);", ";", "_ = a;");

    [Fact]
    public Task Modules() => Verify(Strip(Harness.Define("""
        namespace Sample;
        [Module] public abstract partial class Base(int width)
        {
            protected readonly Parameter weight = new([width, width], Init.XavierNormal());
            public abstract Tensor Forward(Tensor x);
            public virtual Tensor Twice(Tensor x) => Forward(Forward(x));
        }
        public record Settings(int Width = 8) { public int Double => Width * 2; }
        [Module] public partial class Plain : Base
        {
            readonly List<Base> layers = new();
            public Base First { get; }
            const int Count = 3;
            static readonly int[] Sizes = [1, 2, Count];
            public Plain(Settings settings) : base(settings.Double)
            {
                for (var i = 0; i < Count; i++) layers.Add(new Leaf(settings.Width));
                First = layers[0];
            }
            public Plain(int width = 4) : this(new Settings(width)) { }
            public override Tensor Forward(Tensor x)
            {
                foreach (var layer in layers) x = layer.Forward(x);
                return base.Twice(x) * Sizes.Length;
            }
        }
        [Module] public sealed partial class Leaf(int width) : Base(width * 2) { public override Tensor Forward(Tensor x) => x.MatMul(weight) + width; }
        """, "Sample.Plain").ToText()));

    [Fact]
    public Task Models() => Verify(Strip(Harness.Define(Samples.Classifier, "Sample.Classifier").ToText()));

    [Fact]
    public void Places_are_those_of_names_and_expressions()
    {
        var (generated, result) = Harness.Generate(Harness.Compile(Harness.Usings + "[Module] public partial class M\n{\n    public Tensor Forward(Tensor x) => x.Relu().MatMul(x.T) + x;\n}"));
        var module = Harness.Definitions(generated)["M"];
        var first = Harness.Usings.Count(c => c == '\n') + 1;
        (int Line, int Column, int Length) Place(Location location)
        {
            var found = Harness.Catalog(result).Find(location, generated)!;
            var start = found.GetLineSpan().StartLinePosition;
            return (start.Line + 1, start.Character + 1, found.SourceSpan.Length);
        }
        Assert.Equal((first, 31, 1), Place(module.Location));
        var method = module.Method("Forward(Tensor)")!;
        Assert.Equal((first + 2, 19, 7), Place(method.Location));
        var add = (OperationExpression)((ReturnStatement)method.Body!.Statements[0]).Value!;
        Assert.Equal((first + 2, 40, 24), Place(add.Location));
        var product = (OperationExpression)add.Operands[0];
        Assert.Equal((first + 2, 49, 11), Place(product.Location));
        Assert.Equal((first + 2, 42, 6), Place(product.Operands[0].Location));
        Assert.Equal((first + 2, 58, 1), Place(product.Operands[1].Location));
    }

    static Task VerifyAll(string test, params string[] lines)
    {
        var source = new StringBuilder(Around);
        source.Append("[Module] public partial class M(int captured) { int number = 1; public int Property => number * 2; static int Own(int a, int b = 7) => a + b;\n");
        for (var i = 0; i < lines.Length; i++)
        {
            var statement = lines[i].EndsWith(';') || lines[i].EndsWith('}') && !lines[i].Contains(" switch {") && !lines[i].StartsWith("new") && !lines[i].Contains("with {") && !lines[i].Contains(" is ");
            var body = statement ? lines[i] : $"var result = {lines[i]};";
            source.Append($"void T{i}(Tensor x, int a, bool b, string? s, object o, int? maybe, Kind kind, Sizes sizes, int[] array, List<int> list, Layer layer, ILayer any, (int first, int) named, State running, Func<int, int> function) {{ {body} }}\n");
        }
        source.Append('}');
        var module = Harness.Define(source.ToString());
        var text = new StringBuilder();
        for (var i = 0; i < lines.Length; i++)
        {
            var method = module.Methods.Single(m => m.Name == "T" + i);
            text.Append(lines[i]).Append('\n');
            foreach (var statement in method.Body!.Statements) text.Append("    ").Append(Flat(statement)).Append('\n');
        }
        return Verify(text.ToString(), member: test);
    }

    /// <summary>One statement as text on one line, without places.</summary>
    static string Flat(Statement statement)
    {
        var none = Location.None;
        var module = new ModuleDef("T", ModuleKind.Module, null, [], [], [], [new("F", "F()", false, Dispatch.Direct, MethodRole.None, null, [], TypeRef.Void, new([statement], none), none)], [], [], [], [], [], none);
        var text = Regex.Replace(Strip(module.ToText()), "\\s+", " ");
        var start = text.IndexOf("(do ", StringComparison.Ordinal) + 4;
        return text[start..text.LastIndexOf("))", StringComparison.Ordinal)].Trim();
    }

    static string Strip(string text) => Regex.Replace(text, " @[0-9/:+]*(?=[ )\n])", "");
}
