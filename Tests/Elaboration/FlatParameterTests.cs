using Graph.Compiler;
using Graph.Compiler.Lowering;
using Xunit;

namespace Graph.Tests.Elaboration;

/// <summary>An optimizer's rule sees each parameter as one row: what would depend on its shape is an error, what does not works.</summary>
public sealed class FlatParameterTests
{
    static string Model(string body, string members = "") => $$"""
        [Module] public partial class Rule
        {
            {{members}}
            public (Tensor Value, Tensor M) Update(Tensor value, Tensor gradient, [State] Tensor m, Tensor learningRate, Tensor step) { {{body}} }
        }
        [Model] public partial class M
        {
            readonly Linear layer = new(3, 4);
            [Loss] public Tensor Loss([Shape(8, 3)] Tensor x) => layer.Forward(x).Square().Mean();
            [Train] public static Rule Optimizer() => new();
        }
        """;

    [Theory]
    [InlineData("return (value.Rank > 1 ? value * 0.9f : value, m);", "Rank is not that of the parameter")]
    [InlineData("return (gradient.Shape.Length > 1 ? value * 0.9f : value, m);", "Shape is not that of the parameter")]
    [InlineData("return (value / m.Shape[0], m);", "Shape is not that of the parameter")]
    [InlineData("return (value - gradient.Sum(0), m);", "Sum depends on the shape")]
    [InlineData("return (value - gradient.Mean([0], keep: true), m);", "Mean depends on the shape")]
    [InlineData("return (value - gradient.Norm(-1, keep: true), m);", "Norm depends on the shape")]
    [InlineData("return (value - value.MatMul(gradient), m);", "Matmul depends on the shape")]
    [InlineData("return (value - value.Softmax(), m);", "Softmax depends on the shape")]
    [InlineData("return (value - gradient.CumSum(), m);", "Cumsum depends on the shape")]
    [InlineData("return (value.Reshape(-1), m);", "Reshape depends on the shape")]
    [InlineData("return (value.Transpose(0, 0), m);", "Transpose depends on the shape")]
    [InlineData("return (value.Flatten(), m);", "Flatten depends on the shape")]
    [InlineData("return (value - gradient.Slice(0, 0, 1), m);", "Slice depends on the shape")]
    [InlineData("return (value - gradient.ArgMax(), m);", "Argmax depends on the shape")]
    [InlineData("return (value - Tensor.Concat([gradient, m], 0).Sum(), m);", "Concat depends on the shape")]
    [InlineData("return (value - (gradient * 2 + m).Std(0), m);", "Std depends on the shape")]
    public void What_depends_on_the_shape_is_refused(string body, string message)
    {
        var error = Elaborate.Error(Model(body));
        Assert.Equal("GR2020", error.Id);
        Assert.Contains(message, error.Message);
    }

    [Fact]
    public void The_error_lies_at_the_expression()
    {
        var source = Model("return (Decays(value) ? value * 0.9f : value, m);", "static bool Decays(Tensor y) => y.Rank > 1;");
        var (result, at) = Elaborate.Placed(source);
        var error = Assert.Single(result.Diagnostics);
        Assert.Equal("GR2020", error.Id);
        var place = at(error);
        Assert.Equal("Rank", place.SourceTree!.GetText().ToString(place.SourceSpan));
    }

    [Theory]
    [InlineData("return (value - learningRate * gradient.Sign(), m);")]
    [InlineData("return (value - learningRate * gradient / (gradient.Norm() + 1e-6f), m + gradient.Square().Mean());")]
    [InlineData("return (value * (1 - value.Max() * 0.001f) - gradient.Clamp(-1, 1) * learningRate, Tensor.Where(gradient > 0, m, gradient).MaskedFill(gradient.NotEqualTo(m), 0));")]
    [InlineData("return (value - gradient / value.Length, m / gradient.Abs().Sum());")]
    public void What_does_not_is_computed(string body)
    {
        var model = Elaborate.Model(Model(body));
        var compiled = CompilerPipeline.Run(model.Program, model.Training, verify: true);
        Assert.Contains(Lowerer.Lower(compiled.Final).Functions, f => f.Function.Name == "train_step");
    }
}
