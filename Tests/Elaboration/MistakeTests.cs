using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Graph.Tests.Generators;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace Graph.Tests.Elaboration;

/// <summary>Mistakes that have nothing to do with each other are all reported, each where it is, and nothing is reported that only follows from one.</summary>
public class MistakeTests
{
    /// <summary>Elaborates source in which each mistake stands between « and », and checks that the reports lie exactly there.</summary>
    static void Check(string marked)
    {
        var source = new StringBuilder();
        var expected = new List<TextSpan>();
        var open = 0;
        var start = Harness.Usings.Length + "using Graph.Nn;\n".Length;
        foreach (var c in marked)
            if (c == '«') open = source.Length;
            else if (c == '»') expected.Add(TextSpan.FromBounds(start + open, start + source.Length));
            else source.Append(c);
        var (result, at) = Elaborate.Placed(source.ToString());
        var found = result.Diagnostics.Select(d => at(d).SourceSpan).OrderBy(s => s.Start).ToList();
        Assert.True(expected.SequenceEqual(found), $"expected {string.Join(" ", expected)}\nfound {string.Join("\n", result.Diagnostics.Select(d => $"{at(d).SourceSpan} {d}"))}\n{marked}");
    }

    static string Body(string body, string members = "") => DiagnosticTests.Entry(body, members);

    [Theory]
    [InlineData("var a = x.«Sum(5)»; var b = x.«Reshape(3, 5)»; return a + b;")]
    [InlineData("var a = x.«Sum(5)»; var b = a.Sum(6); var c = b.Sum(7); return c + x.«Softmax(4)»;")]
    [InlineData("return x.Transpose(«5», «7»);")]
    [InlineData("return x.Sum([«5», 0, «7»]) + x.«Mean(9)»;")]
    [InlineData("return Twice(x.«Sum(5)», x.«Sum(6)»);")]
    [InlineData("return Twice(x, Twice(x.«Sum(5)», x));")]
    [InlineData("Tensor y; if («x.Shape[0] > 5») y = x.Sum(9); else y = x; return y.Sum(9) + x.«Mean(8)»;")]
    [InlineData("var y = x; for (var i = 0; i < 5; i++) y = x.«Sum(5)»; return y + x.«Sum(6)»;")]
    [InlineData("var y = x; for (var i = 0; i < 5; i++) { if (i == 3) y = x.«Sum(5)»; y = y + y; } return y.Sum(6);")]
    [InlineData("var t = new List<Tensor>(); t.Add(x); t.Add(x.«Sum(5)»); return t[1] + t[0] + x.«Sum(6)»;")]
    [InlineData("var t = new Tensor[2]; t[0] = x; t[1] = x.«Sum(5)»; return Tensor.Concat(t, 1);")]
    [InlineData("var (a, b) = (x.«Sum(5)», x.«Sum(6)»); return a + b;")]
    [InlineData("Tensor Local(Tensor t) => t.«Sum(5)»; return Local(x) + x.«Sum(6)»;")]
    [InlineData("var y = x; void Change(Tensor t) { y = t.Sum(9); } Change(x.«Sum(5)»); return y.Sum(3);")]
    [InlineData("var all = new[] { 1, 2 }.Select(i => x.«Sum(5 + 0)»).ToArray(); return all[0] + x.«Sum(6)»;")]
    [InlineData("int n = 0; int m = «1 / n»; var a = new[] { 1, 2 }; int k = a[«7»]; return x * m * k + x.«Sum(6)»;")]
    [InlineData("if (x is { Rank: 2 } y && y.«Sum(5)».Rank == 1) return y; return x.Sum(6);")]
    [InlineData("return Refuse(x) + x.«Sum(6)»;")]
    [InlineData("switch (x.Shape[0]) { «case 1:» return x.Sum(5); default: break; } return x.Sum(6);")]
    [InlineData("return head.«Forward(x)» + other.«Forward(x)»;")]
    [InlineData("return own.Forward(x) + head.«Forward(x)»;")]
    [InlineData("mean.Assign(x.«Sum(5)»); return mean + x.«Sum(6)».Sum(0);")]
    [InlineData("while (x.«Sum(5)».Rank > 1) x = x.Sum(7); return x.Sum(8);")]
    public void Statements_operands_and_arguments(string body)
    {
        var refuses = body.Contains("Refuse", StringComparison.Ordinal);
        var uses = body.Contains("own.", StringComparison.Ordinal);
        Check(Body(body, $$"""
            readonly Linear head = new(5, 3), other = new(6, 2); readonly Own own = new(); readonly State mean = new([8], Init.Zeros);
            static Tensor Twice(Tensor a, Tensor b) { var c = a + b; return c; }
            static Tensor Refuse(Tensor t) { if (t.Rank == 2) {{(refuses ? "«throw new ArgumentException(\"no\");»" : "throw new ArgumentException(\"no\");")}} return t.Sum(9); }
            """) + $$"""

            [Module] public partial class Own { public Tensor Forward(Tensor t) { var a = t.{{(uses ? "«Sum(5)»" : "Sum(5)")}}; return a + t.{{(uses ? "«Sum(6)»" : "Sum(6)")}}; } }
            """);
    }

