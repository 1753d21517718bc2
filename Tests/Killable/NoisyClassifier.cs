using Graph.Nn;

namespace Graph.Killable;

/// <summary>A small network with everything that a resumed run could lose: running statistics, dropout.</summary>
[Module]
public partial class NoisyNetwork
{
    readonly Linear hidden = new(8, 32);
    readonly BatchNorm1d norm = new(32);
    readonly Linear head = new(32, 4);

    /// <summary>[batch, 8] → [batch, 4]</summary>
    public Tensor Forward(Tensor x) => head.Forward(norm.Forward(hidden.Forward(x)).Relu().Dropout(0.2));
}

/// <summary>It as a classifier, with moments and a clipped gradient.</summary>
[Model]
[Dim("B", Max = 64, Typical = 16)]
public sealed partial class NoisyClassifier : NoisyNetwork
{
    /// <summary>The scores of the four classes.</summary>
    [Entry]
    public Tensor Scores([Shape("B", 8)] Tensor x) => Forward(x);

    /// <summary>The mean cross entropy of the labels.</summary>
    [Loss]
    public Tensor Loss([Shape("B", 8)] Tensor x, [Shape("B")] Tensor<int> label) => Forward(x).CrossEntropy(label);

    [Train(ClipNorm = 1)]
    static AdamW Optimizer() => new(learningRate: 1e-2);
}

/// <summary>The same in 16 bits, a batch in two parts: working copies beside masters, a scale of the loss that moves, and steps that are skipped.</summary>
[Model]
[Dim("B", Max = 64, Typical = 16)]
public sealed partial class NoisyParts : NoisyNetwork
{
    /// <summary>The mean cross entropy of the labels.</summary>
    [Loss]
    public Tensor Loss([Shape("B", 8)] Tensor x, [Shape("B")] Tensor<int> label) => Forward(x).CrossEntropy(label);

    [Train(Precision = Precision.Float16, MicroBatches = 2, ClipNorm = 1)]
    static AdamW Optimizer() => new(learningRate: 1e-2);
}
