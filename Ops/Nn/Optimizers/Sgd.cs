namespace Graph.Nn;

/// <summary>Stochastic gradient descent with momentum.</summary>
/// <remarks>As torch.optim.SGD: weight decay is added to the gradient; <c>velocity = momentum · velocity + (1 − dampening) · gradient</c> (the gradient itself in the first step); Nesterov's variant looks ahead by one momentum.</remarks>
/// <param name="learningRate">The learning rate where no schedule gives another.</param>
/// <param name="momentum">How much of the velocity is kept; 0 for none.</param>
/// <param name="weightDecay">The factor of the parameter in the gradient.</param>
/// <param name="nesterov">Whether to look ahead. Sutskever et al., ICML 2013.</param>
/// <param name="dampening">How much of the gradient does not enter the velocity.</param>
[Module]
public sealed partial class Sgd(double learningRate = 1e-2, double momentum = 0, double weightDecay = 0, bool nesterov = false, double dampening = 0)
{
    readonly double momentum = HyperParameter.AtLeast(nameof(momentum), momentum, 0);
    readonly double weightDecay = HyperParameter.AtLeast(nameof(weightDecay), weightDecay, 0);
    readonly double dampening = HyperParameter.AtLeast(nameof(dampening), dampening, 0);

    /// <summary>The learning rate where no schedule gives another.</summary>
    public double LearningRate { get; } = HyperParameter.AtLeast(nameof(learningRate), learningRate, 0);

    /// <summary>One step of one parameter.</summary>
    public (Tensor Value, Tensor Velocity) Update(Tensor value, Tensor gradient, [State] Tensor velocity, Tensor learningRate, Tensor step)
    {
        if (weightDecay != 0) gradient += value * weightDecay;
        if (momentum == 0) return (value - learningRate * gradient, velocity);
        var entering = dampening == 0 ? gradient : Tensor.Where(step.EqualTo(1), gradient, gradient * (1 - dampening));
        velocity = velocity * momentum + entering;
        return (value - learningRate * (nesterov ? gradient + velocity * momentum : velocity), velocity);
    }
}
