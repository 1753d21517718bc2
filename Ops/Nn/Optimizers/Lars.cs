namespace Graph.Nn;

/// <summary>Gradient descent with momentum whose rate is scaled, tensor by tensor, to the lengths of parameter and gradient: for large batches.</summary>
/// <remarks>
/// You, Gitman and Ginsburg, "Large Batch Training of Convolutional Networks", 2017: <c>local = trust · ‖w‖ ÷ (‖g‖ + decay · ‖w‖)</c>, <c>velocity = momentum · velocity + rate · local · (g + decay · w)</c>. Biases
/// and the gains of norms, parameters of one axis, are neither scaled nor decayed.
/// </remarks>
/// <param name="learningRate">The learning rate where no schedule gives another.</param>
/// <param name="momentum">How much of the velocity is kept.</param>
/// <param name="weightDecay">The factor of the parameter in the gradient.</param>
/// <param name="trust">How far a parameter may move, relative to its length, at a rate of 1.</param>
[Module]
public sealed partial class Lars(double learningRate = 0.1, double momentum = 0.9, double weightDecay = 1e-4, double trust = 1e-3)
{
    readonly double momentum = HyperParameter.AtLeast(nameof(momentum), momentum, 0);
    readonly double weightDecay = HyperParameter.AtLeast(nameof(weightDecay), weightDecay, 0);
    readonly double trust = HyperParameter.AtLeast(nameof(trust), trust, 0);

    /// <summary>The learning rate where no schedule gives another.</summary>
    public double LearningRate { get; } = HyperParameter.AtLeast(nameof(learningRate), learningRate, 0);

    /// <summary>One step of one parameter.</summary>
    public (Tensor Value, Tensor Velocity) Update(Tensor value, Tensor gradient, [State] Tensor velocity, Tensor learningRate, Tensor step)
    {
        if (value.Rank < 2)
        {
            velocity = velocity * momentum + gradient * learningRate;
            return (value - velocity, velocity);
        }
        var (length, slope) = (value.Norm(), gradient.Norm());
        var local = Tensor.Where((length > 0) * (slope > 0), length * trust / (slope + length * weightDecay), 1);
        velocity = velocity * momentum + (gradient + value * weightDecay) * (local * learningRate);
        return (value - velocity, velocity);
    }
}
