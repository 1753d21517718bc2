namespace Graph.Nn;

/// <summary>
/// Normalizes each channel: by the mean and variance of the batch while training, by their running averages afterwards; then scales and shifts. Shape of x, channels at axis 1.
/// </summary>
/// <remarks>
/// Ioffe and Szegedy, "Batch Normalization", ICML 2015. As in torch.nn.BatchNorm2d: the batch is normalized by its biased variance, the running variance averages the unbiased one,
/// <c>running = (1 − momentum) · running + momentum · batch</c>. Parameters <c>weight</c> (1) and <c>bias</c> (0), states <c>running_mean</c> (0) and <c>running_var</c> (1).
/// </remarks>
/// <param name="channels">The size of axis 1.</param>
/// <param name="epsilon">Added to the variance.</param>
/// <param name="momentum">The weight of the newest batch in the running averages.</param>
[Module]
public partial class BatchNorm(int channels, double epsilon = 1e-5, double momentum = 0.1) : ILayer
{
    readonly Parameter weight = new([channels], Init.Ones);
    readonly Parameter bias = new([channels], Init.Zeros);
    readonly State mean = new([channels], Init.Zeros, name: "running_mean");
    readonly State variance = new([channels], Init.Ones, name: "running_var");

    /// <summary>[batch, channels, ...] → the same shape</summary>
    public Tensor Forward(Tensor x)
    {
        if (!Mode.Training) return x.BatchNormInference(weight, bias, mean, variance, epsilon);
        var (y, batchMean, batchVariance) = x.BatchNorm(weight, bias, epsilon);
        Tensor count = x.Length / channels;
        var unbiased = batchVariance * count / (count - 1.0);
        mean.Assign(mean * (1 - momentum) + batchMean * momentum);
        variance.Assign(variance * (1 - momentum) + unbiased * momentum);
        return y;
    }
}

/// <summary><see cref="BatchNorm"/> of images, [batch, channels, height, width].</summary>
/// <param name="channels">The size of axis 1.</param>
/// <param name="epsilon">Added to the variance.</param>
/// <param name="momentum">The weight of the newest batch in the running averages.</param>
[Module]
public sealed partial class BatchNorm2d(int channels, double epsilon = 1e-5, double momentum = 0.1) : BatchNorm(channels, epsilon, momentum);

/// <summary><see cref="BatchNorm"/> of vectors or sequences, [batch, channels] or [batch, channels, length].</summary>
/// <param name="channels">The size of axis 1.</param>
/// <param name="epsilon">Added to the variance.</param>
/// <param name="momentum">The weight of the newest batch in the running averages.</param>
[Module]
public sealed partial class BatchNorm1d(int channels, double epsilon = 1e-5, double momentum = 0.1) : BatchNorm(channels, epsilon, momentum);
