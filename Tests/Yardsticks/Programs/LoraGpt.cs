using Graph.Nn;

namespace Graph.Yardsticks.Programs;

/// <summary>Low-rank adaptation: a weight W [outputs, inputs] is read as W + scale · B A, with A [rank, inputs] and B [outputs, rank].</summary>
/// <remarks>Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022. B begins as zeros, so that nothing changes at first.</remarks>
/// <param name="weight">The weight that it stands in the place of.</param>
/// <param name="rank">The rank of what is added.</param>
/// <param name="alpha">The scale is alpha ÷ rank.</param>
[Module]
public sealed partial class Lora(Parameter weight, int rank, double alpha) : IParametrization
{
    readonly Parameter a = new([rank, weight.Shape[1]], Init.KaimingUniform()), b = new([weight.Shape[0], rank], Init.Zeros);

    /// <summary>[outputs, inputs] → [outputs, inputs]</summary>
    public Tensor Forward(Tensor value) => value + b.MatMul(a) * (alpha / rank);
}

/// <summary>A GPT as it is, whose attention is adapted by matrices of rank 2 while all of its own weights stay.</summary>
[Model]
[Dim("B", Max = 8, Typical = 2), Dim("T", Max = 8)]
public sealed partial class LoraGpt : Gpt
{
    /// <summary>Puts the adaptation in the place of the weights of attention.</summary>
    public LoraGpt()
        : base(new(Vocabulary: 11, Context: 8, Layers: 2, Heads: 2, Width: 8)) => Parametrize.Register(this, "blocks.*.attention.weight", weight => new Lora(weight, rank: 2, alpha: 4));

    /// <summary>The scores of the next token at every position.</summary>
    [Entry]
    public Tensor Logits([Shape("B", "T")] Tensor<int> tokens) => Forward(tokens);

    /// <summary>The mean cross entropy of the next tokens.</summary>
    [Loss]
    public Tensor Loss([Shape("B", "T")] Tensor<int> tokens, [Shape("B", "T")] Tensor<int> targets) => CrossEntropy(tokens, targets);

    /// <summary>Trains A and B alone.</summary>
    [Train(Updates = ["**.lora"])]
    public static AdamW Optimizer() => new(learningRate: 1e-2, weightDecay: 0.01);
}

/// <summary>The same GPT without anything in its place: what a file of merged weights is of.</summary>
[Model]
[Dim("B", Max = 8, Typical = 2), Dim("T", Max = 8)]
public sealed partial class SmallGpt() : Gpt(new(Vocabulary: 11, Context: 8, Layers: 2, Heads: 2, Width: 8))
{
    /// <summary>The scores of the next token at every position.</summary>
    [Entry]
    public Tensor Logits([Shape("B", "T")] Tensor<int> tokens) => Forward(tokens);
}
