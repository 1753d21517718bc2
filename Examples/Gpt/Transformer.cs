using System;
using System.Linq;
using Graph.Nn;

namespace Graph.Examples.Gpt;

/// <summary>The sizes of a transformer.</summary>
/// <param name="Vocabulary">Distinct tokens.</param>
/// <param name="Context">Tokens it looks back at.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="Heads">Heads of each attention.</param>
/// <param name="Width">Size of a token's vector.</param>
/// <param name="Dropout">Rate in training.</param>
public sealed record TransformerSizes(int Vocabulary, int Context, int Layers, int Heads, int Width, double Dropout = 0);

/// <summary>Causal self-attention: each token looks at those before it and itself. Vaswani et al., NeurIPS 2017.</summary>
[Module]
public sealed partial class Attention(TransformerSizes sizes)
{
    readonly Linear project = new(sizes.Width, 3 * sizes.Width, bias: false);
    readonly Linear output = new(sizes.Width, sizes.Width, bias: false);
    readonly Dropout dropout = new(sizes.Dropout);

    /// <summary>[B, T, width], same shape.</summary>
    public Tensor Forward(Tensor x)
    {
        var (batch, length, width) = (x.Shape[0], x.Shape[1], sizes.Width);
        Tensor Heads(Tensor t) => t.Reshape(batch, length, sizes.Heads, width / sizes.Heads).Transpose(1, 2);

        var parts = project.Forward(x).Split(width, axis: 2);
        var mixed = Tensor.ScaledDotProductAttention(Heads(parts[0]), Heads(parts[1]), Heads(parts[2]), causal: true, dropout: sizes.Dropout);
        return dropout.Forward(output.Forward(mixed.Transpose(1, 2).Reshape(batch, length, width)));
    }
}

/// <summary>Attention and a two-layer perceptron, each with normalization before it and a residual connection around it.</summary>
[Module]
public sealed partial class Block(TransformerSizes sizes)
{
    readonly LayerNorm attentionNorm = new(sizes.Width, bias: false);
    readonly Attention attention = new(sizes);
    readonly LayerNorm expandNorm = new(sizes.Width, bias: false);
    readonly Linear expand = new(sizes.Width, 4 * sizes.Width, bias: false);
    readonly Linear contract = new(4 * sizes.Width, sizes.Width, bias: false);
    readonly Dropout dropout = new(sizes.Dropout);

    /// <summary>[B, T, width], same shape.</summary>
    public Tensor Forward(Tensor x)
    {
        x = x + attention.Forward(attentionNorm.Forward(x));
        return x + dropout.Forward(contract.Forward(expand.Forward(expandNorm.Forward(x)).Gelu()));
    }
}

/// <summary>A decoder-only transformer in the manner of GPT-2, its output layer sharing the table of token vectors.</summary>
[Module]
public partial class Transformer(TransformerSizes sizes)
{
    readonly Embedding tokens = new(sizes.Vocabulary, sizes.Width, std: 0.02);
    readonly Embedding places = new(sizes.Context, sizes.Width, std: 0.02);
    readonly Dropout dropout = new(sizes.Dropout);
    readonly Block[] blocks = Enumerable.Range(0, sizes.Layers).Select(_ => new Block(sizes)).ToArray();
    readonly LayerNorm norm = new(sizes.Width, bias: false);

    /// <summary>Tokens [B, T] to logits [B, T, vocabulary].</summary>
    public Tensor Forward(Tensor<int> text)
    {
        var x = dropout.Forward(tokens.Forward(text) + places.Weight.Slice(0, 0, text.Shape[1]));
        foreach (var block in blocks) x = block.Forward(x);
        return norm.Forward(x).MatMul(tokens.Weight.T);
    }
}
