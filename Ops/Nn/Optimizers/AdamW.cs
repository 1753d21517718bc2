namespace Graph.Nn;

/// <summary>Adam with decoupled weight decay.</summary>
/// <remarks>Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019; step by step as torch.optim.AdamW computes it.</remarks>
/// <param name="learningRate">The learning rate where no schedule gives another.</param>
/// <param name="beta1">The decay of the average of gradients.</param>
/// <param name="beta2">The decay of the average of their squares.</param>
/// <param name="epsilon">Added to the root of that average.</param>
/// <param name="weightDecay">How much of a parameter is taken away a step, times the learning rate.</param>
/// <param name="decayVectors">Whether parameters of one axis, biases and the gains of norms, decay too, as by PyTorch's defaults.</param>
[Module]
public sealed partial class AdamW(double learningRate = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, double weightDecay = 0.01, bool decayVectors = true)
{
    readonly double beta1 = HyperParameter.Within(nameof(beta1), beta1, 0, 1);
    readonly double beta2 = HyperParameter.Within(nameof(beta2), beta2, 0, 1);
    readonly double epsilon = HyperParameter.AtLeast(nameof(epsilon), epsilon, 0);
    readonly double weightDecay = HyperParameter.AtLeast(nameof(weightDecay), weightDecay, 0);

    /// <summary>The learning rate where no schedule gives another.</summary>
    public double LearningRate { get; } = HyperParameter.AtLeast(nameof(learningRate), learningRate, 0);

    /// <summary>One step of one parameter.</summary>
    public (Tensor Value, Tensor M, Tensor V) Update(Tensor value, Tensor gradient, [State] Tensor m, [State] Tensor v, Tensor learningRate, Tensor step)
    {
        m += (gradient - m) * (1 - beta1);
        v = v * beta2 + gradient * gradient * (1 - beta2);
        var rate = learningRate / BiasCorrection.Of(beta1, step);
        var root = BiasCorrection.Of(beta2, step).Sqrt();
        if (decayVectors || value.Rank > 1) value *= 1 - learningRate * weightDecay;
        return (value - rate * (m / (v.Sqrt() / root + epsilon)), m, v);
    }
}
