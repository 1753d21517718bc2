using Graph.Nn;

namespace Graph.Yardsticks.Small;

/// <summary>One linear layer and its cross entropy, trained by AdamW: a contraction with an epilogue, rows, and an update.</summary>
[Model]
[Dim("B", Max = 64, Typical = 16)]
public sealed partial class LinearClassifier
{
    readonly Linear layer = new(8, 4);

    /// <summary>The probabilities of the classes.</summary>
    [Entry]
    public Tensor Predict([Shape("B", 8)] Tensor x) => layer.Forward(x).Softmax(-1);

    /// <summary>The mean cross entropy of the labels.</summary>
    [Loss]
    public Tensor Loss([Shape("B", 8)] Tensor x, [Shape("B")] Tensor<int> label) => layer.Forward(x).CrossEntropy(label);

    [Train(ClipNorm = 1)]
    static AdamW Optimizer() => new(learningRate: 1e-3);
}