    [Fact]
    public void Fields_and_constructors() => Check("""
        [Model] [Dim("B", Max = 16)] public partial class M
        {
            readonly Parameter a = new(«[0, 3]», Init.Zeros);
            readonly MultiHeadSelfAttention attention = «new(10, 3)»;
            readonly Linear good = new(8, 8), bad = new(7, 3);
            readonly Linear[] layers = [new(8, 8), «new(-1, 8)»];
            readonly Parameter b;
            public M() { b = new(«[-1]», Init.Zeros); }
            [Entry] public Tensor First([Shape("B", 8)] Tensor x) => good.Forward(x) + bad.«Forward(x)» + a;
            [Entry] public Tensor Second([Shape("B", 8)] Tensor x) { foreach (var layer in layers) x = layer.Forward(x).«Sum(5)»; return x + attention.Forward(x) + b; }
            [Entry] public Tensor Third([Shape("B", 8)] Tensor x) => good.Forward(x).«Sum(5)»;
        }
        """);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void As_many_reports_as_mistakes(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 5; i++) Check(Random(random));
    }

    // Statements whose right and wrong forms give a tensor of x's shape from two others. What is wrong stands on what is sound.
    static readonly string[] right =
    [
        "var {v} = {a}.Relu() + {b};", "var {v} = good.Forward({a}) * {b};", "var {v} = {a}; for (var j = 0; j < 3; j++) {v} = {v} + {b};", "Tensor {v}; if ({n} > 2) {v} = {a}; else {v} = {b};",
        "var (p{n}, {v}) = ({a}, {b});", "var l{n} = new List<Tensor> { {a} }; l{n}.Add({b}); var {v} = l{n}[1] + l{n}[0];", "Tensor F{n}(Tensor t) => t * {a}; var {v} = F{n}({b});",
        "var {v} = {n} switch { 1 => {a}, _ => {b}.Tanh() };", "var {v} = new[] { {a}, {b} }.Select(t => t.Exp()).ToArray()[1];", "var {v} = Twice({a}, {b});", "var {v} = {a}; {v} += {b};",
    ];

    static readonly string[] wrong =
    [
        "var {v} = {a}.«Sum(5)» + {b};", "var {v} = {a} + {b}.«Reshape(3, 5)»;", "var {v} = bad.«Forward({a})» * {b};", "var {v} = {a}; for (var j = 0; j < 3; j++) {v} = {v} + {b}.«Softmax(4)»;",
        "Tensor {v}; if («{a}.Shape[0] > 2») {v} = {a}; else {v} = {b};", "var (p{n}, {v}) = ({a}.«Sum(5)», {b}.«Sum(6)»);", "var l{n} = new List<Tensor> { {a} }; l{n}.Add({b}.«Sum(6)»); var {v} = l{n}[1] + l{n}[0];",
        "Tensor F{n}(Tensor t) => t.«Sum(5)» * {a}; var {v} = F{n}({b});", "var {v} = new[] { {a}, {b} }.Select(t => t.«Sum(7)»).ToArray()[1];", "var {v} = Twice({a}.«Sum(5)», {b}.«Sum(6)»);",
        "var {v} = {a}; {v} += {b}.«Mean(5)»;", "var z{n} = 0; var {v} = {a} * («{n} / z{n}») + {b};", "var {v} = {a}.Transpose(«5», «7») + {b};",
    ];

    static string Random(Random random)
    {
        var body = new StringBuilder();
        List<string> all = ["x"], sound = ["x"];
        for (var n = 0; n < 12; n++)
        {
            var isWrong = random.Next(3) == 0;
            var from = isWrong ? sound : all;
            var (a, b) = (from[random.Next(from.Count)], from[random.Next(from.Count)]);
            var template = isWrong ? wrong[random.Next(wrong.Length)] : right[random.Next(right.Length)];
            body.Append(template.Replace("{v}", "v" + n).Replace("{a}", a).Replace("{b}", b).Replace("{n}", n.ToString(System.Globalization.CultureInfo.InvariantCulture))).Append("\n            ");
            all.Add("v" + n);
            if (!isWrong && sound.Contains(a) && sound.Contains(b)) sound.Add("v" + n);
        }
        return Body(body.Append("return ").AppendJoin(" + ", all).Append(';').ToString(), "readonly Linear good = new(8, 8), bad = new(5, 3); static Tensor Twice(Tensor a, Tensor b) { var c = a + b; return c; }");
    }
}
