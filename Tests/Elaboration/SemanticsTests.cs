using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text;
using Graph.Compiler.Modules.Elaboration;
using Graph.Nn;
using Graph.Tests.Generators;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Elaboration;

/// <summary>What is evaluated while building gives what C# gives: each body is run by both, and the texts that they return are compared.</summary>
public class SemanticsTests
{
    const string Declarations = """

        public enum Color { Red, Green = 5, Blue }
        [Flags] public enum Parts { None = 0, A = 1, B = 2, C = 4 }
        public record Size(int Width, int Height = 3) { public int Area => Width * Height; public string Name { get; init; } = "size"; }
        public record Named(int Width, string Label) : Size(Width, 7);
        public record struct Point(double X, double Y) { public double Norm() => Math.Sqrt(X * X + Y * Y); }
        [Module] public static partial class Helpers
        {
            public static readonly int[] Table = [3, 1, 2];
            public static int Twice(int x, int times = 2) => x * times;
            public static int Fibonacci(int n) => n < 2 ? n : Fibonacci(n - 1) + Fibonacci(n - 2);
            public static string Show(params int[] xs) => string.Join(",", xs);
        }
        """;

    static readonly string[] Bodies =
    [
        "int a = 7, b = -2; return $\"{a / b} {a % b} {a >> 1} {b >>> 28} {a ^ b} {~a} {-a} {+b}\";",
        "int big = int.MaxValue; uint u = 3000000000; ulong l = 18000000000000000000; return $\"{unchecked(big + 1)} {u + u} {l >> 3} {(int)u} {(long)l} {(byte)(u / 3.5f) < 256}\";",
        "int big = int.MaxValue; long wide = big; wide += big; big = unchecked(big * big); return $\"{wide} {big} {wide * wide} {(short)wide} {(char)66}\";",
        "float f = 1f / 3; double d = 1.0 / 3; return $\"{f} {d} {f + d} {(float)d == f} {f * 3 == 1f} {d % 0.1} {-0.0} {1 / 0.0} {(int)2.9} {(int)-2.9}\";",
        "int? n = null; int? m = 3; return $\"{n + m} {n > m} {n == null} {m == 3} {n ?? 4} {m * 2} {n.HasValue} {m.Value} {n.GetValueOrDefault(9)}\";",
        "bool? t = true, u = null; return $\"{t & u} {t | u} {u ^ t} {false & true} {!t}\";",
        "int i = 0; int j = i++ + ++i; i += j; i -= 1; i *= 3; i <<= 2; i |= 1; i %= 10; byte b = 250; b += 10; return $\"{i} {j} {b} {b--} {--b}\";",
        "var s = \"ab\"; s += 'c'; s += 1; s = s + null + 2.5 + true; return s + s.Length + s[1] + s[^1] + s[1..3] + s.Substring(2) + s.ToUpperInvariant().Replace(\"A\", \"x\");",
        "return $\"{1234.5678:0.00} {0.5:P0} {255:X4} {3:000} {1e20} {1e-7f} {double.NaN} {long.MinValue}\";",
        "var c = Color.Green; return $\"{c} {(int)c} {(Color)6} {c == Color.Green} {c + 1} {Color.Blue - Color.Red} {(Parts.A | Parts.C).HasFlag(Parts.C)}\";",
        "var a = new int[3]; a[1] = 5; a[^1] = 7; var b = a; b[0] = 1; int[] c = [..a, 9, ..b[1..]]; return string.Join(\" \", c) + a.Length + c.Length;",
        "var l = new List<int> { 1, 2 }; l.Add(3); l.Insert(0, 9); l.RemoveAt(1); l.AddRange([5, 4]); l.Reverse(); l.Sort(); return $\"{string.Join(\",\", l)} {l.Count} {l[^1]} {l.Contains(9)} {l.IndexOf(5)}\";",
        "int sum = 0; for (int i = 0, k = 10; i < k; i++, k--) { if (i == 2) continue; if (i == 4) break; sum += i * k; } return sum.ToString();",
        "int n = 27, steps = 0; while (n != 1) { n = n % 2 == 0 ? n / 2 : 3 * n + 1; steps++; } do steps++; while (steps < 100); return $\"{steps}\";",
        "var text = \"\"; foreach (var (x, i) in new[] { 4, 5 }.Select((x, i) => (x, i))) foreach (var ch in \"ab\") text += $\"{x}{i}{ch} \"; return text;",
        "var fs = new List<Func<int>>(); for (int i = 0; i < 3; i++) fs.Add(() => i); foreach (var x in new[] { 7, 8 }) fs.Add(() => x); return string.Join(\",\", fs.Select(f => f()));",
        "int total = 0; void Add(int x) { total += x; if (x > 0) Add(x - 1); } Add(4); int Power(int b, int e) => e == 0 ? 1 : b * Power(b, e - 1); return $\"{total} {Power(3, 4)}\";",
        "var (a, b) = (1, 2); (a, b) = (b, a); var t = (x: a, y: (b, \"s\")); var (p, (q, r)) = t; (int, int) u = (1, 2); return $\"{a}{b}{t.x}{t.y.Item2}{p}{q}{r} {u} {t}\";",
        "var s = new Size(4); var w = s with { Height = 5, Name = \"n\" }; var (x, y) = w; return $\"{s.Area} {w.Area} {w.Name} {s == new Size(4, 3)} {s == w} {x}{y} {new Named(2, \"l\") is { Area: 14, Label: \"l\" }}\";",
        "var p = new Point(3, 4); var q = p with { X = 0 }; return $\"{p.Norm()} {q.Norm()} {p == new Point(3, 4)}\";",
        "object o = 5; var text = o switch { string s => s, int n when n > 6 => \"big\", int n and > 3 => \"mid\" + n, null => \"null\", _ => \"other\" }; return text + (o is int k && k == 5 ? k : 0) + (o is not string);",
        "int[] a = [1, 2, 3, 4]; return a switch { [1, .., var z] when z > 4 => \"x\", [_, var y, .. var rest] => $\"{y} {rest.Length} {rest[0]}\", _ => \"none\" };",
        "string F(int? x) { switch (x) { case null: return \"n\"; case < 0: case > 100: return \"out\"; case 5 or 6: return \"five\"; default: break; } return \"d\"; } return F(null) + F(-1) + F(101) + F(6) + F(50);",
        "Size? none = null; Size? some = new Size(2); none ??= some; return $\"{none?.Area} {some?.Name.Length} {((Size?)null)?.Width ?? -1}\";",
        "return $\"{Helpers.Twice(5)} {Helpers.Twice(times: 3, x: 4)} {Helpers.Fibonacci(12)} {Helpers.Show()} {Helpers.Show(1, 2)} {Helpers.Table[1]} {string.Join(\"\", Helpers.Table.OrderBy(x => x))}\";",
        "var xs = Enumerable.Range(1, 6); return $\"{xs.Sum()} {xs.Where(x => x % 2 == 0).Count()} {xs.Aggregate((a, b) => a * b)} {xs.Max()} {xs.Skip(2).Take(2).Last()} {xs.Any(x => x > 5)} {xs.All(x => x > 1)} {xs.Average()} {xs.Average(x => x * 0.5f) is float} {string.Join(\",\", xs.Reverse().Zip(xs, (a, b) => a - b))}\";",
        "var xs = new[] { \"b\", \"a\", \"c\" }; return string.Join(\",\", xs.OrderByDescending(x => x)) + string.Concat(xs.SelectMany(x => x + \"!\")) + xs.Contains(\"a\") + xs.First() + xs.FirstOrDefault(x => x == \"z\") + string.Join(\"|\", xs.Chunk(2).Select(c => c.Length)) + string.Join(\"\", xs.Distinct().ToList());",
        "return $\"{Math.Sqrt(2)} {Math.Pow(2, 10)} {Math.Max(3, 4L)} {Math.Min(1.5f, 2)} {Math.Abs(-3)} {Math.Floor(-1.5)} {Math.Ceiling(1.2)} {Math.Round(2.5)} {Math.Clamp(7, 0, 5)} {Math.Sign(-2.0)} {Math.Log(8, 2)} {MathF.Sqrt(2)} {Math.DivRem(7, 3)} {Math.Truncate(-1.7)} {Math.PI}\";",
        "Func<int, Func<int, int>> add = a => b => a + b; var add2 = add(2); Func<int, int> twice = x => add2(add2(x)); Func<int, int, int> helper = Helpers.Twice; return $\"{twice(1)} {helper(3, 3)}\";",
        "const int K = 3; var x = K > 2 && K < 4 || false; return $\"{x} {!x} {x ^ true} {(x ? \"y\" : \"n\")} {default(int)} {default(string) is null} {nameof(K)} {sizeof(int)}\";",
        "char c = 'a'; c++; int n = c - 'a'; return $\"{c} {n} {(char)(c + 1)} {c < 'z'} {char.IsLetter(c)} {(int)c}\";",
        "Index end = ^2; Range range = 1..^1; int[] a = [0, 1, 2, 3, 4]; return $\"{a[end]} {string.Join(\"\", a[range])} {a[..2].Length} {\"hello\"[1..^1]}\";",
        "var nested = new List<List<int>> { new() { 1 }, new() { 2, 3 } }; nested[1][0] *= 10; nested[0].Add(nested[1].Count); return string.Join(\";\", nested.Select(l => string.Join(\",\", l)));",
    ];

