using Graph.Nn;

namespace Graph.Killable;

/// <summary>A small classifier with everything that a resumed run could lose: running statistics, dropout, moments, a clipped gradient.</summary>
[Model]
[Dim("B", Max = 64, Typical = 16)]
public sealed partial class NoisyClassifier
{
    readonly Linear hidden = new(8, 32);
    readonly BatchNorm1d norm = new(32);
    readonly Linear head = new(32, 4);

    Tensor Forward(Tensor x) => head.Forward(norm.Forward(hidden.Forward(x)).Relu().Dropout(0.2));

    /// <summary>The scores of the four classes.</summary>
    [Entry]
    public Tensor Scores([Shape("B", 8)] Tensor x) => Forward(x);

    /// <summary>The mean cross entropy of the labels.</summary>
    [Loss]
    public Tensor Loss([Shape("B", 8)] Tensor x, [Shape("B")] Tensor<int> label) => Forward(x).CrossEntropy(label);

    [Train(ClipNorm = 1)]
    static AdamW Optimizer() => new(learningRate: 1e-2);
}
