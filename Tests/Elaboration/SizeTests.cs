using System;
using Graph.Compiler.Modules.Elaboration;
using Xunit;

namespace Graph.Tests.Elaboration;

/// <summary>Sizes are looked at before anything is made of them; a tensor that is not there is said to be null.</summary>
public sealed class SizeTests
{
    static GraphDiagnostic Error(string body, string fields = "", string parameter = "[Shape(4)] Tensor x", string dims = "") =>
        Elaborate.Error($"[Model] {dims} public partial class M {{ {fields} [Entry] public Tensor Predict({parameter}) {{ {body} }} }}");

    [Theory]
    [InlineData("return x;", "[Shape(2147483647, 2147483647)] Tensor x", "x of shape [2147483647, 2147483647] has 4.61E+18 elements")]
    [InlineData("return x.Sum();", "[Shape(2147483647, 2147483647, 2147483647, 2147483647)] Tensor x", "2.13E+37 elements")]
    [InlineData("return x;", "[Shape(65536, 65536)] Tensor x", "4,294,967,296 elements, but a span has at most 2,147,483,647")]
    [InlineData("return x.Unsqueeze(0) * x.Unsqueeze(1);", "[Shape(1000000)] Tensor x", "The result of Predict of shape [1000000, 1000000] has 1,000,000,000,000 elements, but a span has at most")]
    [InlineData("return (x.Unsqueeze(0) * x.Unsqueeze(1)).Sum();", "[Shape(2000000)] Tensor x", "The result of mul of shape [2000000, 2000000] has 4,000,000,000,000 elements, but a tensor has at most 1,099,511,627,776")]
    [InlineData("return x.Pad([2147483647], [2147483647]).Repeat(2147483647).Repeat(2147483647).Repeat(2147483647);", "[Shape(4)] Tensor x", "elements")]
    [InlineData("return Tensor.Zeros(2147483647, 2147483647, 2147483647, 2147483647) + x;", "[Shape(4)] Tensor x", "")]
    [InlineData("return x.MaxPool2d(1, 1, 2147483647);", "[Shape(1, 1, 4, 4)] Tensor x", "", "GR2006")]
    [InlineData("return x.Conv2d(Tensor.Ones(1, 1, 3, 3), padding: 2147483647);", "[Shape(1, 1, 4, 4)] Tensor x", "elements")]
    [InlineData("return x.Conv2d(Tensor.Ones(1, 1, 3, 3), dilation: 2147483647);", "[Shape(1, 1, 4, 4)] Tensor x", "does not fit", "GR2006")]
    public void What_no_machine_holds_is_said_where_it_is_made(string body, string parameter, string expected, string id = "GR2030")
    {
        var error = Error(body, parameter: parameter);
        Assert.Equal(id, error.Id);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_named_dimension_counts_with_its_upper_bound()
    {
        var error = Error("return (x.Unsqueeze(0) * x.Unsqueeze(1)).Sum();", parameter: "[Shape(\"N\", 2)] Tensor x", dims: "[Dim(\"N\", Max = 2147483647, Typical = 8)]");
        Assert.Equal(DiagnosticIds.TooManyElements, error.Id);
        Assert.Contains("[N, N, 2] at N = 2147483647 has", error.Message, StringComparison.Ordinal);
        Assert.Contains("Lower the upper bound of N: [Dim(\"N\", Max = …)].", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parameters_fit_into_one_block()
    {
        Assert.Contains("A parameter of shape [65536, 65536] has 4,294,967,296 elements", Error("return x;", "readonly Parameter p = new([65536, 65536], Init.Zeros);").Message, StringComparison.Ordinal);
        Assert.Contains(
            "The parameters and states of M take 16.8 GiB, but a model holds at most 16 GiB of them.",
            Error("return x;", "readonly Parameter p = new([1500000000], Init.Zeros), q = new([1500000000], Init.Zeros), r = new([1500000000], Init.Zeros);").Message, StringComparison.Ordinal);
        var trained = Elaborate.Error("""
            [Model] public partial class M
            {
                readonly Parameter p = new([2000000000], Init.Zeros), q = new([2000000000], Init.Zeros);
                [Loss] public Tensor Loss([Shape(1)] Tensor x) => (p * x).Mean() + q.Mean();
                [Train] public static AdamW Optimizer() => new();
            }
            """);
        Assert.Contains("The optimizer's states of M take 29.8 GiB", trained.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Tensor y = default!; return y;")]
    [InlineData("Tensor y = null!; return y.Relu();")]
    [InlineData("Tensor y = default!; return x + y;")]
    [InlineData("Tensor y = default!; return y + x;")]
    [InlineData("Tensor y = default!; return Tensor.Concat([x, y]);")]
    [InlineData("Tensor y = default!; return x.Linear(y, x);")]
    [InlineData("return x.LayerNorm(null, x);")]
    [InlineData("Tensor y = default!; return x.Unsqueeze(0).Linear(y);")]
    [InlineData("Tensor y = default!; return x * y.Shape[0];")]
    [InlineData("var list = new Tensor[3]; list[0] = x; return list[0] * list[1];")]
    public void A_tensor_that_is_null_is_said_to_be(string body)
    {
        var error = Error(body);
        Assert.Equal(DiagnosticIds.NullTensor, error.Id);
        Assert.Contains("null", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_may_be_left_out_may_be_null() => Elaborate.Model("""
        [Model] public partial class M
        {
            [Entry] public Tensor Predict([Shape(2, 4)] Tensor x) { Tensor? bias = null; return x.Linear(Tensor.Ones(4, 4), bias).LayerNorm(null, null); }
        }
        """);

    [Theory]
    [InlineData("return x * \"\".PadLeft(int.MaxValue).Length;")]
    [InlineData("return x * \"ab\".PadRight(2000000000).Length;")]
    [InlineData("return x * $\"{1.5:F999999999}\".Length;")]
    [InlineData("return x * 7.ToString(\"D999999999\").Length;")]
    [InlineData("return x * string.Format(\"{0,900000}{0,900000}\", 1).Length;")]
    [InlineData("return x * string.Format(\"{0:F99999}\", 1.5).Length;")]
    [InlineData("var s = \"ab\"; for (var i = 0; i < 60; i++) s = s + s; return x * s.Length;")]
    [InlineData("var s = \"ab\"; for (var i = 0; i < 60; i++) s = $\"{s}{s}\"; return x * s.Length;")]
    [InlineData("var s = \"ab\"; for (var i = 0; i < 60; i++) s = string.Join(s, s, s); return x * s.Length;")]
    [InlineData("var s = \"ab\"; for (var i = 0; i < 60; i++) s = string.Concat(s, s); return x * s.Length;")]
    [InlineData("var s = \"ab\"; for (var i = 0; i < 60; i++) s = s.Replace(\"a\", s); return x * s.Length;")]
    [InlineData("var s = \"\".PadLeft(900000); for (var i = 0; i < 2000; i++) s = s.Replace(\" \", \"x\").Replace(\"x\", \" \"); return x * s.Length;")]
    [InlineData("return x * Enumerable.Range(0, int.MaxValue).Count();")]
    [InlineData("return x * Enumerable.Repeat(1, int.MaxValue).Sum();")]
    [InlineData("var a = new int[30000 * 30000]; return x * a.Length;")]
    [InlineData("var a = new List<int[]>(); for (var i = 0; i < 1000; i++) a.Add(new int[1000000]); return x * a.Count;")]
    [InlineData("var a = Enumerable.Range(0, 900000).ToArray(); var n = 0; for (var i = 0; i < 100000; i++) n += a.Max(); return x * n;")]
    [InlineData("var a = Enumerable.Range(0, 900000).ToList(); var n = 0; for (var i = 0; i < 100000; i++) n += a.Contains(-1) ? 1 : 0; return x * n;")]
    [InlineData("var a = Enumerable.Range(0, 900000).Distinct().Count(); return x * a;")]
    [InlineData("var a = Enumerable.Range(0, 1000).ToArray(); for (var i = 0; i < 60; i++) a = [.. a, .. a]; return x * a.Length;")]
    [InlineData("return Tensor.Concat(Enumerable.Repeat(x, 20000).ToArray());")]
    public void What_grows_while_the_model_is_built_is_stopped_before_it_is_made(string body)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(DiagnosticIds.TooLarge, Error(body).Id);
        // Unbounded, each takes gigabytes, or minutes.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4L << 30);
    }

    [Theory]
    [InlineData("var n = x.Shape[0]; for (var i = 0; i < 40; i++) n *= n; return x * n;")]
    [InlineData("var n = x.Shape[0] + 1; for (var i = 0; i < 40; i++) n = n * (n + x.Shape[0]); return x * n;")]
    public void Sizes_that_are_multiplied_without_end_do_not_fit(string body) =>
        Assert.Equal(DiagnosticIds.Failed, Error(body, parameter: "[Shape(\"N\", 2)] Tensor x", dims: "[Dim(\"N\", Max = 8)]").Id);

    [Fact]
    public void A_tensor_has_a_bounded_number_of_axes() =>
        Assert.Contains("axes, but a tensor has at most 64", Error("for (var i = 0; i < 1000; i++) x = x.Unsqueeze(0); return x;").Message, StringComparison.Ordinal);

    [Fact]
    public void Text_is_formatted_as_before() => Assert.Contains(
        "[  1.50|007|a-b|ab  |xbxb|(1, 2)|0.3]",
        Error("throw new ArgumentException(\"[\" + string.Format(\"{0,6:F2}|{1:D3}\", 1.5, 7) + \"|\" + string.Join('-', \"a\", \"b\") + \"|\" + \"ab\".PadRight(4) + \"|\" + \"abab\".Replace(\"a\", \"x\") + $\"|{(1, 2)}|{0.3:0.###}]\");").Message,
        StringComparison.Ordinal);
}
