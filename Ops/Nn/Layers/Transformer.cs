using System;

namespace Graph.Nn;

/// <summary>Self-attention with several heads; x: [batch, length, width] → [batch, length, width].</summary>
/// <remarks>Vaswani et al., "Attention is all you need", 2017. Queries, keys and values come from one product, as in GPT-2.</remarks>
/// <param name="width">The size of the last axis, a multiple of <paramref name="heads"/>.</param>
/// <param name="heads">The number of heads.</param>
/// <param name="causal">A position sees only itself and those before it.</param>
/// <param name="dropout">How much of the attention is dropped while training.</param>
/// <param name="bias">Whether the products have biases.</param>
[Module]
public sealed partial class MultiHeadSelfAttention(int width, int heads, bool causal = false, double dropout = 0, bool bias = true) : ILayer
{
    readonly int size = width % heads == 0 ? width / heads : throw new ArgumentException($"The width {width} is no multiple of the {heads} heads.");
    readonly Linear attention = new(width, 3 * width, bias);
    readonly Linear projection = new(width, width, bias);

    /// <summary>[batch, length, width] → [batch, length, width]</summary>
    public Tensor Forward(Tensor x)
    {
        var (batch, length) = (x.Shape[0], x.Shape[1]);
        Tensor Heads(Tensor part) => part.Reshape(batch, length, heads, size).Transpose(1, 2);

        var parts = attention.Forward(x).Split(width, axis: 2);
        var (query, key, value) = (Heads(parts[0]), Heads(parts[1]), Heads(parts[2]));
        var mixed = Tensor.ScaledDotProductAttention(query, key, value, causal, dropout: dropout);
        return projection.Forward(mixed.Transpose(1, 2).Reshape(batch, length, width));
    }
}

/// <summary>A pre-norm transformer block: attention, then two linear maps with a GELU between, each around a residual; x: [batch, length, width] → the same shape.</summary>
/// <param name="width">The size of the last axis.</param>
/// <param name="heads">The number of heads.</param>
/// <param name="causal">A position sees only itself and those before it.</param>
/// <param name="dropout">How much is dropped while training, in the attention and behind both residual branches.</param>
[Module]
public sealed partial class TransformerBlock(int width, int heads, bool causal = false, double dropout = 0) : ILayer
{
    readonly LayerNorm norm1 = new(width);
    readonly MultiHeadSelfAttention attention = new(width, heads, causal, dropout);
    readonly LayerNorm norm2 = new(width);
    readonly Linear expand = new(width, 4 * width);
    readonly Linear contract = new(4 * width, width);

    /// <summary>[batch, length, width] → [batch, length, width]</summary>
    public Tensor Forward(Tensor x)
    {
        x += attention.Forward(norm1.Forward(x)).Dropout(dropout);
        return x + contract.Forward(expand.Forward(norm2.Forward(x)).Gelu(GeluApproximation.Tanh)).Dropout(dropout);
    }
}
