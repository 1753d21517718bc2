using Graph.Nn;

namespace Graph.Examples.Digits;

/// <summary>Two convolutions with batch normalization, each followed by pooling, and a classifier over ten digits; for square grey images whose side is a multiple of four.</summary>
/// <param name="side">Height and width of the images.</param>
/// <param name="channels">Channels after the first convolution; the second doubles them.</param>
[Module]
public partial class ConvNet(int side, int channels)
{
    readonly Conv2d first = new(1, channels, kernel: 3, padding: 1, bias: false);
    readonly BatchNorm2d firstNorm = new(channels);
    readonly Conv2d second = new(channels, 2 * channels, kernel: 3, padding: 1, bias: false);
    readonly BatchNorm2d secondNorm = new(2 * channels);
    readonly Dropout dropout = new(0.25);
    readonly Linear head = new(2 * channels * (side / 4) * (side / 4), 10);

    /// <summary>Images [B, 1, side, side] to logits [B, 10].</summary>
    public Tensor Forward(Tensor x)
    {
        x = firstNorm.Forward(first.Forward(x)).Relu().MaxPool2d(2);
        x = secondNorm.Forward(second.Forward(x)).Relu().MaxPool2d(2);
        return head.Forward(dropout.Forward(x.Flatten(1)));
    }
}
