namespace Graph.Nn;

/// <summary>Adam whose step is as long as the parameter allows, tensor by tensor: for large batches.</summary>
/// <remarks>You et al., "Large Batch Optimization for Deep Learning", ICLR 2020, with corrected averages. Biases and the gains of norms, parameters of one axis, take Adam's step without decay, as in the authors' code.</remarks>
/// <param name="learningRate">The learning rate where no schedule gives another.</param>
/// <param name="beta1">The decay of the average of gradients.</param>
/// <param name="beta2">The decay of the average of their squares.</param>
/// <param name="epsilon">Added to the root of that average.</param>
/// <param name="weightDecay">The factor of the parameter in the step.</param>
[Module]
public sealed partial class Lamb(double learningRate = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-6, double weightDecay = 0.01)
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
        var change = m / BiasCorrection.Of(beta1, step) / ((v / BiasCorrection.Of(beta2, step)).Sqrt() + epsilon);
        if (value.Rank < 2) return (value - learningRate * change, m, v);
        change += value * weightDecay;
        return (value - learningRate * BiasCorrection.TrustRatio(value, change) * change, m, v);
    }
}
