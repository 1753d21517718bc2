using Graph.Nn;

namespace Graph.Yardsticks.Programs;

/// <summary>One network whose steps go through their batch in two and in four parts: gradients are added up, each part is normalized by itself.</summary>
[Model]
[Dim("B", Max = 32, Typical = 8)]
public sealed partial class InParts
{
    readonly Linear first = new(5, 12, bias: false);
    readonly BatchNorm1d norm = new(12);
    readonly Linear last = new(12, 3);

    Tensor Forward(Tensor x) => last.Forward(norm.Forward(first.Forward(x)).Relu());

    /// <summary>Class probabilities.</summary>
    [Entry] public Tensor Predict([Shape("B", 5)] Tensor x) => Forward(x).Softmax(-1);

    [Loss] public Tensor Loss([Shape("B", 5)] Tensor x, [Shape("B")] Tensor<int> label) => Forward(x).CrossEntropy(label);

    [Train(MicroBatches = 2, ClipNorm = 0.3)] static AdamW Halves() => new(learningRate: 2e-3, weightDecay: 0.1);

    [Train(MicroBatches = 4)] static Sgd Quarters() => new(learningRate: 0.3, momentum: 0.9);
}
