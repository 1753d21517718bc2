using System;
using Graph.Nn;

namespace Graph.Yardsticks.Small;

/// <summary>Causal attention with one head: contractions around a softmax whose scale and mask fuse into it.</summary>
[Model]
[Dim("B", Max = 16, Typical = 4)]
[Dim("T", Max = 64, Typical = 16)]
public sealed partial class CausalAttention
{
    readonly Linear query = new(8, 8, bias: false);

    /// <summary>What every position gathers from those before it.</summary>
    [Entry]
    public Tensor Attend([Shape("B", "T", 8)] Tensor x)
    {
        var scores = query.Forward(x).MatMul(x.Transpose(-2, -1)) / Math.Sqrt(8);
        return Tensor.Where(Tensor.CausalMask(x.Shape[1], x.Shape[1]), scores, double.NegativeInfinity).Softmax(-1).MatMul(x);
    }

    /// <summary>Its distance from what is wanted.</summary>
    [Loss]
    public Tensor Loss([Shape("B", "T", 8)] Tensor x, [Shape("B", "T", 8)] Tensor wanted) => Attend(x).MseLoss(wanted);

    [Train]
    static Sgd Optimizer() => new(learningRate: 0.1);
}
