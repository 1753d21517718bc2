using System;
using System.Linq;
using Graph.Nn;

namespace Graph.Yardsticks;

/// <summary>The sizes of a GPT.</summary>
/// <param name="Vocabulary">Different tokens.</param>
/// <param name="Context">The longest text.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="Heads">Attention heads of a block.</param>
/// <param name="Width">Numbers for a token.</param>
public sealed record GptSizes(int Vocabulary, int Context, int Layers, int Heads, int Width);

/// <summary>Causal attention and a perceptron, each behind a layer norm and around a residual.</summary>
[Module]
public sealed partial class GptBlock(int width, int heads)
{
    readonly LayerNorm norm1 = new(width);
    readonly LayerNorm norm2 = new(width);
    readonly Linear attention = new(width, 3 * width);
    readonly Linear projection = new(width, width);
    readonly Linear expand = new(width, 4 * width);
    readonly Linear contract = new(4 * width, width);

    /// <summary>[batch, length, width] → [batch, length, width]</summary>
    public Tensor Forward(Tensor x)
    {
        x += projection.Forward(Attend(attention.Forward(norm1.Forward(x))));
        return x + contract.Forward(expand.Forward(norm2.Forward(x)).Gelu(GeluApproximation.Tanh));
    }

    Tensor Attend(Tensor queriesKeysValues)
    {
        var (batch, length) = (queriesKeysValues.Shape[0], queriesKeysValues.Shape[1]);
        var parts = queriesKeysValues.Split(width, axis: 2).Select(part => part.Reshape(batch, length, heads, width / heads).Transpose(1, 2)).ToArray();
        return Tensor.ScaledDotProductAttention(parts[0], parts[1], parts[2], causal: true).Transpose(1, 2).Reshape(batch, length, width);
    }
}

/// <summary>A language model as GPT-2 is built: Radford et al., 2019. The table of tokens also scores them.</summary>
[Module]
public partial class Gpt(GptSizes sizes)
{
    readonly Embedding token = new(sizes.Vocabulary, sizes.Width, std: 0.02);
    readonly Embedding position = new(sizes.Context, sizes.Width, std: 0.02);
    readonly GptBlock[] blocks = Enumerable.Range(0, sizes.Layers).Select(_ => new GptBlock(sizes.Width, sizes.Heads)).ToArray();
    readonly LayerNorm norm = new(sizes.Width);

    /// <summary>The scores of the next token at every position: [batch, length] → [batch, length, vocabulary].</summary>
    public Tensor Forward(Tensor tokens)
    {
        var x = token.Forward(tokens) + position.Forward(Tensor.Arange(tokens.Shape[1]));
        foreach (var block in blocks) x = block.Forward(x);
        return norm.Forward(x).MatMul(token.Weight.T);
    }

    /// <summary>The mean cross entropy of the next tokens.</summary>
    protected Tensor CrossEntropy(Tensor tokens, Tensor targets) => Forward(tokens).Flatten(0, 1).CrossEntropy(targets.Flatten());
}

/// <summary>nanoGPT's CPU configuration, the <c>nanogpt</c> of the benchmarks.</summary>
[Model]
[Dim("B", Max = 64, Typical = 12), Dim("T", Max = 64)]
public sealed partial class NanoGpt() : Gpt(new(Vocabulary: 65, Context: 64, Layers: 4, Heads: 4, Width: 128))
{
    /// <summary>The scores of the next token at every position.</summary>
    [Entry]
    public Tensor Logits([Shape("B", "T")] Tensor<int> tokens) => Forward(tokens);

    /// <summary>The mean cross entropy of the next tokens.</summary>
    [Loss]
    public Tensor Loss([Shape("B", "T")] Tensor<int> tokens, [Shape("B", "T")] Tensor<int> targets) => CrossEntropy(tokens, targets);

    [Train]
    static AdamW Optimizer() => new(learningRate: 1e-4);
}

/// <summary>nanoGPT's CPU configuration with a context of 1024 tokens: what attention costs where it is long.</summary>
[Model]
[Dim("B", Max = 16, Typical = 4), Dim("T", Max = 1024)]
public sealed partial class LongNanoGpt() : Gpt(new(Vocabulary: 65, Context: 1024, Layers: 4, Heads: 4, Width: 128))
{
    /// <summary>The mean cross entropy of the next tokens.</summary>
    [Loss]
    public Tensor Loss([Shape("B", "T")] Tensor<int> tokens, [Shape("B", "T")] Tensor<int> targets) => CrossEntropy(tokens, targets);

    [Train]
    static AdamW Optimizer() => new(learningRate: 1e-4);
}

/// <summary>GPT-2 with 124 million parameters, the <c>gpt2</c> of the benchmarks.</summary>
[Model]
[Dim("B", Max = 16, Typical = 4), Dim("T", Max = 1024, Typical = 64)]
public sealed partial class Gpt2() : Gpt(new(Vocabulary: 50257, Context: 1024, Layers: 12, Heads: 12, Width: 768))
{
    /// <summary>The scores of the next token at every position.</summary>
    [Entry]
    public Tensor Logits([Shape("B", "T")] Tensor<int> tokens) => Forward(tokens);

    /// <summary>The mean cross entropy of the next tokens.</summary>
    [Loss]
    public Tensor Loss([Shape("B", "T")] Tensor<int> tokens, [Shape("B", "T")] Tensor<int> targets) => CrossEntropy(tokens, targets);

    [Train]
    static AdamW Optimizer() => new(learningRate: 1e-4);
}

/// <summary>The first two layers of GPT-2: what an interpreter gets through.</summary>
[Model]
[Dim("B", Max = 16, Typical = 4), Dim("T", Max = 1024, Typical = 64)]
public sealed partial class Gpt2Short() : Gpt(new(Vocabulary: 50257, Context: 1024, Layers: 2, Heads: 12, Width: 768))
{
    /// <summary>The scores of the next token at every position.</summary>
    [Entry]
    public Tensor Logits([Shape("B", "T")] Tensor<int> tokens) => Forward(tokens);

    /// <summary>The mean cross entropy of the next tokens.</summary>
    [Loss]
    public Tensor Loss([Shape("B", "T")] Tensor<int> tokens, [Shape("B", "T")] Tensor<int> targets) => CrossEntropy(tokens, targets);

    [Train]
    static AdamW Optimizer() => new(learningRate: 1e-4);
}
