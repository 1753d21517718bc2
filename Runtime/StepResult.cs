namespace Graph;

/// <summary>
/// What one training step gave. On a device steps run by themselves: who reads a number waits for its step, and hears then what went wrong in it; on the processor all is there already.
/// </summary>
public readonly struct StepResult
{
    readonly Runtime.Execution.PendingStep? pending;
    readonly double loss, gradientNorm, lossScale;
    readonly long step;

    internal StepResult(long step, double loss, double gradientNorm, double learningRate, double lossScale = 1)
    {
        this.step = step;
        this.loss = loss;
        this.gradientNorm = gradientNorm;
        LearningRate = learningRate;
        this.lossScale = lossScale;
    }

    internal StepResult(Runtime.Execution.PendingStep pending, double learningRate) => (this.pending, LearningRate) = (pending, learningRate);

    /// <summary>A device makes it by itself: who reads it may wait.</summary>
    internal bool IsPending => pending is not null;

    /// <summary>The number of the step: 1 for the first. A step that is not made does not count, so the next one has the same number.</summary>
    public long Step => pending?.Numbers.Step ?? step;

    /// <summary>The rate it was made with.</summary>
    public double LearningRate { get; }

    /// <summary>The loss on the step's batch, before the update; a float32 number unless the model is trained in <see cref="Precision.Float64"/>.</summary>
    public double Loss => pending?.Numbers.Loss ?? loss;

    /// <summary>The Euclidean norm of all gradients, before clipping.</summary>
    public double GradientNorm => pending?.Numbers.Norm ?? gradientNorm;

    /// <summary>False when loss or gradients overflowed or were no numbers: then the step was not made, and the model is as before it.</summary>
    public bool IsFinite => double.IsFinite(Loss) && double.IsFinite(GradientNorm);

    /// <summary>Why the step was not made; <see cref="SkipReason.None"/> when it was.</summary>
    public SkipReason Skipped => !double.IsFinite(Loss) ? SkipReason.Loss : !double.IsFinite(GradientNorm) ? SkipReason.Gradients : SkipReason.None;

    /// <summary>What the loss was multiplied with before the backward pass, and the gradients divided by behind it; 1 but in 16 bits.</summary>
    public double LossScale => pending?.Numbers.Scale ?? lossScale;

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
