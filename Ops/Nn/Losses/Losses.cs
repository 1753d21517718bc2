using System;

namespace Graph.Nn;

/// <summary>Losses, each a mean over all elements unless it says otherwise.</summary>
[Module]
public static partial class Losses
{
    /// <summary>Mean absolute difference.</summary>
    public static Tensor L1(Tensor prediction, Tensor target) => (prediction - target).Abs().Mean();

    /// <summary>Mean squared difference.</summary>
    public static Tensor MeanSquared(Tensor prediction, Tensor target) => prediction.MseLoss(target);

    /// <summary>Quadratic near 0, linear beyond <paramref name="delta"/>. Huber, 1964.</summary>
    public static Tensor Huber(Tensor prediction, Tensor target, double delta = 1)
    {
        var error = (prediction - target).Abs();
        return Tensor.Where(error < delta, error * error * 0.5, (error - 0.5 * delta) * delta).Mean();
    }

    /// <summary>Cross entropy of yes-no answers, from logits: <c>max(z, 0) − z · y + log(1 + e^−|z|)</c>, which overflows nowhere.</summary>
    public static Tensor BinaryCrossEntropy(Tensor logits, Tensor target) => (logits.Relu() - logits * target + (-logits.Abs()).Exp().Log1p()).Mean();

    /// <summary>Cross entropy of the next token at every position; logits: [..., classes], labels: [...] of integers.</summary>
    public static Tensor TokenCrossEntropy(Tensor logits, Tensor labels) => logits.Flatten(0, -2).CrossEntropy(labels.Flatten());
}
