using Graph.Nn;

namespace Graph.Yardsticks.Programs;

/// <summary>A network trained by optimizers that look at each tensor as a whole, one after another.</summary>
[Model]
[Dim("B", Max = 32, Typical = 8)]
public sealed partial class ByTensor
{
    readonly Linear first = new(6, 10);
    readonly LayerNorm norm = new(10);
    readonly Linear last = new(10, 3);

    /// <summary>The mean cross entropy.</summary>
    [Loss] public Tensor Loss([Shape("B", 6)] Tensor x, [Shape("B")] Tensor<int> label) => last.Forward(norm.Forward(first.Forward(x)).Tanh()).CrossEntropy(label);

    [Train] static Lamb Lamb() => new(learningRate: 0.02, weightDecay: 0.1);

    [Train] static Lars Lars() => new(learningRate: 2, weightDecay: 0.01, trust: 0.02);

    [Train] static Muon Muon() => new(learningRate: 0.02, weightDecay: 0.1, adamRate: 0.1, except: "last");

    [Train] static AdamW AdamW() => new(learningRate: 5e-3, weightDecay: 0.5, decayVectors: false);
}