    static readonly Lazy<(string[] Elaborated, string[] Run)> Results = new(() => (Elaborated(Bodies), Run(Bodies)));

    public static TheoryData<int> Indices => new(Enumerable.Range(0, Bodies.Length));

    [Theory, MemberData(nameof(Indices))]
    public void Bodies_return_what_they_return_in_C(int body) => Assert.True(Results.Value.Run[body] == Results.Value.Elaborated[body], $"""
        {Bodies[body]}
        C#:         {Results.Value.Run[body]}
        elaborated: {Results.Value.Elaborated[body]}
        """);

    static string Program(string[] bodies) => $$"""
        {{Declarations}}
        [Module] public static partial class Body
        {
        {{string.Join("\n", bodies.Select((body, i) => $"public static string Run{i}() {{ {body} }}"))}}
        }
        [Model] public partial class M
        {
        {{string.Join("\n", bodies.Select((_, i) => $"[Entry] public Tensor Predict{i}([Shape(1)] Tensor x) => throw new ArgumentException(Body.Run{i}());"))}}
        }
        """;

    /// <summary>What elaboration makes of bodies: the texts that the entries' exceptions carry.</summary>
    static string[] Elaborated(params string[] bodies) =>
        [.. Elaborate.Source(Program(bodies)).Diagnostics.Select(d => d.Id == DiagnosticIds.Thrown ? d.Message : d.ToString())];

