using Graph.Nn;

namespace Graph.Yardsticks.Architectures;

/// <summary>Scales channels by what their means tell. Hu et al., CVPR 2018.</summary>
[Module]
public sealed partial class SqueezeExcite(int channels, int reduction)
{
    readonly Linear squeeze = new(channels, channels / reduction), excite = new(channels / reduction, channels);

    public Tensor Forward(Tensor x) => x * excite.Forward(squeeze.Forward(x.Mean([2, 3])).Relu()).Sigmoid().Reshape(x.Shape[0], channels, 1, 1);
}

/// <summary>A depthwise-separable convolution with squeeze and excitation, SGD with momentum, smoothed labels.</summary>
[Model]
[Dim("B", Max = 8, Typical = 4)]
public sealed partial class MobileNet
{
    readonly Conv2d stem = new(3, 16, 3, stride: 2, padding: 1, bias: false), depthwise = new(16, 16, 3, padding: 1, groups: 16, bias: false), pointwise = new(16, 32, 1, bias: false);
    readonly BatchNorm2d norm1 = new(16), norm2 = new(16), norm3 = new(32);
    readonly SqueezeExcite attention = new(32, 4);
    readonly Linear head = new(32, 5);

    [Entry]
    public Tensor Logits([Shape("B", 3, 16, 16)] Tensor image)
    {
        var x = norm1.Forward(stem.Forward(image)).Silu();
        x = norm2.Forward(depthwise.Forward(x)).Clamp(0, 6);
        return head.Forward(attention.Forward(norm3.Forward(pointwise.Forward(x))).Mean([2, 3]));
    }

    [Loss]
    public Tensor Loss([Shape("B", 3, 16, 16)] Tensor image, [Shape("B")] Tensor<int> label) => Logits(image).CrossEntropy(label, labelSmoothing: 0.1);

    [Train]
    static Sgd Optimizer() => new(learningRate: 0.05, momentum: 0.9, weightDecay: 1e-4);
}
