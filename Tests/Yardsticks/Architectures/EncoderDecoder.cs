using System;
using Graph.Nn;

namespace Graph.Yardsticks.Architectures;

/// <summary>Attention from one sequence to another; positions where the mask is 0 are not seen.</summary>
[Module]
public sealed partial class CrossAttention(int width, int heads)
{
    readonly Linear query = new(width, width), memory = new(width, 2 * width), output = new(width, width);

    public Tensor Forward(Tensor x, Tensor source, Tensor mask)
    {
        int batch = x.Shape[0], length = x.Shape[1], sourceLength = source.Shape[1], size = width / heads;
        Tensor Heads(Tensor t, int positions) => t.Reshape(batch, positions, heads, size).Transpose(1, 2);
        var parts = memory.Forward(source).Split(width, -1);
        var scores = Heads(query.Forward(x), length).MatMul(Heads(parts[0], sourceLength).Transpose(-1, -2)) / Math.Sqrt(size);
        scores = scores.MaskedFill(mask.Reshape(batch, 1, 1, sourceLength) < 0.5, -1e9);
        return output.Forward(scores.Softmax(-1).MatMul(Heads(parts[1], sourceLength)).Transpose(1, 2).Reshape(batch, length, width));
    }
}

/// <summary>Translation: two sequences of different named lengths, padding masked.</summary>
[Model]
[Dim("B", Max = 8, Typical = 4)]
[Dim("S", Max = 20, Typical = 7)]
[Dim("T", Max = 20, Typical = 5)]
public sealed partial class EncoderDecoder
{
    readonly Embedding source = new(50, 32), target = new(50, 32);
    readonly TransformerBlock encoder = new(32, 4), decoder = new(32, 4, causal: true);
    readonly CrossAttention cross = new(32, 4);
    readonly LayerNorm norm = new(32);
    readonly Linear head = new(32, 50, bias: false);

    [Loss]
    public Tensor Loss([Shape("B", "S")] Tensor<int> text, [Shape("B", "S")] Tensor mask, [Shape("B", "T")] Tensor<int> translation, [Shape("B", "T")] Tensor<int> next)
    {
        var x = decoder.Forward(target.Forward(translation));
        x = norm.Forward(x + cross.Forward(x, encoder.Forward(source.Forward(text)), mask));
        return Losses.TokenCrossEntropy(head.Forward(x), next);
    }

    [Train]
    static AdamW Optimizer() => new(learningRate: 3e-3);
}
