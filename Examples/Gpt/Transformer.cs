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

    // What a session has read of its one text: training and whole texts know nothing of it.
    readonly State keys = new([1, sizes.Context, sizes.Width], Init.Zeros, lifetime: StateLifetime.Session), values = new([1, sizes.Context, sizes.Width], Init.Zeros, lifetime: StateLifetime.Session);

    /// <summary>[B, T, width], same shape.</summary>
    public Tensor Forward(Tensor x)
    {
        var parts = project.Forward(x).Split(sizes.Width, axis: 2);
        return Output(Tensor.ScaledDotProductAttention(Heads(parts[0]), Heads(parts[1]), Heads(parts[2]), causal: true, dropout: sizes.Dropout));
    }

    /// <summary>[1, T, width] of the tokens from place <paramref name="at"/> on, same shape: keys and values of those before are kept, and theirs are from now on.</summary>
    public Tensor Continue(Tensor x, Tensor at)
    {
        var parts = project.Forward(x).Split(sizes.Width, axis: 2);
        keys.AssignAt(parts[1], at, axis: 1);
        values.AssignAt(parts[2], at, axis: 1);
        return Output(Tensor.ScaledDotProductAttention(Heads(parts[0]), Heads(keys), Heads(values), causal: true, position: at));
    }

    Tensor Heads(Tensor t) => t.Reshape(t.Shape[0], t.Shape[1], sizes.Heads, sizes.Width / sizes.Heads).Transpose(1, 2);

    Tensor Output(Tensor mixed) => dropout.Forward(output.Forward(mixed.Transpose(1, 2).Reshape(mixed.Shape[0], mixed.Shape[2], sizes.Width)));
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
        return x + Expand(x);
    }

    /// <summary>[1, T, width] of the tokens from place <paramref name="at"/> on, same shape.</summary>
    public Tensor Continue(Tensor x, Tensor at)
    {
        x = x + attention.Continue(attentionNorm.Forward(x), at);
        return x + Expand(x);
    }

    Tensor Expand(Tensor x) => dropout.Forward(contract.Forward(expand.Forward(expandNorm.Forward(x)).Gelu()));
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

    /// <summary>Tokens [1, T] from place <paramref name="at"/> (a number) on, behind what the session has read before, to the logits of the token behind them, [vocabulary].</summary>
    public Tensor Continue(Tensor text, Tensor at)
    {
        var length = text.Shape[1];
        var x = tokens.Forward(text) + places.Forward(Tensor.Arange(length) + at);
        foreach (var block in blocks) x = block.Continue(x, at);
        return norm.Forward(x.Slice(1, length - 1)).MatMul(tokens.Weight.T).Flatten();
    }
}
