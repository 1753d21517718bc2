using Graph.Nn;

namespace Graph.Yardsticks.Small;

/// <summary>Convolution, batch norm, relu and pooling, as every convolutional network stacks them: running statistics, columns, and windows.</summary>
[Model]
[Dim("B", Max = 16, Typical = 8)]
public sealed partial class ConvolutionBlock
{
    readonly Conv2d conv = new(1, 4, kernel: 3, padding: 1, bias: false);
    readonly BatchNorm2d norm = new(4);

    /// <summary>The pooled features.</summary>
    [Entry]
    public Tensor Features([Shape("B", 1, 8, 8)] Tensor image) => norm.Forward(conv.Forward(image)).Relu().MaxPool2d(2);

    /// <summary>Their distance from what is wanted.</summary>
    [Loss]
    public Tensor Loss([Shape("B", 1, 8, 8)] Tensor image, [Shape("B", 4, 4, 4)] Tensor wanted) => Features(image).MseLoss(wanted);

    [Train]
    static Sgd Optimizer() => new(learningRate: 0.1);
}
