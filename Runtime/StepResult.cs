namespace Graph;

/// <summary>What one training step gave. Numbers are fetched from the device when they are read; on the processor they are there already.</summary>
public readonly struct StepResult
{
    readonly double loss, gradientNorm;

    internal StepResult(long step, double loss, double gradientNorm, double learningRate, double lossScale = 1)
    {
        Step = step;
        this.loss = loss;
        this.gradientNorm = gradientNorm;
        LearningRate = learningRate;
        LossScale = lossScale;
    }

    /// <summary>The number of the step: 1 for the first. A step that is not made does not count, so the next one has the same number.</summary>
    public long Step { get; }

    /// <summary>The rate it was made with.</summary>
    public double LearningRate { get; }

    /// <summary>The loss on the step's batch, before the update; a float32 number unless the model is trained in <see cref="Precision.Float64"/>.</summary>
    public double Loss => loss;

    /// <summary>The Euclidean norm of all gradients, before clipping.</summary>
    public double GradientNorm => gradientNorm;

    /// <summary>False when loss or gradients overflowed or were no numbers: then the step was not made, and the model is as before it.</summary>
    public bool IsFinite => double.IsFinite(loss) && double.IsFinite(gradientNorm);

    /// <summary>Why the step was not made; <see cref="SkipReason.None"/> when it was.</summary>
    public SkipReason Skipped => !double.IsFinite(loss) ? SkipReason.Loss : !double.IsFinite(gradientNorm) ? SkipReason.Gradients : SkipReason.None;

    /// <summary>What the loss was multiplied with before the backward pass, and the gradients divided by behind it; 1 but in 16 bits.</summary>
    public double LossScale { get; }

    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"step {Step}: loss {Loss:0.0000}, gradient norm {GradientNorm:0.000}{(IsFinite ? "" : ", not made")}");
}

/// <summary>Why a training step was not made.</summary>
public enum SkipReason
{
    /// <summary>It was made.</summary>
    None,

    /// <summary>The loss is not finite: the forward pass has overflowed, or the batch holds numbers that are not finite.</summary>
    Loss,

    /// <summary>A gradient is not finite: in float16, most often because the scale of the loss is too large, which is halved then.</summary>
    Gradients,
}
