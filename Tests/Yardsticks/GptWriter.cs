using System;
using System.Linq;
using Graph.Nn;

namespace Graph.Yardsticks;

/// <summary><see cref="GptBlock"/> over one text that goes on: keys and values of what was read before are kept.</summary>
[Module]
public sealed partial class GptWriterBlock(GptSizes sizes)
{
    readonly LayerNorm norm1 = new(sizes.Width);
    readonly LayerNorm norm2 = new(sizes.Width);
    readonly Linear attention = new(sizes.Width, 3 * sizes.Width);
    readonly Linear projection = new(sizes.Width, sizes.Width);
    readonly Linear expand = new(sizes.Width, 4 * sizes.Width);
    readonly Linear contract = new(4 * sizes.Width, sizes.Width);
    readonly State keys = new([sizes.Context, sizes.Width], Init.Zeros), values = new([sizes.Context, sizes.Width], Init.Zeros);

    /// <summary>[length, width] → [length, width], of the tokens from place <paramref name="at"/> on.</summary>
    public Tensor Forward(Tensor x, Tensor at)
    {
        var parts = attention.Forward(norm1.Forward(x)).Split(sizes.Width, axis: 1);
        keys.AssignAt(parts[1], at);
        values.AssignAt(parts[2], at);
        var mixed = Tensor.ScaledDotProductAttention(Heads(parts[0]), Heads(keys + 0), Heads(values + 0), causal: true, position: at);
        x += projection.Forward(mixed.Transpose(0, 1).Reshape(x.Shape[0], sizes.Width));
        return x + contract.Forward(expand.Forward(norm2.Forward(x)).Gelu(GeluApproximation.Tanh));
    }

    Tensor Heads(Tensor x) => x.Reshape(x.Shape[0], sizes.Heads, sizes.Width / sizes.Heads).Transpose(0, 1);
}

/// <summary>GPT-2 as it writes: a token goes in, the scores of the next one come out, and what was read before is not read again.</summary>
[Model]
public sealed partial class Gpt2Writer()
{
    static GptSizes Sizes => new(Vocabulary: 50257, Context: 1024, Layers: 12, Heads: 12, Width: 768);

    readonly Embedding token = new(Sizes.Vocabulary, Sizes.Width, std: 0.02);
    readonly Embedding position = new(Sizes.Context, Sizes.Width, std: 0.02);
    readonly GptWriterBlock[] blocks = Enumerable.Range(0, Sizes.Layers).Select(_ => new GptWriterBlock(Sizes)).ToArray();
    readonly LayerNorm norm = new(Sizes.Width);

    /// <summary>The scores of the token behind the one at place <paramref name="at"/>.</summary>
    [Entry]
    public Tensor Next([Shape(1)] Tensor<int> token, [Shape(1)] Tensor<int> at)
    {
        var x = this.token.Forward(token) + position.Forward(at);
        foreach (var block in blocks) x = block.Forward(x, at.Reshape());
        return norm.Forward(x).MatMul(this.token.Weight.T);
    }
}
