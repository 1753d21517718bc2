using Graph.Nn;

namespace Graph.Yardsticks;

/// <summary>A small convolutional network for images of 28 × 28 pixels.</summary>
/// <param name="dropout">How much of the hidden layer is dropped while training.</param>
[Module]
public partial class CnnNetwork(double dropout)
{
    readonly Conv2d conv1 = new(1, 32, kernel: 3, padding: 1, bias: false);
    readonly BatchNorm2d norm1 = new(32);
    readonly Conv2d conv2 = new(32, 64, kernel: 3, padding: 1, bias: false);
    readonly BatchNorm2d norm2 = new(64);
    readonly Linear hidden = new(64 * 7 * 7, 128);
    readonly Linear head = new(128, 10);

    /// <summary>[batch, 1, 28, 28] → [batch, 10]</summary>
    public Tensor Forward(Tensor x)
    {
        x = norm1.Forward(conv1.Forward(x)).Relu().MaxPool2d(2);
        x = norm2.Forward(conv2.Forward(x)).Relu().MaxPool2d(2);
        return head.Forward(hidden.Forward(x.Flatten(1)).Relu().Dropout(dropout));
    }
}

/// <summary>The <c>cnn</c> of the benchmarks.</summary>
[Model]
[Dim("B", Max = 256, Typical = 64)]
public sealed partial class Cnn() : CnnNetwork(dropout: 0.25)
{
    /// <summary>The scores of the ten classes.</summary>
    [Entry]
    public Tensor Logits([Shape("B", 1, 28, 28)] Tensor image) => Forward(image);

    /// <summary>The mean cross entropy of the labels.</summary>
    [Loss]
    public Tensor Loss([Shape("B", 1, 28, 28)] Tensor image, [Shape("B")] Tensor<int> label) => Forward(image).CrossEntropy(label);

    [Train]
    static AdamW Optimizer() => new(learningRate: 1e-4);
}

/// <summary>The same without dropout, so that it can be compared number by number with PyTorch.</summary>
[Model]
[Dim("B", Max = 256, Typical = 64)]
public sealed partial class CnnWithoutDropout() : CnnNetwork(dropout: 0)
{
    /// <summary>The scores of the ten classes.</summary>
    [Entry]
    public Tensor Logits([Shape("B", 1, 28, 28)] Tensor image) => Forward(image);

    /// <summary>The mean cross entropy of the labels.</summary>
    [Loss]
    public Tensor Loss([Shape("B", 1, 28, 28)] Tensor image, [Shape("B")] Tensor<int> label) => Forward(image).CrossEntropy(label);

    [Train]
    static AdamW Optimizer() => new(learningRate: 1e-4);
}
