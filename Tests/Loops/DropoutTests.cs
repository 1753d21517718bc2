using System;
using System.Linq;
using Graph.Tests.Language;
using Graph.Tests.Models;
using Xunit;

namespace Graph.Tests.Loops;

/// <summary>Dropout in and between loops: every step draws anew, backwards the same as forwards.</summary>
public sealed class DropoutTests
{
    const string Source = """
        [Model] [Dim("T", Max = 40, Typical = 12)] public partial class M
        {
            readonly Parameter w = new([16], Init.Ones);
            Tensor Drop(Tensor x) => Tensor.Scan(Tensor.Zeros(16), x, (h, s) => { var y = (w * s).Dropout(0.5); return (h + y, y); }).Kept;
            [Entry(Training = true)] public Tensor Sample([Shape("T", 16)] Tensor x) => Drop(x);
            [Entry] public Tensor Predict([Shape("T", 16)] Tensor x) => Drop(x);
            [Loss] public Tensor Loss([Shape("T", 16)] Tensor x)
            {
                var y = Drop(x);
                if (Mode.Training) seen.Assign(y.Sum(0));
                return (Tensor.Gradient(y.Sum(), w) * w).Sum();
            }
            readonly State seen = new([16], Init.Zeros);
            [Train] public static Sgd Optimizer() => new(learningRate: 1);
        }
        """;

    [Fact]
    public void Every_iteration_drops_anew()
    {
        using var model = RunningModel.Of(Source);
        var x = Enumerable.Repeat(1f, 12 * 16).ToArray();
        var y = model.Call("sample", 12 * 16, x);
        Assert.All(y, v => Assert.True(v is 0 or 2));
        var rows = y.Chunk(16).ToArray();
        Assert.Equal(12, rows.Select(r => string.Join(",", r)).Distinct().Count());
        Assert.InRange(y.Count(v => v == 0), 60, 132);
        Assert.NotEqual(y, model.Call("sample", 12 * 16, x));
        Assert.Equal(x, model.Call("predict", 12 * 16, x));
    }

    // The loss is Σ w · d/dw Σ y, its gradient Σ of what each iteration kept, twice: what the forward pass saw.
    [Fact]
    public void Backwards_the_same_is_dropped_as_forwards()
    {
        using var model = RunningModel.Of(Source);
        var x = Enumerable.Repeat(1f, 12 * 16).ToArray();
        model.Step(x);
        float[] seen = [.. model["seen"].ToArray()];
        Assert.True(seen.Distinct().Count() > 3);
        Assert.Equal(seen.Select(v => 1 - v), model["w"].ToArray());
    }

    // The interpreter draws the same masks from the same seed.
    [Fact]
    public void Compiled_steps_drop_what_the_reference_does() => Assert.InRange(SourceModel.Lower("""
        [Model] [Dim("B", Max = 8, Typical = 3)] [Dim("T", Max = 40, Typical = 12)] public partial class M
        {
            readonly Linear input = new(4, 5), deep = new(5, 5);
            readonly Gru gru = new(5, 6, layers: 2, batchFirst: true, dropout: 0.4, bidirectional: true);
            [Loss] public Tensor Loss([Shape("B", "T", 4)] Tensor x)
            {
                var (last, all) = Tensor.Scan(Tensor.Zeros(x.Shape[0], 5), x, (h, s) =>
                {
                    h = (input.Forward(s.Dropout(0.2)) + deep.Forward(h.Dropout(0.3))).Tanh();
                    return (h, h.Dropout(0.5));
                }, axis: 1);
                return gru.Forward(all).Output.Square().Mean() + last.Square().Mean();
            }
            [Train] public static Sgd Optimizer() => new(learningRate: 0.01f);
        }
        """).Train(4), 0, 1e-4);

    // Weights that hand their input on: what comes out is 1 where no layer dropped it, times 2 for each drop between layers; the last layer's output is whole.
    [Fact]
    public void Stacked_layers_drop_between_them_as_in_PyTorch()
    {
        using var model = RunningModel.Of("""
            [Model] [Dim("T", Max = 40, Typical = 12)] public partial class M
            {
                readonly Rnn rnn = new(6, 6, layers: 3, dropout: 0.5, activation: RnnActivation.Relu, bias: false);
                [Entry(Training = true)] public Tensor Sample([Shape("T", 2, 6)] Tensor x) => rnn.Forward(x).Output;
                [Entry] public Tensor Predict([Shape("T", 2, 6)] Tensor x) => rnn.Forward(x).Output;
            }
            """);
        for (var layer = 0; layer < 3; layer++)
        {
            model.Set($"rnn.weight_ih_l{layer}", Enumerable.Range(0, 36).Select(i => i % 7 == 0 ? 1.0 : 0));
            model.Set($"rnn.weight_hh_l{layer}", new double[36]);
        }
        var x = Enumerable.Repeat(1f, 144).ToArray();
        var sampled = model.Call("sample", 144, x);
        Assert.All(sampled, v => Assert.True(v is 0 or 4));
        Assert.InRange(sampled.Count(v => v == 4), 15, 60); // a quarter
        Assert.Equal(12, sampled.Chunk(12).Select(step => string.Join(",", step)).Distinct().Count());
        Assert.Equal(x, model.Call("predict", 144, x));
    }
}
