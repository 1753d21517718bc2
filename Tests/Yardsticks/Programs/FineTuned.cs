using Graph.Nn;

namespace Graph.Yardsticks.Programs;

/// <summary>A network whose head is trained first, on features that stay, and then all of it, more slowly: two programs with one loss.</summary>
[Model]
[Dim("B", Max = 32, Typical = 8)]
public sealed partial class FineTuned
{
    readonly Perceptron body = new(5, 12, 8);
    readonly Linear head = new(8, 3);

    /// <summary>The probabilities of the classes.</summary>
    [Entry] public Tensor Predict([Shape("B", 5)] Tensor x) => Logits(x).Softmax(-1);

    /// <summary>The mean cross entropy.</summary>
    [Loss] public Tensor Loss([Shape("B", 5)] Tensor x, [Shape("B")] Tensor<int> label) => Logits(x).CrossEntropy(label);

    /// <summary>Trains the head alone.</summary>
    [Train(Updates = ["head"])] public static Sgd Head() => new(learningRate: 0.3, momentum: 0.9);

    /// <summary>Trains everything.</summary>
    [Train] public static AdamW Whole() => new(learningRate: 2e-3, weightDecay: 0.1);

    Tensor Logits(Tensor x) => head.Forward(body.Forward(x).Relu());
}
