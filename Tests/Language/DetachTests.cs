using System;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir.Text;
using Graph.Tests.Models;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Language;

/// <summary>What is detached is a number like any other, and a constant to every gradient.</summary>
public sealed class DetachTests
{
    static string Model(string loss) => $$"""
        [Model] public partial class M
        {
            readonly Parameter p = new([3], Init.Ones), q = new([3], Init.Ones);
            [Loss] public Tensor Loss([Shape(3)] Tensor x) => {{loss}};
            [Train] public static Sgd Optimizer() => new(learningRate: 0.01);
        }
        """;

    // A product with itself, half of which is a constant: the gradient is that of a product with a number.
    [Theory]
    [InlineData("(p * p.Detach() * x).Sum()", new[] { 1f, 2, 3 })]
    [InlineData("(p * p * x).Sum()", new[] { 2f, 4, 6 })]
    [InlineData("(p.Detach() * p.Detach() * x).Sum() + p.Sum()", new[] { 1f, 1, 1 })]
    [InlineData("((p * 2).Detach() * p.Square()).Sum()", new[] { 4f, 4, 4 })]
    [InlineData("p.Detach().Detach().Exp().Sum()", new[] { 0f, 0, 0 })]
    [InlineData("(p - (p - p.Round()).Detach()).Square().Sum()", new[] { 2f, 2, 2 })]
    public void A_gradient_stops_where_it_is_detached(string loss, float[] gradient)
    {
        using var model = RunningModel.Of(Model(loss));
        var before = model["p"].ToArray();
        model.Step((float[])[1, 2, 3]);
        // One step of gradient descent says what the gradient was.
        Assert.Equal(gradient, before.Zip(model["p"].ToArray(), (b, a) => (float)Math.Round((b - a) / 0.01, 3)));
        Assert.Equal([1f, 1, 1], model["q"].ToArray());
    }

    // One half learns, the other does not: what a generative adversarial network is made of.
    [Fact]
    public void Whatever_is_behind_it_is_not_trained()
    {
        const string source = """
            [Model] [Dim("B", Max = 8, Typical = 3)] public partial class M
            {
                readonly Linear inner = new(4, 5), outer = new(5, 3);
                [Loss] public Tensor Loss([Shape("B", 4)] Tensor x, [Shape("B")] Tensor<int> label) => outer.Forward(inner.Forward(x).Relu().Detach()).CrossEntropy(label);
                [Train] public static AdamW Optimizer() => new(learningRate: 0.01, weightDecay: 0.1);
            }
            """;
        Assert.InRange(SourceModel.Lower(source).Train(steps: 3), 0, 1e-4);
        using var model = RunningModel.Of(source);
        float[] inner = model["inner.weight"].ToArray(), outer = model["outer.weight"].ToArray();
        model.Step(Enumerable.Range(0, 12).Select(i => (float)Math.Sin(i)).ToArray(), (int[])[0, 1, 1]);
        Assert.Equal(inner, model["inner.weight"].ToArray());
        Assert.NotEqual(outer, model["outer.weight"].ToArray());
    }

    [Fact]
    public void It_costs_nothing()
    {
        var (with, without) = (SourceModel.Lower(Model("((p + x).Detach() * q).Sum()")), SourceModel.Lower(Model("((p.Detach() + x) * q).Sum()")));
        Assert.Equal(RunningModel.Stage(without, "Decomposed", "train_step"), RunningModel.Stage(with, "Decomposed", "train_step"));
        Assert.DoesNotContain("detach", ProgramPrinter.Print(with.Stages.Find("Decomposed")!), StringComparison.Ordinal);
    }

    [Fact]
    public void Eager_and_integers_are_what_they_are()
    {
        Assert.Equal([1f, 2], Tensor.From([1f, 2f]).Detach().ToArray());
        Assert.StartsWith("i32[2] ", Tensor.From([1, 2]).Detach().ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_result_and_an_index_may_be_detached()
    {
        using var model = RunningModel.Of("""
            [Model] public partial class M
            {
                readonly Parameter p = new([4, 2], Init.Ones);
                [Entry] public (Tensor Same, Tensor Row) Predict([Shape(3)] Tensor x, [Shape(3)] Tensor<int> index) => (x.Detach(), p.Embedding(index.Detach()).Detach());
            }
            """);
        var results = model.Call("predict", [3, 6], (float[])[1, 2, 3], (int[])[0, 3, 1]);
        Assert.Equal([1f, 2, 3], results[0]);
        Assert.Equal([1f, 1, 1, 1, 1, 1], results[1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Call("predict", [3, 6], (float[])[1, 2, 3], (int[])[0, 4, 1]));
    }

    [Fact]
    public Task The_stages_of_a_straight_through_estimate()
    {
        var model = SourceModel.Lower(Model("(p - (p - p.Round()).Detach()).Square().Sum()"));
        return Verify(string.Join("", new[] { "Graph", "Differentiated", "Decomposed" }.Select(s => $"=== {s}\n{RunningModel.Stage(model, s, s == "Graph" ? "forward_loss" : "train_step")}")));
    }
}
