using System;
using System.Linq;
using Xunit;

namespace Graph.Tests.Models;

/// <summary>What a user may write trains, and trains as the reference does: gradients that are one number everywhere, odd windows, axes that do not merge, and whatever else chance writes.</summary>
public sealed class ValidModelTests
{
    static string Model(string fields, string loss, string optimizer, string arguments = "[Shape(\"B\", 4)] Tensor x") => $$"""
        [Model] [Dim("B", Max = 8, Typical = 3)] public partial class M
        {
            {{fields}}
            [Loss] public Tensor Loss({{arguments}}) => {{loss}};
            [Train(ClipNorm = 1)] public static {{optimizer}};
        }
        """;

    public static TheoryData<string, string> ConstantGradients => new()
    {
        { "readonly Parameter p = new([5], Init.Ones);", "p.Sum()" },
        { "readonly Parameter p = new([4], Init.Ones);", "(p + x).Mean()" },
        { "readonly Parameter p = new([5], Init.Ones);", "(p * Tensor.Arange(5)).Sum()" },
        { "readonly Parameter p = new([4, 3], Init.Ones);", "p.T.Sum() + x.Mean()" },
        { "readonly Linear line = new(4, 3);", "line.Forward(x.Select(0, 0)).Sum()" },
        { "readonly Linear a = new(4, 3), b = new(3, 2); readonly Parameter p = new([2, 7], Init.Ones), q = new([], Init.Ones);", "b.Forward(a.Forward(x).Tanh()).Square().Mean() + p.Sum() - q" },
        { "readonly Parameter p = new([6, 4], Init.Ones);", "p.Tril().Sum() + p.Slice(0, 1, 3).Mean() + Tensor.Concat([p, p], 1).Mean()" },
    };

    [Theory, MemberData(nameof(ConstantGradients))]
    public void A_gradient_that_does_not_depend_on_data_trains(string fields, string loss)
    {
        foreach (var optimizer in new[] { "AdamW O() => new()", "Sgd O() => new()", "Sgd O() => new(momentum: 0.9, nesterov: true)" })
            SourceModel.Lower(Model(fields, loss, optimizer));
        Assert.InRange(SourceModel.Lower(Model(fields, loss, "AdamW O() => new(weightDecay: 0.1)")).Train(steps: 3), 0, 1e-4);
    }

    [Theory]
    [InlineData("new(2, 3, kernel: 1, stride: 32)", 40)]
    [InlineData("new(2, 2, kernel: 66, stride: 2, padding: 1)", 68)]
    [InlineData("new(2, 2, kernel: 2, dilation: 400, padding: 2)", 400)]
    public void What_a_layer_takes_has_gradients_behind_another_layer(string creation, int size)
    {
        var model = Model(
            $"readonly Conv2d a = new(1, 2, kernel: 1), b = {creation};", "b.Forward(a.Forward(image).Relu()).Square().Mean()", "Sgd O() => new()", $"[Shape(\"B\", 1, {size}, {size})] Tensor image");
        Assert.InRange(SourceModel.Lower(model).Train(steps: 2, rows: 1), 0, 1e-4);
    }

    [Fact]
    public void A_product_has_as_many_broadcast_axes_as_one_likes()
    {
        var model = Model(
            "readonly Parameter p = new([2, 1, 2, 1, 2, 4, 3], Init.Normal(1)), q = new([1, 3, 1, 2, 1, 3, 4], Init.Normal(1));", "(p.MatMul(q).Permute(1, 0, 2, 4, 3, 5, 6) * x).Square().Mean()", "Sgd O() => new()",
            "[Shape(4)] Tensor x");
        Assert.InRange(SourceModel.Lower(model).Train(steps: 2), 0, 1e-4);
    }

    [Fact]
    public void Models_written_by_chance_lower()
    {
        for (var seed = 0; seed < 40; seed++) Try(seed, 14, m => m);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(110)]
    [InlineData(120)]
    public void Models_written_by_chance_train_as_the_reference(int first)
    {
        for (var seed = first; seed < first + 4; seed++) Try(seed, 12, m => Assert.InRange(m.Train(steps: 2), 0, 2e-3));
    }

    static void Try(int seed, int length, Action<SourceModel> check)
    {
        var source = RandomModel.Source(seed, length);
        try
        {
            check(SourceModel.Lower(source));
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"Seed {seed}: {e.Message}\n{source}", e);
        }
    }

    static void Try(int seed, int length, Func<SourceModel, object> use) => Try(seed, length, m => { use(m); });
}
