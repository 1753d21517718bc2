using Graph.Nn;

namespace Graph.Examples.Digits;

/// <summary>Reads handwritten digits of 8×8 pixels.</summary>
[Model]
[Dim("B", Max = 512, Typical = 64)]
public partial class DigitReader() : ConvNet(side: 8, channels: 32)
{
    /// <summary>The probability of each digit, [B, 10].</summary>
    [Entry]
    public Tensor Predict([Shape("B", 1, 8, 8)] Tensor image) => Forward(image).Softmax(-1);

    [Loss]
    public Tensor Loss([Shape("B", 1, 8, 8)] Tensor image, [Shape("B")] Tensor<int> label) => Forward(image).CrossEntropy(label);

    [Train(Precisions = [Precision.Float32, Precision.Float16, Precision.BFloat16])]
    public static AdamW Optimizer() => new(learningRate: 2e-3f, weightDecay: 0.05f);
}

/// <summary>Reads handwritten digits of 28×28 pixels, as MNIST has them.</summary>
[Model]
[Dim("B", Max = 512, Typical = 64)]
public partial class MnistReader() : ConvNet(side: 28, channels: 32)
{
    /// <summary>The probability of each digit, [B, 10].</summary>
    [Entry]
    public Tensor Predict([Shape("B", 1, 28, 28)] Tensor image) => Forward(image).Softmax(-1);

    [Loss]
    public Tensor Loss([Shape("B", 1, 28, 28)] Tensor image, [Shape("B")] Tensor<int> label) => Forward(image).CrossEntropy(label);

    [Train(Precisions = [Precision.Float32, Precision.Float16, Precision.BFloat16])]
    public static AdamW Optimizer() => new(learningRate: 2e-3f, weightDecay: 0.05f);
}
