using Graph.Nn;

namespace Graph.Yardsticks.Architectures;

/// <summary>Two convolutions.</summary>
[Module]
public sealed partial class DoubleConvolution(int inputs, int outputs)
{
    readonly Conv2d first = new(inputs, outputs, 3, padding: 1);
    readonly Conv2d second = new(outputs, outputs, 3, padding: 1);

    public Tensor Forward(Tensor x) => second.Forward(first.Forward(x).Relu()).Relu();
}

/// <summary>Segmentation: down, up by a transposed convolution, and the skipped features concatenated.</summary>
[Model]
[Dim("B", Max = 8, Typical = 2)]
public sealed partial class UNet
{
    readonly DoubleConvolution outer = new(1, 8), inner = new(8, 16), joined = new(24, 8);
    readonly Parameter upsample = new([16, 16, 2, 2], Init.KaimingNormal());
    readonly Conv2d last = new(8, 1, 1);

    [Entry]
    public Tensor Segment([Shape("B", 1, 16, 16)] Tensor image)
    {
        var skipped = outer.Forward(image);
        var deep = inner.Forward(skipped.MaxPool2d(2)).ConvTranspose2d(upsample, stride: 2);
        return last.Forward(joined.Forward(Tensor.Concat([skipped, deep], 1)));
    }

    [Loss]
    public Tensor Loss([Shape("B", 1, 16, 16)] Tensor image, [Shape("B", 1, 16, 16)] Tensor mask) => Losses.BinaryCrossEntropy(Segment(image), mask);

    [Train]
    static AdamW Optimizer() => new(learningRate: 3e-3);
}
