using System;

namespace Graph.Nn;

/// <summary>Convolution of images; x: [batch, inputs, height, width] → [batch, outputs, height', width'].</summary>
/// <remarks>
/// height' = ⌊(height + 2 · padding − dilation · (kernel − 1) − 1) / stride⌋ + 1. Parameters and their first numbers as in torch.nn.Conv2d:
/// <c>weight</c> [outputs, inputs / groups, kernel, kernel] and <c>bias</c> [outputs], uniform in ±1/√fan_in.
/// </remarks>
/// <param name="inputs">Channels of x.</param>
/// <param name="outputs">Channels of the result.</param>
/// <param name="kernel">Height and width of the window.</param>
/// <param name="stride">Steps of the window.</param>
/// <param name="padding">Zeros around the image.</param>
/// <param name="dilation">Distance of the window's points.</param>
/// <param name="groups">Channels are split into so many groups that do not see each other.</param>
/// <param name="bias">Whether a bias is added.</param>
[Module]
public sealed partial class Conv2d(int inputs, int outputs, int kernel, int stride = 1, int padding = 0, int dilation = 1, int groups = 1, bool bias = true) : ILayer
{
    readonly Parameter weight = new([outputs, inputs / groups, kernel, kernel], Init.KaimingUniform(gain: Math.Sqrt(1.0 / 3)));
    readonly Parameter? offset = bias ? new([outputs], Init.Uniform(1 / Math.Sqrt(inputs / groups * kernel * kernel)), name: "bias") : null;

    /// <summary>The kernels, [outputs, inputs / groups, kernel, kernel].</summary>
    public Parameter Weight => weight;

    /// <summary>[batch, inputs, height, width] → [batch, outputs, height', width']</summary>
    public Tensor Forward(Tensor x) => x.Conv2d(weight, offset, stride, padding, dilation, groups);
}