    /// <summary>What C# makes of them.</summary>
    static string[] Run(params string[] bodies)
    {
        var compilation = Harness.Compile("Run" + Guid.NewGuid().ToString("N"), [("Model.cs", Harness.Usings + Program(bodies))], [MetadataReference.CreateFromFile(typeof(Linear).Assembly.Location)]);
        // Without the generator: the entries only throw, and no such model builds.
        using var stream = new MemoryStream();
        var emitted = compilation.Emit(stream);
        Assert.True(emitted.Success, string.Join("\n", emitted.Diagnostics));
        var type = Assembly.Load(stream.ToArray()).GetType("Body")!;
        return [.. bodies.Select((_, i) => (string)type.GetMethod($"Run{i}")!.Invoke(null, null)!)];
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_arithmetic_has_the_widths_and_roundings_of_C(int seed)
    {
        var random = new Random(seed);
        var body = new StringBuilder();
        body.Append("int i = -1234567; uint u = 4000000000; long l = -98765432109; ulong g = 17000000000000000000; float f = 0.1f; double d = -1234.5678; short s = -31000; byte b = 200; var text = \"\";\n");
        string[] types = ["int", "uint", "long", "ulong", "float", "double"];
        for (var k = 0; k < 120; k++) body.Append(CultureInfo.InvariantCulture, $"text += unchecked({Expression(random, types[random.Next(types.Length)], 3)}) + \" \";\n");
        body.Append("return text;");
        Assert.Equal(Run(body.ToString())[0].Split(' '), Elaborated(body.ToString())[0].Split(' '));
    }

    // An expression of a type over the variables, without division by zero and without conversions of what does not fit from reals, which C# leaves open.
    static string Expression(Random random, string type, int depth)
    {
        var variable = type switch { "int" => random.Next(3) switch { 0 => "s", 1 => "b", _ => "i" }, "uint" => "u", "long" => "l", "ulong" => "g", "float" => "f", _ => "d" };
        if (depth == 0) return $"({type}){variable}";
        var isReal = type is "float" or "double";
        string Sub() => Expression(random, type, depth - 1);
        switch (random.Next(isReal ? 5 : 9))
        {
            case 0: return $"({Sub()} + {Sub()})";
            case 1: return $"({Sub()} - {Sub()})";
            case 2: return $"({Sub()} * {Sub()})";
            case 3 when isReal: return $"({Sub()} / {Sub()})";
            case 3: return $"({Sub()} / ({Sub()} | 1))";
            case 4 when isReal:
                return $"({type})({Expression(random, random.Next(2) == 0 ? "int" : "ulong", depth - 1)})";
            case 4:
                string[] integers = ["int", "uint", "long", "ulong"];
                return $"({type})({Expression(random, integers[random.Next(4)], depth - 1)})";
            case 5: return $"({Sub()} ^ {Sub()})";
            case 6: return $"({Sub()} >> {random.Next(70)})";
            case 7: return $"({Sub()} << {random.Next(70)})";
            default: return $"({Sub()} > {Sub()} ? {Sub()} : ({type})({Sub()} & {Sub()}))";
        }
    }
}
