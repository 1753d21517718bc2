using System;

namespace Graph;

/// <summary>The learning rate as a function of how many steps were made.</summary>
public abstract record Schedule
{
    private Schedule()
    {
    }

    /// <summary>The rate of a step.</summary>
    /// <param name="step">The number of steps before it: 0 for the first.</param>
    public abstract float Rate(long step);

    /// <summary>Always the same.</summary>
    public static Schedule Constant(float rate) => new ConstantSchedule(rate);

    /// <summary>
    /// Rises in a line to <paramref name="peak"/> over <paramref name="warmup"/> steps (the first makes peak ÷ (warmup + 1)), then falls along half a cosine to <paramref name="floor"/>
    /// at step <paramref name="total"/>, and stays there: Loshchilov and Hutter, "SGDR", ICLR 2017, as nanoGPT has it.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The warm-up is longer than the whole, or a number is negative.</exception>
    public static Schedule WarmupCosine(float peak, long warmup, long total, float floor = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(warmup);
        ArgumentOutOfRangeException.ThrowIfNegative(floor);
        ArgumentOutOfRangeException.ThrowIfLessThan(total, warmup);
        return new WarmupCosineSchedule(peak, warmup, total, floor);
    }

    sealed record ConstantSchedule(float Value) : Schedule
    {
        public override float Rate(long step) => Value;
    }

    sealed record WarmupCosineSchedule(float Peak, long Warmup, long Total, float Floor) : Schedule
    {
        public override float Rate(long step)
        {
            if (step < Warmup) return (float)((double)Peak * (step + 1) / (Warmup + 1));
            if (step >= Total) return Floor;
            var way = (double)(step - Warmup) / (Total - Warmup);
            return (float)(Floor + 0.5 * (1 + Math.Cos(Math.PI * way)) * ((double)Peak - Floor));
        }
    }
}
