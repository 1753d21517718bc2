namespace Graph;

/// <summary>Values of <see cref="TrainAttribute.LossScale"/> beside a number.</summary>
public static class LossScale
{
    /// <summary>What the precision needs: <see cref="Dynamic"/> for <see cref="Precision.Float16"/>, <see cref="None"/> for all others.</summary>
    public const double Automatic = 0;

    /// <summary>65536 at first, doubled after 2000 clean steps in a row, halved by a step whose loss or gradients are not finite, which is skipped: as torch.amp.GradScaler does.</summary>
    public const double Dynamic = -1;

    /// <summary>The loss is not scaled.</summary>
    public const double None = 1;
}
