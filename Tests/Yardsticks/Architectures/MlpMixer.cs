using Graph.Nn;

namespace Graph.Yardsticks.Architectures;

/// <summary>Mixes over tokens, then over channels. Tolstikhin et al., NeurIPS 2021.</summary>
[Module]
public sealed partial class MixerBlock(int tokens, int width)
{
    readonly Linear tokens1 = new(tokens, 2 * tokens), tokens2 = new(2 * tokens, tokens), channels1 = new(width, 2 * width), channels2 = new(2 * width, width);
    readonly LayerNorm norm1 = new(width), norm2 = new(width);

    public Tensor Forward(Tensor x)
    {
        x += tokens2.Forward(tokens1.Forward(norm1.Forward(x).Transpose(1, 2)).Gelu()).Transpose(1, 2);
        return x + channels2.Forward(channels1.Forward(norm2.Forward(x)).Gelu());
    }
}

/// <summary>A regression on tokens: an array of blocks, transposed products.</summary>
[Model]
[Dim("B", Max = 16, Typical = 8)]
public sealed partial class MlpMixer
{
    readonly MixerBlock[] blocks = [new(9, 16), new(9, 16)];
    readonly Linear head = new(16, 4);

    [Loss]
    public Tensor Loss([Shape("B", 9, 16)] Tensor x, [Shape("B", 4)] Tensor wanted)
    {
        foreach (var block in blocks) x = block.Forward(x);
        return head.Forward(x.Mean(1)).MseLoss(wanted);
    }

    [Train(ClipNorm = 0.5)]
    static AdamW Optimizer() => new(learningRate: 1e-2);
}
