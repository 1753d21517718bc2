using System;

namespace Graph.Nn;

/// <summary>Affine map <c>y = x Wᵀ + b</c>; x: [..., inputs] → [..., outputs].</summary>
/// <remarks>Parameters and their first numbers as in torch.nn.Linear: <c>weight</c> [outputs, inputs] and <c>bias</c> [outputs], uniform in ±1/√inputs.</remarks>
/// <param name="inputs">The size of the last axis.</param>
/// <param name="outputs">Its size in the result.</param>
/// <param name="bias">Whether b is added.</param>
[Module]
public sealed partial class Linear(int inputs, int outputs, bool bias = true) : ILayer
{
    readonly Parameter weight = new([outputs, inputs], Init.KaimingUniform(gain: Math.Sqrt(1.0 / 3)));
    readonly Parameter? offset = bias ? new([outputs], Init.Uniform(1 / Math.Sqrt(inputs)), name: "bias") : null;

    /// <summary>W, [outputs, inputs].</summary>
    public Parameter Weight => weight;

    /// <summary>b, [outputs]; null without a bias.</summary>
    public Parameter? Bias => offset;

    /// <summary>[..., inputs] → [..., outputs]</summary>
    public Tensor Forward(Tensor x) => x.Linear(weight, offset);
}
