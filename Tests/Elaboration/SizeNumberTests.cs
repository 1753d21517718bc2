using System.Linq;
using Graph.Compiler.Ir;
using Xunit;

namespace Graph.Tests.Elaboration;

/// <summary>A size with a name as a number in a tensor: an integer until it meets a float, as a literal is.</summary>
public sealed class SizeNumberTests
{
    static string[] Results(string body, string parameters = "[Shape(\"B\", \"T\")] Tensor x") =>
    [
        .. Elaborate.Model($$"""
            [Model] [Dim("B", Max = 8), Dim("T", Max = 100000)] public partial class M
            {
                [Entry] public (Tensor A, Tensor B) Predict({{parameters}}) { Tensor b = x.Shape[0]; Tensor t = x.Shape[1]; {{body}} }
            }
            """).Program.Functions[0].Results.Select(r => r.Type.ToString()),
    ];

    [Fact]
    public void A_size_alone_is_a_whole_number() => Assert.Equal(["i64[]", "i64[]"], Results("return (b, b * t + 3);"));

    [Fact]
    public void Indices_times_a_size_are_indices() => Assert.Equal(["i64[B]", "i64[B]"], Results("return (Tensor.Arange(x.Shape[0]) * x.Shape[1], Tensor.Arange(x.Shape[0]) % b);"));

    [Fact]
    public void A_float_makes_it_real() => Assert.Equal(["f32[B,T]", "f32[]"], Results("return (x * t, t * 0.5f);"));

    [Fact]
    public void The_quotient_of_sizes_is_real() => Assert.Equal(["f32[]", "f32[]"], Results("return (t / b, t / 2);"));

    [Fact]
    public void Narrow_integers_stay_so_where_every_size_fits() =>
        Assert.Equal(["i32[B,T]", "i64[B,T]"], Results("return (n * t, (n * t).Cast(ElementType.I8) * t);", "[Shape(\"B\", \"T\")] Tensor x, [Shape(\"B\", \"T\")] Tensor<int> n"));

    [Fact]
    public void Doubles_stay_doubles() => Assert.Equal(["f64[B,T]", "f64[B,T]"], Results("return (x * t, x / (b + t));", "[Shape(\"B\", \"T\")] Tensor<double> x"));

    [Fact]
    public void A_number_that_no_tensor_would_hold_is_an_error()
    {
        var error = Elaborate.Error("""
            [Model] public partial class M { [Entry] public Tensor Next([Shape(4)] Tensor<long> x) => x + 9007199254740993; }
            """);
        Assert.Equal("GR2021", error.Id);
        Assert.Contains("9007199254740993", error.Message);
        Assert.Equal("GR2021", Assert.Throws<ShapeException>(() => Tensor.Arange(3) + 9007199254740993).Id);
        Assert.Equal([9007199254740992, 9007199254740994], (Tensor.Arange(2) * 2 + 9007199254740992).ToDoubles());
    }
}
