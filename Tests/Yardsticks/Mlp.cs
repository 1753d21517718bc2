using Graph.Nn;

namespace Graph.Yardsticks;

/// <summary>A perceptron with two hidden layers for images of 28 × 28 pixels, the <c>mlp</c> of the benchmarks.</summary>
[Model]
[Dim("B", Max = 256, Typical = 128)]
public sealed partial class Mlp
{
    readonly Linear first = new(784, 512);
    readonly Linear second = new(512, 512);
    readonly Linear last = new(512, 10);

    /// <summary>The scores of the ten classes.</summary>
    [Entry]
    public Tensor Logits([Shape("B", 784)] Tensor image) => last.Forward(second.Forward(first.Forward(image).Relu()).Relu());

    /// <summary>The mean cross entropy of the labels.</summary>
    [Loss]
    public Tensor Loss([Shape("B", 784)] Tensor image, [Shape("B")] Tensor<int> label) => Logits(image).CrossEntropy(label);

    [Train]
    static AdamW Optimizer() => new(learningRate: 1e-4);
}
